//! Options that are refused, or accepted without an effect.

use super::Injection;
use crate::self_test::tamper::Act;

pub(super) fn injections() -> Vec<Injection> {
    let mut all = Vec::new();
    for call in ["current", "up", "down-to", "verify", "preflight"] {
        let mut options = vec!["--no-config", "--format", "--output"];
        if call != "current" {
            options.push("--migrations-dir");
        }
        if call == "up" {
            options.push("--target");
        }
        if call == "preflight" {
            options.push("--against");
        }
        for option in options {
            let act = Act::Refuse(option.to_owned());
            all.push(Injection::harmful(call, act, format!("refused:{option}")));
        }
    }
    all.extend(ignored());
    all
}

/// What an option does is seen when it does nothing, so confiture itself is called.
fn ignored() -> Vec<Injection> {
    let ignored = |call, option: &str, cause: &str, only: &[&'static str]| {
        Injection::harmful(call, Act::Ignore(option.to_owned()), cause)
            .only(only)
            .live()
    };
    vec![
        ignored("current", "--format", "", &["current/at-head"]),
        ignored("current", "--output", "no-report", &["current/at-head"]),
        ignored("up", "--format", "", &["up/all"]),
        ignored("up", "--output", "no-report", &["up/all"]),
        ignored("up", "--target", "", &["up/target"]),
        ignored("verify", "--output", "no-report", &["verify/true"]),
        ignored(
            "preflight",
            "--output",
            "no-report",
            &["preflight/add-column"],
        ),
        ignored("preflight", "--format", "", &["preflight/drop-column"]),
        ignored(
            "preflight",
            "--against",
            "",
            &["preflight/against-live-fails"],
        ),
    ]
}
