//! What the binary prints about itself.

use crate::call::Call;
use crate::case::{Case, case};
use crate::expectation::Fact::{DoesNotPrint, Exit, ExitClasses, ListedUnder, Prints};
use crate::release::Release;

/// A subcommand's help, and which options it must offer.
fn help(name: &'static str, subcommand: &str) -> Case {
    case(
        name,
        "The options and arguments the subcommand takes.",
        Call::Help(subcommand.to_owned()),
    )
    .without_database()
    .expect([
        Exit(0),
        Prints("--no-config <bool>"),
        Prints("--format -f <str>"),
    ])
}

pub(super) fn cases() -> Vec<Case> {
    let dir = || Prints("--migrations-dir <path>");
    let output = || Prints("--output -o <path>");
    vec![
        case(
            "surface/version",
            "The version, on a line of its own.",
            Call::Version,
        )
        .without_database()
        .expect([Exit(0), Prints("confiture version <version>")]),
        case(
            "surface/exit-codes",
            "The exit codes, their classes and their symbolic codes.",
            Call::ExitCodes,
        )
        .without_database()
        .expect_below(Release::new(0, 38, 0), [Exit(2)])
        .expect_from(
            Release::new(0, 38, 0),
            [
                Exit(0),
                Prints(r#""no_ledger_error_code": "PRECON_1001""#),
                ListedUnder(2, "PRECON_1001"),
                ExitClasses(&[
                    "ok",
                    "internal_error",
                    "precondition_failed",
                    "db_unreachable",
                    "schema_error",
                    "invalid_config",
                    "lock_contention",
                    "git_error",
                    "irreversible_rollback",
                ]),
            ],
        ),
        help("surface/help-current", "current")
            .expect([output(), DoesNotPrint("--migrations-dir")]),
        help("surface/help-up", "up").expect([output(), dir(), Prints("--target -t <str>")]),
        help("surface/help-down-to", "down-to").expect([output(), dir(), Prints("revision <str>")]),
        help("surface/help-verify", "verify").expect([output(), dir()]),
        help("surface/help-preflight", "preflight")
            .expect([dir(), Prints("--against <str>")])
            .expect_from(Release::new(0, 22, 0), [output()]),
    ]
}
