//! The calls, and what their answers permit.

use fraisier_adapter_api::{Revision, RiskTier};
use fraisier_adapter_confiture::Failure;
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Exit, Output};
use fraisier_adapter_confiture::tools::replay::{self, Command, Preflight, VerifyFiles};

/// A call.
pub(crate) enum Request {
    Current,
    /// To this target.
    Up(Option<Revision>),
    /// To this target.
    DownTo(Revision),
    Verify,
    /// Of this release.
    Preflight(String, Box<Preflight>),
}

/// What an answer permits; the smaller, the safer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Permits {
    /// Whether it is a success. A verdict of `verify` or `preflight` is a success if it is ok.
    pub(crate) success: bool,
    /// Whether `preflight` says that the versions can run side by side.
    pub(crate) window_safe: bool,
    /// How many migrations it reports as run.
    pub(crate) run: usize,
    /// How many checks or migrations it reports as good.
    pub(crate) verified: usize,
    /// The tier of each change, in order.
    pub(crate) tiers: Vec<Option<RiskTier>>,
    /// The size of the whole answer, in bytes.
    pub(crate) size: usize,
}

/// What the answer to a report permits.
pub(crate) fn permits(request: &Request, exit: Exit, report: Vec<u8>) -> Permits {
    let output = Output::new(exit, Some(report));
    let redactor = Redactor::default();
    let output_of = |_| output.clone();
    let mut permits = Permits::default();
    match request {
        Request::Current => {
            let answer = replay::current_revision(&redactor, output_of);
            permits.size = size(&answer);
            permits.success = answer.is_ok();
        }
        Request::Up(target) => {
            let answer = replay::up(target.as_ref(), &redactor, output_of);
            permits.size = size(&answer);
            if let Ok(outcome) = answer {
                permits.success = true;
                permits.run = outcome.applied.len();
            }
        }
        Request::DownTo(target) => {
            let answer = replay::down_to(target, &redactor, output_of);
            permits.size = size(&answer);
            if let Ok(outcome) = answer {
                permits.success = true;
                permits.run = outcome.applied.len();
            }
        }
        Request::Verify => {
            let answer = replay::verify(Some(&VerifyFiles::default()), &redactor, output_of);
            permits.size = size(&answer);
            if let Ok(verdict) = answer {
                permits.success = verdict.ok;
                permits.verified = verdict.checks.iter().filter(|check| check.ok).count();
            }
        }
        Request::Preflight(release, preflight) => {
            let answer = replay::preflight(preflight, &redactor, |command| match command {
                Command::Version => version(release),
                _ => output.clone(),
            });
            permits.size = size(&answer);
            if let Ok(found) = answer {
                permits.success = found.ok;
                permits.window_safe = found.window_safe == Some(true);
                let changes = found.change_set.map(|set| set.changes).unwrap_or_default();
                permits.tiers = changes.iter().map(|change| change.tier).collect();
            }
        }
    }
    permits
}

/// The output of `--version` of a release.
pub(crate) fn version(release: &str) -> Output {
    Output {
        stdout: format!("confiture version {release}\n").into_bytes().into(),
        ..Output::new(Exit::Code(0), None)
    }
}

/// The size of the answer, in bytes.
fn size<T: std::fmt::Debug>(answer: &Result<T, Failure>) -> usize {
    format!("{answer:?}").len()
}

/// The exit statuses with which an operation can succeed, and with which a preflight can report anything
/// as good.
pub(crate) fn may_succeed(request: &Request, exit: Exit) -> (bool, bool) {
    match request {
        // 2 is how a database without a ledger answers.
        Request::Current => (matches!(exit, Exit::Code(0 | 2)), false),
        Request::Up(_) | Request::DownTo(_) | Request::Verify => (exit == Exit::Code(0), false),
        Request::Preflight(..) => (exit == Exit::Code(0), matches!(exit, Exit::Code(0 | 7))),
    }
}
