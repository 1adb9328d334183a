//! Runs `look.py`, and reports what it saw of the database.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::tools::{Migration, NotRun, python};
use fraisier_adapter_confiture::{ConfitureMigration, ConfitureVersion, server_option};
use serde::Deserialize;

use super::checks::{DATABASE, HISTORY, Seen};
use super::finding::Finding;
use super::finding::Grade::{Fail, Unknown};
use super::history::{Row, compare};
use crate::project::Project;

/// The check of whether Python starts with confiture's modules.
pub(super) const PYTHON: &str = "python";

const SCRIPT: &str = include_str!("look.py");

/// When the script is ended, whatever it waits for.
const LIMIT: Duration = Duration::from_secs(40);

/// How often the adapter asks the server to look for its client.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    NotStarted(String),
    NotConnected(String),
    Looked(Looked),
}

#[derive(Debug, Deserialize)]
pub(super) struct Looked {
    /// By the name of the statement.
    answers: BTreeMap<String, Answer<Seen>>,
    /// The rows of the ledger.
    rows: Answer<Row>,
    /// SHA-256 by the name of the file; none where it could not be read.
    checksums: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    Rows(Vec<T>),
    Error {
        message: String,
        sqlstate: Option<String>,
    },
}

/// What libpq says of a connection that it cannot make, and what helps: the first that matches.
#[rustfmt::skip]
const REFUSALS: [(&[&str], &str); 10] = [
    (&["could not translate host name", "resolve host"], "correct the host, or the name service of this machine"),
    (&["authentication failed", "no password", "pg_hba.conf", "role \""],
        "correct user and password of the connection string, or pg_hba.conf of the server"),
    (&["database \""], "create the database, or name another"),
    (&["certificate", "SSL"],
        "correct sslmode, sslrootcert and the host of the connection string, or the server's certificate"),
    (&["GSSAPI"], "correct gssencmode, or get a ticket (kinit)"),
    (&["definition of service"], "correct service, or the service file"),
    (&["too many", "connection slots"], "free connections: confiture needs one too"),
    (&["session is", "in hot standby"],
        "correct target_session_attrs, or connect to the primary"),
    (&["refused", "timeout expired", "timed out", "No such file", "unreachable", "closed the connection"],
        "start the server, correct host and port, or open the firewall for this machine"),
    (&[""], "correct the connection string, or the variable PG… that adds to it"),
];

/// Runs the script. Where it saw no database, the finding says why.
pub(super) async fn look(
    adapter: &ConfitureMigration,
    project: &Project,
) -> Result<Looked, Finding> {
    let option = OsString::from(server_option(CHECK_INTERVAL));
    let args = vec![project.directory().into_os_string(), option];
    let ran = python(adapter, &project.ctx(), SCRIPT, args, LIMIT).await;
    let unknown = |why: String| Finding::new("database", Unknown, format!("not examined: {why}"));
    let not_started = |why: String, next: &str| {
        let text = format!("confiture cannot start: {why}. Next: {next}");
        Finding::new(PYTHON, Fail, text)
    };
    let repair = "unset PSYCOPG_IMPL and the variables that begin with PYTHON, or recreate the virtual environment and \
                  install fraiseql-confiture in it";
    Err(match ran {
        Ok(Ok(report)) => match serde_json::from_slice(&report) {
            Ok(Report::Looked(looked)) => return Ok(looked),
            Ok(Report::NotStarted(why)) => not_started(why, repair),
            Ok(Report::NotConnected(why)) => not_connected(&why),
            Err(why) => unknown(format!("the report of Python cannot be read: {why}")),
        },
        Ok(Err(why @ NotRun::NoInterpreter)) => unknown(format!(
            "{why}. Next: set FRAISIER_CONFITURE_BIN to the script `confiture` of its installation"
        )),
        Ok(Err(NotRun::Failed(why))) if why.contains("in time") => unknown(format!(
            "{why} ({LIMIT:?}). Next: see whether the server still answers, and run `doctor` again"
        )),
        Ok(Err(NotRun::NotStarted { why, next })) => not_started(why, &next),
        Ok(Err(NotRun::Failed(why))) => not_started(why, repair),
        Err(failure) => unknown(AdapterError::from(failure).message),
    })
}

fn not_connected(why: &str) -> Finding {
    let matches = |signs: &[&str]| signs.iter().any(|sign| why.contains(sign));
    let refusal = REFUSALS.iter().find(|(signs, _)| matches(signs));
    let next = refusal.map_or("", |(_, next)| next);
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    Finding::new("connection", Fail, format!("{why}. Next: {next}"))
}

impl Looked {
    /// What is to be said of the database, and of what was applied where the migrations are known.
    pub(super) fn findings(
        &self,
        migrations: Option<&[Migration]>,
        version: Option<&ConfitureVersion>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = Vec::new();
        for (statement, checks) in DATABASE {
            match &self.answers[statement] {
                Answer::Rows(rows) => {
                    findings.extend(checks.iter().flat_map(|check| check.judge(rows)));
                    seen.extend_from_slice(rows);
                }
                Answer::Error { message, .. } => {
                    findings.push(Finding::new(checks[0].name, Unknown, message.trim()));
                }
            }
        }
        match (self.rows(&seen), migrations) {
            (Ok(Some(rows)), Some(migrations)) => {
                seen.extend(compare(rows, &self.checksums, migrations, version));
                findings.extend(HISTORY.judge(&seen));
            }
            (Err(unknown), _) => findings.extend(HISTORY.judge(&[unknown])),
            _ => {}
        }
        findings
    }

    /// The rows of the ledger; nothing where another finding says why they are not known.
    fn rows(&self, seen: &[Seen]) -> Result<Option<&[Row]>, Seen> {
        let is_seen = |kind| seen.iter().any(|it| it.kind == kind);
        let (message, sqlstate) = match &self.rows {
            _ if is_seen("none") => return Ok(Some(&[])),
            _ if !is_seen("ledger") => return Ok(None),
            Answer::Rows(rows) => return Ok(Some(rows)),
            Answer::Error { message, sqlstate } => (message, sqlstate.as_deref()),
        };
        let (kind, cause) = match sqlstate {
            Some("55P03") => ("locked ledger", None),
            Some("57014") => ("slow ledger", Some("too short")),
            Some("42501") => ("unreadable ledger", Some("lacks")),
            _ => ("unreadable ledger", Some("no time")),
        };
        if cause.is_some_and(is_seen) {
            Ok(None)
        } else {
            Err(Seen::new(kind, message.trim()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::finding::Grade;
    use super::*;

    /// A healthy database, with this answer in the place of that.
    fn looked(place: &str, answer: Value) -> Looked {
        let mut report = json!({
            "answers": {
                "server": {"rows": [
                    {"kind": "connected", "what": "as a to the database b"},
                    {"kind": "release", "what": "PostgreSQL 18.1"},
                ]},
                "timeouts": {"rows": []},
                "ledgers": {"rows": [
                    {"kind": "ledger", "what": "public.tb_confiture"},
                    {"kind": "rights", "what": "a"},
                ]},
                "sessions": {"rows": []},
                "prepared": {"rows": []},
                "event_triggers": {"rows": []},
                "indexes": {"rows": []},
            },
            "rows": {"rows": []},
            "checksums": {},
        });
        *report.pointer_mut(place).expect(place) = answer;
        serde_json::from_value(report).expect("a report")
    }

    /// The findings that are not ok, of a project without migrations.
    fn problems(looked: &Looked) -> Vec<(&'static str, Grade, String)> {
        let findings = looked.findings(Some(&[]), None).into_iter();
        let problems = findings.filter(|it| it.grade != Grade::Ok);
        problems
            .map(|it| (it.check, it.grade, it.evidence))
            .collect()
    }

    fn error(sqlstate: &str) -> Value {
        json!({"error": {"message": "no", "sqlstate": sqlstate}})
    }

    #[test]
    fn what_the_script_saw_is_judged() {
        let healthy = looked("/rows", json!({"rows": []}));
        assert_eq!(problems(&healthy), []);
        let found = healthy.findings(Some(&[]), None);
        let checks: Vec<&str> = found.iter().map(|it| it.check).collect();
        let all = DATABASE.iter().flat_map(|(_, checks)| *checks);
        let all: Vec<&str> = all.chain([&HISTORY]).map(|it| it.name).collect();
        assert_eq!(checks, all);
        let standby = json!({"rows": [{"kind": "standby", "what": ""}]});
        let standby = problems(&looked("/answers/server", standby));
        assert_eq!(standby.len(), 1, "{standby:?}");
        assert_eq!((standby[0].0, standby[0].1), ("writable", Fail));
    }

    #[test]
    fn a_refused_statement_is_one_unknown() {
        for (statement, checks) in DATABASE {
            let found = problems(&looked(&format!("/answers/{statement}"), error("XX000")));
            assert_eq!(found, [(checks[0].name, Unknown, "no".to_owned())]);
        }
    }

    #[test]
    fn the_sessions_to_end_are_numbered() {
        let remedy = "SELECT pg_terminate_backend(7)";
        let lock = json!({"rows": [{"kind": "lock", "what": "7: user a; 0 wait for it", "remedy": remedy}]});
        let found = looked("/answers/sessions", lock).findings(None, None);
        let lock = found.iter().find(|it| it.check == "lock").expect("a lock");
        assert!(lock.next.ends_with(remedy), "{lock:?}");
    }

    #[test]
    fn an_unreadable_history_is_reported_once() {
        for (sqlstate, says) in [
            ("XX000", "no"),
            ("42501", "no"),
            ("55P03", "another session locks the ledger"),
            ("57014", "the limit of `doctor` itself"),
        ] {
            let found = problems(&looked("/rows", error(sqlstate)));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].0, found[0].1), (HISTORY.name, Unknown));
            assert!(found[0].2.contains(says), "{found:?}");
        }
        for (statement, kind, sqlstate, check) in [
            ("ledgers", "lacks", "42501", "rights"),
            ("ledgers", "no time", "42883", "ledger"),
            ("timeouts", "too short", "57014", "timeouts"),
        ] {
            let rows =
                json!({"rows": [{"kind": "ledger", "what": "l"}, {"kind": kind, "what": "x"}]});
            let mut looked = looked(&format!("/answers/{statement}"), rows);
            looked.rows = serde_json::from_value(error(sqlstate)).expect("an error");
            let found = problems(&looked);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, check);
        }
        for kind in ["no ledger", "hidden ledger"] {
            let rows = json!({"rows": [{"kind": kind, "what": "x"}]});
            let found = looked("/answers/ledgers", rows).findings(Some(&[]), None);
            assert!(found.iter().all(|it| it.check != HISTORY.name), "{found:?}");
        }
        let rows = json!({"rows": [{"kind": "none", "what": ""}]});
        let mut none = looked("/answers/ledgers", rows);
        none.rows = serde_json::from_value(error("42P01")).expect("an error");
        assert_eq!(problems(&none), []);
    }

    #[test]
    fn each_refusal_of_libpq_has_its_advice() {
        for (why, next) in [
            (
                "could not translate host name \"x\" to address",
                "name service",
            ),
            (
                "FATAL:  password authentication failed for user \"a\"",
                "password",
            ),
            (
                "FATAL:  database \"x\" does not exist",
                "create the database",
            ),
            (
                "server does not support SSL, but SSL was required",
                "sslmode",
            ),
            (
                "FATAL:  sorry, too many clients already",
                "free connections",
            ),
            ("session is read-only", "target_session_attrs"),
            ("connection timeout expired", "start the server"),
            (
                "invalid port number: \"x\"",
                "correct the connection string",
            ),
        ] {
            let finding = not_connected(why);
            assert_eq!((finding.check, finding.grade), ("connection", Fail));
            assert!(finding.next.contains(next), "{finding:?}");
        }
    }
}
