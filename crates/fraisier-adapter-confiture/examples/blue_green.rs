//! A gate before a blue-green deploy: the old version serves while the schema changes, so a migration
//! passes only when everything says that both can live with it.
//!
//! `DATABASE_URL=… cargo run --example blue_green -- /srv/shop reversible`

use std::process::ExitCode;

use fraisier_adapter_api::{AdapterCtx, AdapterError, PreflightReport, RiskTier};
use fraisier_adapter_confiture::{ConfitureMigration, why_withheld};

/// Why not to go on. Absence is never safety: no verdict, no change set and no tier are reasons.
fn reasons(report: &PreflightReport, most: RiskTier) -> Vec<String> {
    let mut reasons = Vec::new();
    if !report.ok {
        reasons.extend(report.issues.iter().map(|issue| issue.message.clone()));
    }
    match report.window_safe {
        Some(true) => {}
        Some(false) => reasons.push("the old version cannot live with it".into()),
        None => {
            let nobody = || "nobody judged whether the old version can live with it".into();
            reasons.push(why_withheld(report).unwrap_or_else(nobody));
        }
    }
    let changes = match report.usable_change_set() {
        Ok(changes) => changes,
        Err(unavailable) => {
            reasons.push(unavailable.to_string());
            return reasons;
        }
    };
    for change in changes.unclassified() {
        let (kind, object) = (&change.kind, &change.object);
        reasons.push(format!("nobody knows the risk of {kind} {object}"));
    }
    if let Some(worst) = changes.worst_tier()
        && worst > most
    {
        reasons.push(format!("it is {worst}, and at most {most} is allowed"));
    }
    reasons
}

#[tokio::main]
async fn main() -> Result<ExitCode, AdapterError> {
    let mut arguments = std::env::args().skip(1);
    let workdir = arguments.next().unwrap_or_else(|| ".".into());
    let most = arguments.next().unwrap_or_else(|| "additive".into());
    let most: RiskTier = match most.parse() {
        Ok(most) => most,
        Err(unknown) => {
            eprintln!("{unknown}");
            return Ok(ExitCode::from(2));
        }
    };
    let adapter = ConfitureMigration::new();
    let ctx = AdapterCtx::new("shop", "production")
        .with_workdir(workdir)
        .with_env_secret("DATABASE_URL", "DATABASE_URL");
    let report = adapter.preflight(&ctx).await?;
    let reasons = reasons(&report, most);
    if reasons.is_empty() {
        println!("go");
        return Ok(ExitCode::SUCCESS);
    }
    for reason in reasons {
        println!("no: {reason}");
    }
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::{ChangeSet, PreflightIssue, SchemaChange, Severity};
    use fraisier_adapter_confiture::NOT_ALL_CHECKED;

    use super::*;

    fn judged(report: &PreflightReport) -> Vec<String> {
        reasons(report, RiskTier::Reversible)
    }

    fn changes(tier: Option<RiskTier>) -> ChangeSet {
        let change = SchemaChange::new("create_table", "public.a");
        ChangeSet::new(vec![match tier {
            Some(tier) => change.with_tier(tier),
            None => change,
        }])
    }

    #[test]
    fn a_deploy_is_blue_green_only_if_every_check_agrees() {
        let safe = PreflightReport::new(true).with_window_safe(true);
        let tier = |tier| safe.clone().with_change_set(changes(tier));
        assert!(judged(&tier(Some(RiskTier::Additive))).is_empty());
        let no_verdict =
            PreflightReport::new(true).with_change_set(changes(Some(RiskTier::Additive)));
        let withheld = no_verdict.clone().with_issues(vec![PreflightIssue::new(
            Severity::Warning,
            NOT_ALL_CHECKED,
            "003 was not checked",
        )]);
        for (report, says) in [
            (no_verdict.clone(), "nobody judged"),
            (withheld, "003 was not checked"),
            (no_verdict.with_window_safe(false), "cannot live"),
            (tier(Some(RiskTier::Destructive)), "it is destructive"),
            (tier(None), "nobody knows the risk"),
        ] {
            let reasons = judged(&report);
            assert!(
                reasons.len() == 1 && reasons[0].contains(says),
                "{reasons:?}"
            );
        }
        assert_eq!(judged(&safe).len(), 1, "no change set is not an empty one");
    }
}
