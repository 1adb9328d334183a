//! Finds what would make a deploy fail.
//!
//! Nothing is changed, and no migration lock is acquired. Each step is bounded in time. What cannot be
//! examined because another check failed is not listed: one cause is one line. All texts are redacted.

mod checks;
mod database;
mod diagnosis;
mod files;
mod finding;
mod history;
mod program;
mod secret;

use std::path::Path;

pub use self::diagnosis::Diagnosis;
pub use self::finding::{Finding, Grade};
use crate::project::Project;

/// Makes every check. `confiture` is the value of `--confiture`.
pub(crate) async fn examine(project: &Project, confiture: Option<&Path>) -> Diagnosis {
    let (redactor, secret) = secret::examine(project);
    let (adapter, variables) = program::variables(confiture);
    let looks = adapter.as_ref().filter(|_| secret.grade != Grade::Fail);
    let (program, files, looked) = tokio::join!(
        async { Some(program::examine(adapter.as_ref()?, confiture).await) },
        files::examine(project),
        async { Some(database::look(looks?, project).await) },
    );
    let (version, program) = program.unwrap_or_default();
    let (migrations, files) = files;
    let mut checks = vec![variables];
    checks.extend(program);
    checks.extend(files);
    checks.push(secret);
    match looked {
        Some(Ok(looked)) if version.is_some() => {
            checks.extend(looked.findings(migrations.as_deref(), version.as_ref()));
        }
        // Where confiture does not start, only this says why.
        Some(Err(finding)) if version.is_some() || finding.check == database::PYTHON => {
            checks.push(finding);
        }
        _ => {}
    }
    Diagnosis::new(checks, &redactor)
}
