//! What confiture finds in its environment.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

use crate::process::Environment;

/// What happens to a variable in the environment of confiture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It is inherited, unless the builder narrows or withholds it.
    Passed,
    /// It has this value.
    Set(&'static str),
    /// The same, and recordings depend on it.
    Plain(&'static str),
    /// It has this value where no file of a migration runs, and is inherited elsewhere.
    SetForCurrent(&'static str),
    /// It is not inherited.
    Withheld,
}

/// Everything that Python, psycopg and libpq read from the environment, and what makes confiture's output
/// plain, whole and timely: the names, what becomes of them, and why. What is not here is passed.
#[rustfmt::skip]
pub const CHILD_ENVIRONMENT: &[(&[&str], Fate, &str)] = &[
    (&["COLUMNS"], Fate::Plain("200"), "no box breaks a word; wider for a long secret"),
    (&["NO_COLOR"], Fate::Plain("1"), "no colours"),
    (&["PYTHONIOENCODING"], Fate::Plain("utf-8:backslashreplace"), "output is UTF-8"),
    (&["PYTHONUNBUFFERED"], Fate::Plain("1"), "each line is written at once"),
    (&["TERM"], Fate::Plain("dumb"), "no control sequences"),
    (&["TYPER_USE_RICH"], Fate::Plain("0"), "no boxes"),
    (&["TYPER_STANDARD_TRACEBACK", "_TYPER_STANDARD_TRACEBACK"], Fate::Plain("1"),
        "a traceback of rich prints local variables, cut to a width: half a connection string"),
    (&["PYTHONUTF8"], Fate::Set("1"), "migration files are UTF-8, whatever the locale"),
    (&["PGCLIENTENCODING"], Fate::Set("UTF8"),
        "text is text, whatever the encoding of the database or the role; with SQL_ASCII revisions are bytes"),
    (&["PGDATESTYLE"], Fate::SetForCurrent("ISO"),
        "psycopg reads no other style in the ledger; a migration may depend on the role's"),
    (&["CLICOLOR_FORCE", "FORCE_COLOR", "PY_COLORS", "PYTHON_COLORS", "TTY_COMPATIBLE"], Fate::Withheld,
        "colours in spite of `NO_COLOR`"),
    (&["PYTHONINSPECT"], Fate::Withheld, "Python reads standard input after confiture ends, and changes the exit status"),
    (&["PYTHONSTARTUP"], Fate::Withheld, "only an interactive Python reads it"),
    (&["PYTHONDEBUG", "PYTHONDUMPREFS", "PYTHONDUMPREFSFILE", "PYTHONMALLOCSTATS", "PYTHONPROFILEIMPORTTIME", "PYTHONVERBOSE"],
        Fate::Withheld, "Python prints thousands of lines about itself"),
    (&["PGOAUTHDEBUG"], Fate::Withheld, "libpq prints tokens"),
    (&["CONFITURE_DATABASE_URL", "DATABASE_URL"], Fate::Withheld,
        "the connection string comes from the context; the adapter sets the first one where confiture needs it"),
    (&["PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"], Fate::Passed, "replaced where a private bytecode cache helps"),
    (&["PYTHONEXECUTABLE", "PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONSAFEPATH", "PYTHONUSERBASE"],
        Fate::Passed, "where Python finds modules: an installation, or the `.py` migrations, may need it"),
    (&["PYTHONASYNCIODEBUG", "PYTHONBREAKPOINT", "PYTHONCASEOK", "PYTHONCOERCECLOCALE", "PYTHONDEVMODE", "PYTHONFAULTHANDLER",
        "PYTHONHASHSEED", "PYTHONINTMAXSTRDIGITS", "PYTHONMALLOC", "PYTHONNODEBUGRANGES", "PYTHONOPTIMIZE", "PYTHONPERFSUPPORT",
        "PYTHONTRACEMALLOC", "PYTHONWARNDEFAULTENCODING", "PYTHONWARNINGS", "PYTHON_CPU_COUNT", "PYTHON_FROZEN_MODULES",
        "PYTHON_GIL", "PYTHON_JIT", "PYTHON_PERF_JIT_SUPPORT"],
        Fate::Passed, "how Python runs"),
    (&["PSYCOPG_IMPL"], Fate::Passed, "which libpq psycopg uses"),
    (&["PGOPTIONS"], Fate::Passed, "the server's check for its client is added to it"),
    (&["PGPASSWORD"], Fate::Passed, "has the password of `AGAINST_DATABASE_URL` where that is declared"),
    (&["PGAPPNAME", "PGCHANNELBINDING", "PGCONNECT_TIMEOUT", "PGDATABASE", "PGGEQO", "PGGSSDELEGATION", "PGGSSENCMODE", "PGGSSLIB",
        "PGHOST", "PGHOSTADDR", "PGKRBSRVNAME", "PGLOADBALANCEHOSTS", "PGLOCALEDIR", "PGMAXPROTOCOLVERSION", "PGMINPROTOCOLVERSION",
        "PGOAUTHCAFILE", "PGPASSFILE", "PGPORT", "PGREALM", "PGREQUIREAUTH", "PGREQUIREPEER", "PGREQUIRESSL", "PGSERVICE",
        "PGSERVICEFILE", "PGSSLCERT", "PGSSLCERTMODE", "PGSSLCOMPRESSION", "PGSSLCRL", "PGSSLCRLDIR", "PGSSLKEY",
        "PGSSLMAXPROTOCOLVERSION", "PGSSLMINPROTOCOLVERSION", "PGSSLMODE", "PGSSLNEGOTIATION", "PGSSLROOTCERT", "PGSSLSNI",
        "PGSYSCONFDIR", "PGTARGETSESSIONATTRS", "PGTZ", "PGUSER"],
        Fate::Passed, "settings that the connection string leaves out"),
    (&["LANG", "LC_ALL", "LC_CTYPE", "TZ"], Fate::Passed, "the locale and the time zone of messages"),
];

/// The variables with a value of ours, of every command or of recorded ones.
pub fn set_variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    variables().filter_map(|(name, fate)| match fate {
        Fate::Set(value) | Fate::Plain(value) => Some((name, value)),
        _ => None,
    })
}

/// Those of them that recordings depend on.
pub fn plain_output() -> impl Iterator<Item = (&'static str, &'static str)> {
    variables().filter_map(|(name, fate)| match fate {
        Fate::Plain(value) => Some((name, value)),
        _ => None,
    })
}

fn variables() -> impl Iterator<Item = (&'static str, Fate)> {
    let rows = CHILD_ENVIRONMENT.iter();
    rows.flat_map(|(names, fate, _)| names.iter().map(|name| (*name, *fate)))
}

/// Sets what `migrate current` needs to read the ledger.
pub(super) fn for_current(environment: &mut Environment) {
    for (name, fate) in variables() {
        if let Fate::SetForCurrent(value) = fate {
            environment.set(name, value);
        }
    }
}

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
    /// The variables of `ambient` that are passed, and those that the adapter sets.
    pub(crate) fn environment(&self, ambient: &Environment) -> Environment {
        let passes = |name: &OsStr| {
            self.only.as_ref().is_none_or(|only| only.contains(name))
                && !self.withheld.contains(name)
                && !variables().any(|(it, fate)| name == it && fate == Fate::Withheld)
        };
        let mut environment: Environment = ambient
            .iter()
            .filter(|(name, _)| passes(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, value) in set_variables() {
            environment.set(name, value);
        }
        environment
    }
}

const OPTIONS: &str = "PGOPTIONS";

const SETTING: &str = "client_connection_check_interval";

/// The interval when the builder has none.
const DEFAULT_CHECK: Duration = Duration::from_secs(1);

/// The server option that makes a running statement end when its client is gone for this long.
///
/// libpq reads `PGOPTIONS` only when the connection string has no `options` of its own; then this
/// has to be added there.
#[must_use]
pub fn server_option(interval: Duration) -> String {
    // Zero would switch the check off.
    let milliseconds = interval.as_millis().clamp(1, i32::MAX as u128);
    format!("-c {SETTING}={milliseconds}ms")
}

/// Why the server is not asked to notice that confiture is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDisconnectCheck {
    /// The server, or a pooler before it, refused the connection that asked.
    Refused,
    /// The connection string has `options` of its own, which keep the request from the server.
    OwnOptions,
}

/// What the builder configured for the disconnect check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Check {
    /// The server is not asked.
    Off,
    /// The server is asked, or the call is an error.
    Demanded(Duration),
    /// The server is asked where that can be.
    #[default]
    WherePossible,
}

impl Check {
    /// How often the server is asked to check.
    pub(crate) const fn interval(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Demanded(interval) => Some(interval),
            Self::WherePossible => Some(DEFAULT_CHECK),
        }
    }
}

/// Whether a connection was refused because of the option: by a server that does not have it, or
/// by a pooler that accepts no options at all.
pub(crate) fn is_refused(message: &str) -> bool {
    const POOLER: &str = "unsupported startup parameter";
    message.contains(SETTING) || message.contains(POOLER) && message.contains("options")
}

/// Sets the options back to what they are in `before`.
pub(super) fn remove_check(environment: &mut Environment, before: &Environment) {
    environment.remove(OPTIONS);
    if let Some(options) = before.get(OPTIONS) {
        environment.set(OPTIONS, options);
    }
}

/// Whether these `options` of a session have the [`server_option`], with whatever value.
#[must_use]
pub fn has_server_option(options: &str) -> bool {
    options.split_ascii_whitespace().any(|word| {
        let assignment = word.strip_prefix("--").or(word.strip_prefix("-c"));
        // The server accepts `-` for `_`, and names in any case.
        assignment
            .unwrap_or(word)
            .split_once('=')
            .is_some_and(|(name, _)| name.replace('-', "_").eq_ignore_ascii_case(SETTING))
    })
}

/// Sets the option for every connection of the child, after what is set already.
pub(super) fn add_check(environment: &mut Environment, interval: Duration) {
    let mut options = environment.remove(OPTIONS).unwrap_or_default();
    if !options.is_empty() {
        options.push(" ");
    }
    options.push(server_option(interval));
    environment.set(OPTIONS, options);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment_of(pairs: &[(&str, &str)]) -> Environment {
        let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
        pairs.iter().map(pair).collect()
    }

    fn with_set_variables(pairs: &[(&str, &str)]) -> Environment {
        let mut environment = environment_of(pairs);
        for (name, value) in set_variables() {
            environment.set(name, value);
        }
        environment
    }

    #[test]
    fn the_output_is_as_wide_as_the_longest_secret() {
        assert_eq!(columns(["postgresql://u:hunter2@h/db", "token"]), None);
        let long = "x".repeat(700);
        assert_eq!(columns([long.as_str(), "token"]), Some(800));
        let lines = format!("{long}\n").repeat(50);
        assert_eq!(columns([lines.as_str()]), Some(800));
    }

    #[test]
    fn each_variable_has_one_documented_rule() {
        let mut names: Vec<&str> = variables().map(|(name, _)| name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        let mut table =
            String::from("| variable | in confiture's environment | because |\n|---|---|---|\n");
        for (names, fate, why) in CHILD_ENVIRONMENT {
            let fate = match fate {
                Fate::Passed => "passed".into(),
                Fate::Set(value) | Fate::Plain(value) => format!("set to `{value}`"),
                Fate::SetForCurrent(value) => {
                    format!("set to `{value}` for `migrate current`, otherwise passed")
                }
                Fate::Withheld => "withheld".to_owned(),
            };
            let row = format!("| `{}` | {fate} | {why} |\n", names.join("`, `"));
            table.push_str(&row);
        }
        let page = include_str!("../../../../docs/environment.md");
        assert!(page.contains(&table), "docs/environment.md needs:\n{table}");
    }

    #[test]
    fn the_environment_is_inherited_and_output_is_plain() {
        let ambient = [
            ("LANG", "C.UTF-8"),
            ("FORCE_COLOR", "1"),
            ("PGCLIENTENCODING", "LATIN1"),
            ("PYTHONINSPECT", "1"),
            ("TERM", "xterm"),
            ("ADMIN_DSN", "a secret"),
        ];
        let inherit = Inherit {
            only: None,
            withheld: ["ADMIN_DSN".into()].into(),
        };
        assert_eq!(
            inherit.environment(&environment_of(&ambient)),
            with_set_variables(&[("LANG", "C.UTF-8")])
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
            inherit.environment(&environment_of(&ambient)),
            with_set_variables(&[("PATH", "/bin")])
        );
    }

    #[test]
    fn other_options_are_preserved() {
        let mut environment = Environment::default();
        environment.set(OPTIONS, "-c work_mem=1MB");
        add_check(&mut environment, Duration::from_millis(1500));
        let expected = "-c work_mem=1MB -c client_connection_check_interval=1500ms";
        assert_eq!(environment.get(OPTIONS), Some(expected.as_ref()));
    }

    #[test]
    fn refusals_by_servers_and_poolers_are_recognised() {
        let failed = "Failed to connect to database: connection failed: connection to server at \
                      \"127.0.0.1\", port 6432 failed: FATAL:  ";
        for (said, refused) in [
            ("unsupported startup parameter: options", true),
            (
                "unsupported startup parameter in options: client_connection_check_interval",
                true,
            ),
            (
                "unrecognized configuration parameter \"client_connection_check_interval\"",
                true,
            ),
            (
                "invalid value for parameter \"client_connection_check_interval\": 1000",
                true,
            ),
            ("unsupported startup parameter: geqo", false),
            ("unrecognized configuration parameter \"geqo\"", false),
            ("password authentication failed for user \"options\"", false),
        ] {
            assert_eq!(is_refused(&format!("{failed}{said}")), refused, "{said}");
        }
    }

    #[test]
    fn a_small_interval_never_disables_the_check() {
        assert!(server_option(Duration::from_nanos(1)).ends_with("=1ms"));
        assert!(server_option(Duration::MAX).ends_with("=2147483647ms"));
    }

    #[test]
    fn every_spelling_of_the_option_is_recognised() {
        for options in [
            &server_option(Duration::from_secs(1)),
            "-c work_mem=1MB -cclient_connection_check_interval=9",
            "--client-connection-check-interval=9",
            "--Client_Connection_check-interval=9 -c work_mem=1MB",
        ] {
            assert!(has_server_option(options), "{options}");
        }
        for options in [
            "",
            "-c work_mem=1MB",
            "-c application_name=client_connection_check_interval",
            "-c my.client_connection_check_interval=9",
            "client_connection_check_interval",
        ] {
            assert!(!has_server_option(options), "{options}");
        }
    }
}
