//! Options that are refused, or accepted without an effect.

use super::injection::Injection;
use crate::wrapper::tamper::Act;

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
        ignored("current", "--format", "no-report", &["current/at-head"]),
        ignored("current", "--output", "no-report", &["current/at-head"]),
        ignored("up", "--format", "no-report", &["up/all"]),
        ignored("up", "--output", "no-report", &["up/all"]),
        ignored("up", "--target", "ignored:--target", &["up/target"]),
        ignored(
            "up",
            "--migrations-dir",
            "ignored:--migrations-dir",
            &["up/missing-directory"],
        ),
        ignored("down-to", "--format", "no-report", &["down-to/first"]),
        ignored("down-to", "--output", "no-report", &["down-to/first"]),
        ignored("verify", "--format", "no-report", &["verify/true"]),
        ignored("verify", "--output", "no-report", &["verify/true"]),
        ignored(
            "preflight",
            "--output",
            "no-report",
            &["preflight/add-column"],
        ),
        ignored(
            "preflight",
            "--format",
            "no-report",
            &["preflight/drop-column"],
        ),
        ignored(
            "preflight",
            "--against",
            "ignored:--against",
            &["preflight/against-live-fails"],
        ),
        effect("current", "--no-config", &["current/no-config"]),
        effect("up", "--no-config", &["up/no-config"]),
        effect("down-to", "--no-config", &["down-to/no-config"]),
        effect("verify", "--no-config", &["verify/no-config"]),
        effect("down-to", "--migrations-dir", &["down-to/migrations-dir"]),
        effect("verify", "--migrations-dir", &["verify/migrations-dir"]),
        effect(
            "preflight",
            "--migrations-dir",
            &["preflight/migrations-dir"],
        ),
        effect("up", "--lock-timeout", &["up/lock-timeout"]),
        effect("up", "--require-reversible", &["up/require-reversible"]),
        effect("up", "--allow-destructive", &["up/allow-destructive"]),
        refused("--lock-timeout", &["up/lock-timeout"]),
        refused("--require-reversible", &["up/require-reversible"]),
        refused("--allow-destructive", &["up/allow-destructive"]),
    ]
}

/// An option without effect, on the case that shows it.
fn effect(call: &str, option: &str, only: &[&'static str]) -> Injection {
    let act = Act::Ignore(option.to_owned());
    Injection::harmful(call, act, format!("ignored:{option}"))
        .only(only)
        .live()
}

/// An option that only a setting makes the adapter pass.
fn refused(option: &str, only: &[&'static str]) -> Injection {
    let act = Act::Refuse(option.to_owned());
    Injection::harmful("up", act, format!("refused:{option}"))
        .only(only)
        .live()
}
