//! The calls that a case makes, and their arguments.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::connection::{CONFITURE_DATABASE_URL, Connection, DATABASE_URL, PGPASSWORD};

/// Stands for the report's path in a recorded argv.
pub const REPORT: &str = "<report>";
/// Stands for the directory of links in a recorded argv.
pub const LINKS: &str = "<links>";
/// How long one attempt of `up` waits for the migration lock. A recording lacks this argument, and shows
/// a single wait that is as long as all attempts together. `surface/help-up` shows that every release has
/// the option.
pub const ONE_TRY: &str = "--lock-timeout=400";
/// What confiture prints after one attempt, and after the recorded wait.
pub const WAITED: [&str; 2] = ["migration lock within 0.4s", "migration lock within 30.0s"];
/// Stands for the project's directory in everything recorded.
pub const PROJECT: &str = "<project>";
/// Stands for the URL, without a password, of the `--against` database.
pub const AGAINST: &str = "<against>";

/// One call of the binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `migrate current`
    Current,
    /// `migrate up`, to a target or to the head.
    Up(Option<String>),
    /// `migrate down-to`
    DownTo(String),
    /// `migrate verify`
    Verify,
    /// `migrate preflight`
    Preflight,
    /// `migrate preflight --against` a throwaway copy.
    PreflightAgainst,
    /// `--version`
    Version,
    /// `--exit-codes-json`
    ExitCodes,
    /// `migrate <subcommand> --help`
    Help(String),
}

impl Call {
    /// The arguments that the adapter passes, with `<report>` and `<against>` in place of values that
    /// differ in every run. A replay fails when the adapter passes others.
    pub fn argv(&self, migrations_dir: &str) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
        let (subcommand, own) = match self {
            Self::Version => return words(&["--version"]),
            Self::ExitCodes => return words(&["--exit-codes-json"]),
            Self::Help(subcommand) => return words(&["migrate", subcommand, "--help"]),
            Self::Current => ("current", vec![]),
            Self::Up(None) => ("up", vec![]),
            Self::Up(Some(target)) => ("up", vec![format!("--target={target}")]),
            Self::DownTo(revision) => ("down-to", vec!["--".to_owned(), revision.clone()]),
            Self::Verify => ("verify", vec![]),
            Self::Preflight => ("preflight", vec![]),
            Self::PreflightAgainst => ("preflight", vec![format!("--against={AGAINST}")]),
        };
        let mut argv: Vec<String> = words(&[
            "migrate",
            subcommand,
            "--no-config",
            "--format",
            "json",
            "--output",
            REPORT,
        ]);
        if *self != Self::Current {
            argv.extend(["--migrations-dir".to_owned(), migrations_dir.to_owned()]);
        }
        argv.extend(own);
        argv
    }

    /// The variables of the call that decide which database it reaches. As in a recording, a placeholder
    /// stands for each value, and `None` for a variable that is not set.
    pub fn recorded_environment(&self, connection: Connection) -> BTreeMap<String, Option<String>> {
        let value = |text: &str| Some(text.to_owned());
        let dsn = match connection {
            Connection::Absent => None,
            Connection::EmptyBesideAmbient => value(""),
            Connection::Valid => value("<dsn>"),
            Connection::Unreachable => value("<dsn of a port where nothing listens>"),
            Connection::WrongPassword => value("<dsn with a wrong password>"),
            Connection::Malformed => value("<dsn without its colon>"),
        };
        let ambient = (connection == Connection::EmptyBesideAmbient).then(|| "<dsn>".to_owned());
        let mut environment = BTreeMap::from([
            (CONFITURE_DATABASE_URL.to_owned(), dsn),
            (DATABASE_URL.to_owned(), ambient),
        ]);
        if *self == Self::PreflightAgainst {
            environment.insert(PGPASSWORD.to_owned(), value("<password>"));
        }
        environment
    }

    /// Whether the adapter plans the call with the ledger, and passes it a directory of links.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        matches!(self, Self::DownTo(_))
    }

    /// Whether the call is one of the adapter's operations, with a report and a database.
    pub fn is_operation(&self) -> bool {
        !matches!(self, Self::Version | Self::ExitCodes | Self::Help(_))
    }
}
