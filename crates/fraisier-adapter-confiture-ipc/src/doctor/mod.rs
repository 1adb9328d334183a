//! What stands in the way of a deploy: looked at, never touched.
//!
//! Nothing is changed, and no lock of migrations is taken. Each check is bounded in time. One that
//! fails stops only those that need what it looked for. What is told passes the redactor.

mod certificate;
mod connection;
mod database;
mod diagnosis;
mod files;
mod finding;
mod history;
mod ledger;
mod program;
mod question;
mod regular;
mod server;
mod sessions;
mod target;
mod tls;

pub use self::diagnosis::Diagnosis;
pub use self::finding::{Finding, Grade};
use crate::project::Project;

/// Makes every check.
pub(crate) async fn examine(project: &Project) -> Diagnosis {
    let mut checks = program::examine().await;
    let files = files::examine(project, &mut checks);
    let (redactor, target) = target::examine(project, &mut checks);
    if let Some(target) = target {
        let connected = connection::examine(&target, &mut checks).await;
        database::examine(connected, &target, &files, &mut checks).await;
    } else {
        let why = "not made: there is no connection string";
        let names = connection::CHECKS.into_iter().chain(database::CHECKS);
        checks.extend(names.map(|check| Finding::unknown(check, why)));
    }
    Diagnosis::new(checks, &redactor)
}
