//! What another answer means for fraisier, and whether it is laxer.

use contract_tests::call::Call;
use fraisier_adapter_api::RiskTier;

use super::said::{OUTCOME, Said};
use crate::text::{ABSENT, cut};

/// What it means that `place` said `was` and says `is`.
pub(super) fn consequence(call: &Call, place: &str, was: &str, is: &str, now: &Said) -> String {
    let (operation, past) = match call {
        Call::Current => ("current_revision", "cannot tell the revision"),
        Call::Up(_) => ("up", "rolls back a deploy whose migrations may be applied"),
        Call::DownTo(_) => ("down_to", "cannot roll back"),
        Call::Verify => ("verify", "cannot verify"),
        Call::Preflight | Call::PreflightAgainst => ("preflight", "refuses every deploy"),
        Call::Version => ("describe", "cannot use this confiture at all"),
        Call::ExitCodes | Call::Help(_) => ("the adapter", "misreads what confiture documents"),
    };
    match place {
        OUTCOME if is == "a result" => {
            format!("{operation} reports success where it reported {was}")
        }
        OUTCOME if was == "a result" => {
            let message = match now {
                Said::Error { message, .. } | Said::Refused { message, .. } => first(message),
                Said::Result(_) => String::new(),
            };
            format!(
                "{past}: {operation} fails with {}, \"{message}\"",
                is.trim_start_matches("error ")
            )
        }
        OUTCOME => format!("{operation} fails as {is} and not as {was}"),
        "window_safe" if is == "true" => {
            "calls a migration window-safe that it did not call so".to_owned()
        }
        "window_safe" if is == "false" => {
            "refuses deploys as not window-safe that it let pass".to_owned()
        }
        "window_safe" => "refuses every deploy as not window-safe".to_owned(),
        "ok" => match (operation, is) {
            ("verify", "true") => "takes a database for verified that is not".to_owned(),
            ("verify", _) => "takes a sound database for broken".to_owned(),
            (_, "true") => "deploys what preflight refused".to_owned(),
            _ => "refuses deploys that it let pass".to_owned(),
        },
        "change_set" => "has no risk tiers to decide on, and refuses".to_owned(),
        place if place.starts_with("tier") && laxer(call, place, was, is) => match is {
            ABSENT => format!("does not hear of a change of tier {was}"),
            is => format!("takes a change of tier {was} for {is}"),
        },
        place if place.starts_with("tier") => {
            format!("takes a change of tier {was} for {is}, and refuses more")
        }
        "revision" => format!("believes the database to be at {is}, not at {was}"),
        "capabilities" => "relies on other capabilities".to_owned(),
        _ if matches!(call, Call::ExitCodes) => {
            "confiture documents other exit codes than the adapter goes by".to_owned()
        }
        "passes" | "lacks" => "passes an option that the help page does not offer".to_owned(),
        place => format!("{operation} says {place} {is}, not {was}"),
    }
}

/// Whether fraisier would go on where it did not.
pub(super) fn laxer(call: &Call, place: &str, was: &str, is: &str) -> bool {
    let tier = |text: &str| text.parse::<RiskTier>().ok();
    match place {
        OUTCOME => {
            let surface = matches!(call, Call::Version | Call::ExitCodes | Call::Help(_));
            is == "a result" && !surface
        }
        "window_safe" | "ok" => is == "true",
        place if place.starts_with("check ") => is == "true" && was == "false",
        place if place.starts_with("tier") => match (tier(was), tier(is)) {
            (Some(was), Some(is)) => is < was,
            (None, Some(_)) => true,
            // A change that is no longer told is one that nobody weighs.
            _ => is == ABSENT,
        },
        _ => false,
    }
}

/// The first line of a message, bounded.
fn first(message: &str) -> String {
    cut(message.lines().next().unwrap_or_default(), 100)
}
