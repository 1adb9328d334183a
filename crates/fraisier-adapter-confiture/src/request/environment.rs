//! What confiture finds in its environment.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use crate::process::Environment;

/// The variables that make confiture's output plain, whole and timely whatever the terminal: no colours, no
/// boxes that break words, no line held back.
pub const PLAIN_OUTPUT: [(&str, &str); 8] = [
    ("COLUMNS", "200"),
    ("NO_COLOR", "1"),
    ("PYTHONIOENCODING", "utf-8:backslashreplace"),
    ("PYTHONUNBUFFERED", "1"),
    ("TERM", "dumb"),
    ("TYPER_USE_RICH", "0"),
    // A traceback of rich prints local variables, cut to a width: half a connection string.
    ("TYPER_STANDARD_TRACEBACK", "1"),
    ("_TYPER_STANDARD_TRACEBACK", "1"),
];

/// The variables that would undo [`PLAIN_OUTPUT`].
const NOT_INHERITED: [&str; 4] = [
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "PY_COLORS",
    "TTY_COMPATIBLE",
];

/// How wide confiture's output has to be so that rich breaks no secret, when 200 columns are too few
/// for the longest line of one and some words beside it.
pub(crate) fn columns<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Option<usize> {
    const PLAIN: usize = 200;
    const BESIDE: usize = 100;
    // A table as wide as a whole file fills the disk with blanks.
    const MOST: usize = 16 * 1024;
    let lines = secrets.into_iter().flat_map(str::lines);
    let longest = lines.map(|line| line.chars().count()).max()?;
    let needed = (longest + BESIDE).min(MOST);
    (needed > PLAIN).then_some(needed)
}

/// Which variables of this process's environment a child inherits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inherit {
    /// The variables to which `inherit_env` narrows it, which `.py` migrations see too.
    pub(crate) only: Option<BTreeSet<OsString>>,
    /// The variables that no child inherits.
    pub(crate) withheld: BTreeSet<OsString>,
}

impl Inherit {
    /// What `ambient` has in the variables that no child inherits.
    pub(crate) fn withheld_values(&self, ambient: &Environment) -> Vec<String> {
        ambient
            .iter()
            .filter(|(name, _)| self.withheld.contains(*name))
            .map(|(_, value)| value.to_string_lossy().into_owned())
            .collect()
    }

    /// What passes of `ambient`, and what makes the output plain.
    pub(crate) fn environment(&self, ambient: &Environment) -> Environment {
        let passes = |name: &OsStr| {
            self.only.as_ref().is_none_or(|only| only.contains(name))
                && !self.withheld.contains(name)
                && !NOT_INHERITED.iter().any(|unwanted| name == *unwanted)
        };
        let mut environment: Environment = ambient
            .iter()
            .filter(|(name, _)| passes(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, value) in PLAIN_OUTPUT {
            environment.set(name, value);
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Environment {
        let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
        pairs.iter().map(pair).collect()
    }

    fn with_plain_output(pairs: &[(&str, &str)]) -> Environment {
        variables(&[pairs, &PLAIN_OUTPUT[..]].concat())
    }

    #[test]
    fn the_output_is_as_wide_as_the_longest_line_of_a_secret_takes() {
        assert_eq!(columns(["postgresql://u:hunter2@h/db", "token"]), None);
        let long = "x".repeat(700);
        assert_eq!(columns([long.as_str(), "token"]), Some(800));
        let lines = format!("{long}\n").repeat(50);
        assert_eq!(columns([lines.as_str()]), Some(800));
    }

    #[test]
    fn the_environment_passes_and_the_output_is_plain() {
        let ambient = [
            ("LANG", "C.UTF-8"),
            ("FORCE_COLOR", "1"),
            ("TERM", "xterm"),
            ("ADMIN_DSN", "a secret"),
        ];
        let inherit = Inherit {
            only: None,
            withheld: ["ADMIN_DSN".into()].into(),
        };
        assert_eq!(
            inherit.environment(&variables(&ambient)),
            with_plain_output(&[("LANG", "C.UTF-8")])
        );
    }

    #[test]
    fn a_narrowed_environment_still_withholds() {
        let inherit = Inherit {
            only: Some(["PATH".into(), "ADMIN_DSN".into()].into()),
            withheld: ["ADMIN_DSN".into()].into(),
        };
        let ambient = [("LANG", "C"), ("PATH", "/bin"), ("ADMIN_DSN", "a secret")];
        assert_eq!(
            inherit.environment(&variables(&ambient)),
            with_plain_output(&[("PATH", "/bin")])
        );
    }
}
