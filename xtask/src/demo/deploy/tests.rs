use super::*;
use async_trait::async_trait;
use contract_lab::ui::Ui;
use fraisier_adapter_api::{
    AdapterDescription, AdapterError, AdapterErrorKind, MigrationOutcome, PreflightReport,
    VerifyCheck, VerifyReport,
};
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
    let project = Project::sample("1.0.0").unwrap();
    let versions = project.versions().unwrap();
    let adapter: Arc<dyn MigrationAdapter> = Arc::new(Scripted {
        lie,
        lints,
        versions: versions.iter().map(Revision::new).collect(),
        ledger: Mutex::default(),
    });
    let ctx = AdapterCtx::new("shop", "test");
    let mut transcript = Transcript::new(Ui::silent());
    let done = deploy(&adapter, &ctx, &project, "1.0", &mut transcript);
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(done)
        .map_err(|error| error.to_string())?;
    Ok(transcript.revisions)
}

#[test]
fn a_truthful_adapter_moves_from_none_to_head_and_back() {
    for lints in [true, false] {
        let versions = Project::sample("1.0.0").unwrap().versions().unwrap();
        let head = Some(Revision::new(&versions[2]));
        let first = Some(Revision::new(&versions[0]));
        assert_eq!(play(Lie::None, lints), Ok(vec![None, head, first]));
    }
}

#[test]
fn every_false_result_ends_the_demo_at_its_step() {
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
