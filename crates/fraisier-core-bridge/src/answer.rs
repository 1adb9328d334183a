//! Results and errors of our adapters, as the engine's types.

use fraisier_adapter_api as api;
use fraisier_core::adapter_axes as engine;

/// Our description as the engine's.
#[must_use]
pub fn description(description: api::AdapterDescription) -> engine::AdapterDescription {
    let api::AdapterDescription {
        name,
        version,
        protocol_version,
        capabilities,
    } = description;
    engine::AdapterDescription {
        name,
        version,
        protocol_version,
        capabilities,
    }
}

/// Our outcome as the engine's.
#[must_use]
pub fn outcome(outcome: api::MigrationOutcome) -> engine::MigrationOutcome {
    let api::MigrationOutcome {
        from,
        to,
        applied,
        log,
    } = outcome;
    engine::MigrationOutcome {
        from: from.map(revision),
        to: to.map(revision),
        applied: applied.into_iter().map(revision).collect(),
        log,
    }
}

/// Our verify report as the engine's.
#[must_use]
pub fn verify(report: api::VerifyReport) -> engine::VerifyReport {
    let checks = report.checks.into_iter().map(check).collect();
    engine::VerifyReport::new(report.ok)
        .with_checks(checks)
        .with_skipped(report.was_skipped)
}

/// Our preflight report as the engine's: what is absent stays absent.
#[must_use]
pub fn preflight(report: api::PreflightReport) -> engine::PreflightReport {
    let issues = report.issues.into_iter().map(issue).collect();
    let mut result = engine::PreflightReport::new(report.ok).with_issues(issues);
    if let Some(safe) = report.window_safe {
        result = result.with_window_safe(safe);
    }
    if let Some(set) = report.change_set {
        result = result.with_change_set(change_set(set));
    }
    result
}

/// Our error as the engine's.
#[must_use]
pub fn error(error: api::AdapterError) -> engine::AdapterError {
    let api::AdapterError {
        kind,
        code,
        message,
        adapter,
        operation,
        stderr,
    } = error;
    engine::AdapterError {
        kind: error_kind(kind),
        code,
        message,
        adapter,
        operation,
        stderr,
    }
}

pub(crate) fn revision(revision: api::Revision) -> engine::Revision {
    engine::Revision(revision.0)
}

fn check(check: api::VerifyCheck) -> engine::VerifyCheck {
    let api::VerifyCheck { name, ok, detail } = check;
    engine::VerifyCheck { name, ok, detail }
}

fn issue(issue: api::PreflightIssue) -> engine::PreflightIssue {
    let api::PreflightIssue {
        severity,
        code,
        message,
        migration,
    } = issue;
    engine::PreflightIssue {
        severity: match severity {
            api::Severity::Error => engine::Severity::Error,
            api::Severity::Warning => engine::Severity::Warning,
            api::Severity::Info => engine::Severity::Info,
        },
        code,
        message,
        migration,
    }
}

fn change_set(set: api::ChangeSet) -> engine::ChangeSet {
    let changes = set.changes.into_iter().map(change).collect();
    engine::ChangeSet::new(changes).with_contract_version(set.contract_version)
}

fn change(change: api::SchemaChange) -> engine::SchemaChange {
    let mut result = engine::SchemaChange::new(change.kind, change.object);
    result.migration = change.migration;
    result.tier = change.tier.and_then(tier);
    result.detail = change.detail;
    result
}

/// A tier that the engine does not know becomes no tier: the engine denies unclassified changes.
fn tier(tier: api::RiskTier) -> Option<engine::RiskTier> {
    tier.as_str().parse().ok()
}

/// A kind that the engine does not know becomes `remote`, which is never retried.
fn error_kind(kind: api::AdapterErrorKind) -> engine::AdapterErrorKind {
    use api::AdapterErrorKind as From;
    use engine::AdapterErrorKind as To;
    match kind {
        From::MethodNotSupported => To::MethodNotSupported,
        From::InvalidConfig => To::InvalidConfig,
        From::Protocol => To::Protocol,
        From::Execution => To::Execution,
        From::MissingSecret => To::MissingSecret,
        From::SecretReadFailed => To::SecretReadFailed,
        From::PreconditionFailed => To::PreconditionFailed,
        From::DbUnreachable => To::DbUnreachable,
        From::SchemaError => To::SchemaError,
        From::LockContention => To::LockContention,
        From::GitError => To::GitError,
        From::IrreversibleRollback => To::IrreversibleRollback,
        From::InternalError => To::InternalError,
        // `remote` itself, and the kinds that the contract adds later.
        _ => To::Remote,
    }
}
