//! A whole deploy, as an engine does it: through the trait, knowing nothing of confiture.

use std::sync::Arc;

use fraisier_adapter_api::{
    AdapterCtx, AdapterDescription, AdapterError, AdapterErrorKind, MigrationAdapter,
    MigrationOutcome, PreflightReport, Revision, Severity, VerifyReport,
};

use super::project::Project;
use super::transcript::{Judgement, Transcript};

/// Runs the nine steps and stops at the first surprise. `version` is what `describe` must say.
///
/// # Errors
/// What was not as expected.
pub async fn deploy(
    adapter: &Arc<dyn MigrationAdapter>,
    ctx: &AdapterCtx,
    project: &Project,
    version: &str,
    transcript: &mut Transcript,
) -> anyhow::Result<()> {
    let versions = project.versions()?;
    let (Some(first), Some(head)) = (versions.first(), versions.last()) else {
        anyhow::bail!("the sample project has no migrations");
    };

    let described = transcript
        .step("describe", adapter.describe(), |found| {
            described(found, version)
        })
        .await?;
    let lints = described.is_some_and(|description| {
        description
            .capabilities
            .iter()
            .any(|name| name == "preflight")
    });
    current(adapter, ctx, None, transcript).await?;
    transcript
        .step("preflight", adapter.preflight(ctx), |found| {
            preflighted(found, lints)
        })
        .await?;
    transcript
        .step("up", adapter.up(ctx, None), |found| {
            applied(found, &versions)
        })
        .await?;
    transcript
        .step("verify", adapter.verify(ctx), |found| {
            verified(found, versions.len())
        })
        .await?;
    current(adapter, ctx, Some(head), transcript).await?;
    project.add_failing_migration()?;
    transcript
        .step("up (fails)", adapter.up(ctx, None), failed)
        .await?;
    transcript
        .step(
            "down_to",
            adapter.down_to(ctx, Revision::new(first)),
            |found| went_back(found, head, first),
        )
        .await?;
    current(adapter, ctx, Some(first), transcript).await
}

async fn current(
    adapter: &Arc<dyn MigrationAdapter>,
    ctx: &AdapterCtx,
    expected: Option<&String>,
    transcript: &mut Transcript,
) -> anyhow::Result<()> {
    let found = transcript
        .step("current", adapter.current_revision(ctx), |found| {
            is_at(found, expected)
        })
        .await?;
    transcript.revisions.push(found.flatten());
    Ok(())
}

fn described(found: &Result<AdapterDescription, AdapterError>, version: &str) -> Judgement {
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

fn is_at(found: &Result<Option<Revision>, AdapterError>, expected: Option<&String>) -> Judgement {
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

fn preflighted(found: &Result<PreflightReport, AdapterError>, lints: bool) -> Judgement {
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

fn applied(found: &Result<MigrationOutcome, AdapterError>, versions: &[String]) -> Judgement {
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

fn verified(found: &Result<VerifyReport, AdapterError>, expected: usize) -> Judgement {
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

fn failed(found: &Result<MigrationOutcome, AdapterError>) -> Judgement {
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

fn went_back(found: &Result<MigrationOutcome, AdapterError>, head: &str, first: &str) -> Judgement {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::transcript::Form;
    use async_trait::async_trait;
    use contract_lab::ui::Ui;
    use fraisier_adapter_api::VerifyCheck;
    use std::sync::Mutex;

    /// What the scripted adapter does wrong.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Lie {
        None,
        Version,
        NotFresh,
        LintFails,
        LintMissing,
        AppliesLess,
        VerifiesLess,
        FailingPasses,
        FailsOtherwise,
        StaysAtHead,
        SaysItWentBack,
    }

    /// An adapter that keeps its ledger in memory.
    struct Scripted {
        lie: Lie,
        lints: bool,
        versions: Vec<Revision>,
        ledger: Mutex<Vec<Revision>>,
    }

    #[async_trait]
    impl MigrationAdapter for Scripted {
        async fn describe(&self) -> Result<AdapterDescription, AdapterError> {
            let version = if self.lie == Lie::Version {
                "0.1"
            } else {
                "1.0"
            };
            let lints = self.lints.then(|| "preflight".to_owned());
            Ok(AdapterDescription {
                name: "scripted".to_owned(),
                version: version.to_owned(),
                protocol_version: 1,
                capabilities: lints.into_iter().collect(),
            })
        }

        async fn current_revision(&self, _: &AdapterCtx) -> Result<Option<Revision>, AdapterError> {
            if self.lie == Lie::NotFresh {
                return Ok(Some(Revision::new("000")));
            }
            Ok(self.ledger.lock().unwrap().last().cloned())
        }

        async fn up(
            &self,
            _: &AdapterCtx,
            _: Option<Revision>,
        ) -> Result<MigrationOutcome, AdapterError> {
            let mut ledger = self.ledger.lock().unwrap();
            let from = ledger.last().cloned();
            if from.is_some() && self.lie != Lie::FailingPasses {
                let kind = match self.lie {
                    Lie::FailsOtherwise => AdapterErrorKind::DbUnreachable,
                    _ => AdapterErrorKind::Execution,
                };
                return Err(AdapterError::new(kind, "null values"));
            }
            ledger.clone_from(&self.versions);
            if self.lie == Lie::AppliesLess {
                ledger.pop();
            }
            Ok(MigrationOutcome {
                from,
                to: ledger.last().cloned(),
                applied: ledger.clone(),
                log: String::new(),
            })
        }

        async fn down_to(
            &self,
            _: &AdapterCtx,
            target: Revision,
        ) -> Result<MigrationOutcome, AdapterError> {
            let mut ledger = self.ledger.lock().unwrap();
            let from = ledger.last().cloned();
            if !matches!(self.lie, Lie::StaysAtHead | Lie::SaysItWentBack) {
                ledger.retain(|revision| *revision == target);
            }
            let to = match self.lie {
                Lie::StaysAtHead => from.clone(),
                _ => Some(target),
            };
            Ok(MigrationOutcome {
                from,
                to,
                ..MigrationOutcome::default()
            })
        }

        async fn verify(&self, _: &AdapterCtx) -> Result<VerifyReport, AdapterError> {
            let less = usize::from(self.lie == Lie::VerifiesLess);
            let checks = self.versions.iter().skip(less).map(|version| VerifyCheck {
                name: version.to_string(),
                ok: true,
                detail: None,
            });
            Ok(VerifyReport::new(true).with_checks(checks.collect()))
        }

        async fn preflight(&self, _: &AdapterCtx) -> Result<PreflightReport, AdapterError> {
            if !self.lints || self.lie == Lie::LintMissing {
                return Err(AdapterError::method_not_supported("preflight"));
            }
            Ok(PreflightReport::new(self.lie != Lie::LintFails))
        }
    }

    fn play(lie: Lie, lints: bool) -> Result<Vec<Option<Revision>>, String> {
        let project = Project::copy_for("1.0.0").unwrap();
        let versions = project.versions().unwrap();
        let adapter: Arc<dyn MigrationAdapter> = Arc::new(Scripted {
            lie,
            lints,
            versions: versions.iter().map(Revision::new).collect(),
            ledger: Mutex::default(),
        });
        let ctx = AdapterCtx::new("shop", "test");
        let mut transcript = Transcript::new(Form::Json, Ui::stderr());
        let done = deploy(&adapter, &ctx, &project, "1.0", &mut transcript);
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(done)
            .map_err(|error| error.to_string())?;
        Ok(transcript.revisions)
    }

    #[test]
    fn a_truthful_adapter_moves_none_head_back() {
        for lints in [true, false] {
            let versions = Project::copy_for("1.0.0").unwrap().versions().unwrap();
            let head = Some(Revision::new(&versions[2]));
            let first = Some(Revision::new(&versions[0]));
            assert_eq!(play(Lie::None, lints), Ok(vec![None, head, first]));
        }
    }

    #[test]
    fn every_lie_ends_the_demo_at_its_step() {
        for (lie, step) in [
            (Lie::Version, "describe: "),
            (Lie::NotFresh, "current: "),
            (Lie::LintFails, "preflight: "),
            (Lie::LintMissing, "preflight: "),
            (Lie::AppliesLess, "up: "),
            (Lie::VerifiesLess, "verify: "),
            (Lie::FailingPasses, "up (fails): "),
            (Lie::FailsOtherwise, "up (fails): "),
            (Lie::StaysAtHead, "down_to: "),
            (Lie::SaysItWentBack, "current: "),
        ] {
            let complaint = play(lie, true).unwrap_err();
            assert!(complaint.starts_with(step), "{lie:?}: {complaint}");
        }
    }
}
