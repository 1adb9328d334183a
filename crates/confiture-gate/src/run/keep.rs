//! What `--keep` stores of a case: its project, and each call with its output.

use std::fs;
use std::path::Path;

use contract_catalogue::case::Case;
use contract_catalogue::site::Site;

use super::observe::Observed;
use super::text::without_secret;

/// Stores the case below `directory`, without the password of the database.
pub(crate) fn keep(
    directory: &Path,
    case: &Case,
    site: &Site,
    observed: &Observed,
) -> anyhow::Result<()> {
    let directory = directory.join(case.name);
    let project = directory.join("project");
    if project.is_dir() {
        fs::remove_dir_all(&project)?;
    }
    fs::create_dir_all(&directory)?;
    case.definition.project.write(&project)?;
    for (number, call) in (1..).zip(&observed.seen) {
        let text = serde_json::to_string_pretty(call)?;
        let path = directory.join(format!("call-{number}.json"));
        fs::write(path, without_secret(&text, site))?;
        if let Some(report) = &call.report {
            let path = directory.join(format!("report-{number}.json"));
            fs::write(path, without_secret(report, site))?;
        }
    }
    let state = serde_json::json!({ "before": observed.before, "after": observed.after });
    fs::write(
        directory.join("database.json"),
        serde_json::to_string_pretty(&state)?,
    )?;
    Ok(())
}
