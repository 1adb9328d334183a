//! The calls that a stand-in for the binary accepts, and their answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{LINKS, ONE_TRY};

/// The file name of the script, in the directory of the name that the stand-in was started by.
pub const SCRIPT: &str = "script.json";
/// The file in the same directory that gets a line for each call.
pub const LOG: &str = "calls.log";
/// The exit status of a call that the script does not allow.
pub const NOT_ALLOWED: u8 = 97;

/// The calls of one replay.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Script {
    /// Calls that must come in this order, each once.
    pub in_order: Vec<Played>,
    /// Calls that may come at any time.
    pub any_time: Vec<Played>,
    /// The ledger that is reported.
    pub ledger: Option<Value>,
    /// The ledger that is reported after the first of the ordered calls.
    pub ledger_after: Option<Value>,
}

/// One call and its answer. `<report>` stands for the path that the caller chose.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Played {
    /// The arguments that the call must have.
    pub argv: Vec<String>,
    /// What the directory of links must contain; `None` for a call that was recorded with the whole
    /// directory, for which links are accepted too.
    pub links: Option<Vec<String>>,
    /// Variables that must have this value, or with `None` must not be set.
    pub env: BTreeMap<String, Option<String>>,
    /// The exit status.
    pub exit: u8,
    /// What is written to the caller's report path.
    pub report: Option<String>,
    /// What is printed on standard output.
    pub stdout: String,
    /// What is printed on standard error.
    pub stderr: String,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The next call of [`Script::in_order`].
    InOrder,
    /// A call of [`Script::any_time`].
    AnyTime,
    /// A call that the script does not allow, and why.
    NotAllowed(String),
}

impl Script {
    /// Finds the answer to a call, after `played` calls of [`in_order`](Self::in_order).
    pub fn answer(
        &self,
        played: usize,
        argv: &[String],
        links: Option<&[String]>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(&Played, Line), String> {
        // A call that was recorded with the whole directory may get a directory of links.
        let is_same = |(recorded, given): (&String, &&String)| {
            recorded == *given || *given == LINKS && links.is_some()
        };
        let given: Vec<&String> = argv.iter().filter(|it| *it != ONE_TRY).collect();
        let asked = |call: &&Played| {
            call.argv.len() == given.len() && call.argv.iter().zip(&given).all(is_same)
        };
        let next = self.in_order.get(played);
        let in_order = next.filter(asked).map(|call| (call, Line::InOrder));
        let any_time = || self.any_time.iter().find(asked);
        let found = in_order.or_else(|| any_time().map(|call| (call, Line::AnyTime)));
        let (call, line) = found.ok_or_else(|| {
            let next = next.map_or(&[][..], |call| &call.argv);
            format!("called with {argv:?}; recorded is {next:?}")
        })?;
        if call
            .links
            .as_deref()
            .is_some_and(|recorded| links != Some(recorded))
        {
            let (recorded, found) = (&call.links, links);
            return Err(format!(
                "given links to {found:?}; recorded is {recorded:?}"
            ));
        }
        for (name, value) in &call.env {
            let found = variable(name);
            if found != *value {
                let is = |value: &Option<String>| match value {
                    Some(_) => "set",
                    None => "not set",
                };
                let found = match (&found, value) {
                    (Some(_), Some(_)) => "set to something else",
                    _ => is(&found),
                };
                return Err(format!(
                    "{name} is {found}; recorded is that it is {}",
                    is(value)
                ));
            }
        }
        Ok((call, line))
    }
}

/// The log of the stand-in at `program`.
pub fn log_of(program: &Path) -> PathBuf {
    program.with_file_name(LOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        let call = |argv: &[&str], env: &[(&str, Option<&str>)]| Played {
            argv: argv.iter().map(ToString::to_string).collect(),
            links: None,
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
                .collect(),
            exit: 0,
            report: None,
            stdout: String::new(),
            stderr: String::new(),
        };
        Script {
            in_order: vec![
                call(&["up"], &[("DSN", Some("secret")), ("OTHER", None)]),
                call(&["current"], &[]),
            ],
            any_time: vec![call(&["--version"], &[])],
            ledger: None,
            ledger_after: None,
        }
    }

    fn asked(played: usize, argv: &str, env: &[(&str, &str)]) -> Result<Line, String> {
        let variable = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let script = script();
        let answer = script.answer(played, &[argv.to_owned()], None, variable);
        answer.map(|(_, line)| line)
    }

    #[test]
    fn recorded_calls_are_accepted_in_order_and_version_always() {
        assert_eq!(asked(0, "up", &[("DSN", "secret")]), Ok(Line::InOrder));
        assert_eq!(asked(0, "--version", &[]), Ok(Line::AnyTime));
        assert_eq!(asked(1, "current", &[]), Ok(Line::InOrder));
    }

    #[test]
    fn other_calls_are_refused_without_quoting_values() {
        for refused in [
            asked(0, "current", &[]),
            asked(2, "up", &[]),
            asked(0, "up", &[]),
            asked(0, "up", &[("DSN", "hidden")]),
            asked(0, "up", &[("DSN", "secret"), ("OTHER", "hidden")]),
        ] {
            let why = refused.unwrap_err();
            assert!(!why.contains("hidden") && !why.contains("secret"), "{why}");
        }
    }
}
