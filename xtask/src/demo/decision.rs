//! What each step of the demo decides: a sentence for the transcript, or what is wrong.

use fraisier_adapter_api::{
    AdapterDescription, AdapterError, AdapterErrorKind, MigrationOutcome, PreflightReport,
    Revision, Severity, VerifyReport,
};

use super::transcript::Decision;

pub fn described(found: &Result<AdapterDescription, AdapterError>, version: &str) -> Decision {
    let found = ok(found)?;
    if found.version != version {
        return Err(format!(
            "it says {}, but the binary is {version}",
            found.version
        ));
    }
    Ok(format!(
        "{} {}, which can {}",
        found.name,
        found.version,
        found.capabilities.join(", ")
    ))
}

pub fn is_at(
    found: &Result<Option<Revision>, AdapterError>,
    expected: Option<&String>,
) -> Decision {
    let found = ok(found)?.as_ref().map(Revision::as_str);
    match (found, expected) {
        (None, None) => Ok("no revision: nothing was ever applied here".to_owned()),
        (Some(found), Some(expected)) if found == expected => Ok(format!("at {found}")),
        (found, expected) => Err(format!(
            "it is at {}, but should be at {}",
            found.unwrap_or("no revision"),
            expected.map_or("no revision", String::as_str)
        )),
    }
}

pub fn preflighted(found: &Result<PreflightReport, AdapterError>, lints: bool) -> Decision {
    match found {
        Err(error) if !lints && error.kind == AdapterErrorKind::MethodNotSupported => {
            Ok("this release cannot; that is not a pass".to_owned())
        }
        found => {
            let report = ok(found)?;
            if !report.ok {
                return Err(format!("it found errors: {}", issues(report)));
            }
            let window = match report.window_safe {
                Some(true) => "old code may run on while it applies",
                Some(false) => "old code may NOT run on while it applies",
                None => "no word on whether old code may run on: a gate refuses",
            };
            let risk = match report.usable_change_set() {
                Ok(set) => match set.worst_tier() {
                    Some(tier) => format!("; {} changes, at worst {tier}", set.changes.len()),
                    None => format!("; {} changes", set.changes.len()),
                },
                Err(_) => String::new(),
            };
            Ok(format!("no errors; {window}{risk}{}", issues(report)))
        }
    }
}

/// The issues, each on a line of its own.
fn issues(report: &PreflightReport) -> String {
    report
        .issues
        .iter()
        .map(|issue| {
            let severity = match issue.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            format!("\n{severity} {}: {}", issue.code, issue.message)
        })
        .collect::<Vec<_>>()
        .concat()
}

pub fn applied(found: &Result<MigrationOutcome, AdapterError>, versions: &[String]) -> Decision {
    let found = ok(found)?;
    let applied: Vec<&str> = found.applied.iter().map(Revision::as_str).collect();
    if applied != versions {
        return Err(format!(
            "it applied [{}] instead of [{}]",
            applied.join(", "),
            versions.join(", ")
        ));
    }
    if found.from.is_some() || found.to.as_ref() != found.applied.last() {
        return Err(format!("it went {}", from_to(found)));
    }
    Ok(format!("{} applied, {}", applied.len(), from_to(found)))
}

pub fn verified(found: &Result<VerifyReport, AdapterError>, expected: usize) -> Decision {
    let found = ok(found)?;
    let passed = found.checks.iter().filter(|check| check.ok).count();
    if found.ok && !found.was_skipped && passed == expected {
        Ok(format!("{passed} checks passed"))
    } else {
        let bad: Vec<&str> = found
            .checks
            .iter()
            .filter(|check| !check.ok)
            .map(|check| check.name.as_str())
            .collect();
        Err(format!(
            "{passed} of {expected} checks passed{}{}",
            if bad.is_empty() { "" } else { "; not: " },
            bad.join(", ")
        ))
    }
}

pub fn failed(found: &Result<MigrationOutcome, AdapterError>) -> Decision {
    match found {
        Ok(found) => Err(format!(
            "the migration that must fail passed, {}",
            from_to(found)
        )),
        Err(error) if error.kind == AdapterErrorKind::Execution => {
            Ok(format!("refused, as it should be:\n{error}"))
        }
        Err(error) => Err(format!("it failed in another way than expected: {error}")),
    }
}

pub fn went_back(
    found: &Result<MigrationOutcome, AdapterError>,
    head: &str,
    first: &str,
) -> Decision {
    let found = ok(found)?;
    let ends = |revision: &Option<Revision>, expected| {
        revision.as_ref().map(Revision::as_str) == Some(expected)
    };
    if ends(&found.from, head) && ends(&found.to, first) {
        Ok(format!("rolled back, {}", from_to(found)))
    } else {
        Err(format!("it went {}", from_to(found)))
    }
}

fn from_to(outcome: &MigrationOutcome) -> String {
    let name = |revision: &Option<Revision>| {
        revision
            .as_ref()
            .map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    format!("{} → {}", name(&outcome.from), name(&outcome.to))
}

fn ok<T>(found: &Result<T, AdapterError>) -> Result<&T, String> {
    found.as_ref().map_err(ToString::to_string)
}
