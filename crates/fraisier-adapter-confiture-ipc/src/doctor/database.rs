//! What `look.py` saw of the database, and what it means for a deploy.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path;
use std::time::Duration;

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::tools::{NotRun, python};
use fraisier_adapter_confiture::{ConfitureMigration, server_option};
use serde::Deserialize;

use super::finding::Grade::{self, Fail, Unknown, Warn};
use super::finding::{Finding, listed};
use super::history::{self, History, Row};
use crate::project::Project;

/// The check of whether Python starts with confiture's modules.
pub(super) const PYTHON: &str = "python";

const SCRIPT: &str = include_str!("look.py");

/// When the script is ended, whatever it waits for.
const LIMIT: Duration = Duration::from_secs(40);

/// How often the adapter asks the server to look for its client.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A session with a shorter timeout cannot even read and change an empty ledger.
const SHORTEST_TIMEOUT_MS: i64 = 2;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    NotStarted(String),
    NotConnected(String),
    Looked(Box<Looked>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Looked {
    server: Answer<Server>,
    timeouts: Answer<Timeout>,
    ledgers: Answer<Ledger>,
    rows: Answer<Row>,
    sessions: Answer<Session>,
    prepared: Answer<Prepared>,
    event_triggers: Answer<EventTrigger>,
    indexes: Answer<Index>,
    pid: Answer<Pid>,
    pid_again: Answer<Pid>,
    asked_port: u16,
    is_encrypted: bool,
    takes_options: bool,
    /// Whether the `statement_timeout` of the role ended what confiture reads at first.
    ends_early: bool,
    /// By the name of the file; none where it could not be read.
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

#[derive(Debug, Deserialize)]
struct Server {
    connected: String,
    release: String,
    is_old: bool,
    is_standby: bool,
    is_read_only: bool,
    address: Option<String>,
    port: Option<u16>,
    role: String,
    /// What the role lacks to create a table.
    lacks: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Timeout {
    name: String,
    ms: i64,
}

/// A relation with the name of the ledger.
#[derive(Debug, Deserialize)]
struct Ledger {
    schema: String,
    /// Whether it is the one that confiture finds.
    is_seen: bool,
    /// What it is, where it is no ledger.
    is_instead: Option<String>,
    /// The type of `applied_at`, where it is no point in time.
    untimed: Option<String>,
    /// What the role lacks to use it.
    lacks: Vec<String>,
    /// What may keep rows out of it.
    interferes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Session {
    pid: i32,
    description: String,
    awaits_standby: bool,
    /// Whether it holds the migration lock, or waits for it.
    migration_lock: Option<bool>,
    blocks: bool,
    /// Whether it locks tables, and the role may not see since when.
    may_block: bool,
}

/// A transaction that a client prepared, and that no session holds any more.
#[derive(Debug, Deserialize)]
struct Prepared {
    description: String,
    /// Its name as a literal.
    name: String,
}

#[derive(Debug, Deserialize)]
struct EventTrigger {
    description: String,
}

#[derive(Debug, Deserialize)]
struct Index {
    name: String,
    is_being_built: bool,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Pid {
    pid: i32,
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
        "correct target_session_attrs, or let the connection string name the primary"),
    (&["refused", "timeout expired", "timed out", "No such file", "unreachable", "closed the connection"],
        "start the server, correct host and port, or let a firewall pass this machine"),
    (&[""], "correct the connection string, or the variable that begins with PG and adds to it"),
];

/// Runs the script. Where it saw no database, the finding says why.
pub(super) async fn look(
    adapter: &ConfitureMigration,
    project: &Project,
) -> Result<Box<Looked>, Finding> {
    let directory = project.workdir.join(&project.migrations_dir);
    let directory = path::absolute(&directory).unwrap_or(directory);
    let option = OsString::from(server_option(CHECK_INTERVAL));
    let args = vec![directory.into_os_string(), option];
    let ran = python(adapter, &project.ctx(), SCRIPT, args, LIMIT).await;
    let unknown = |why: String| Finding::new("database", Unknown, format!("not looked at: {why}"));
    let not_started = |why: String, next: &str| {
        let text = format!("confiture cannot start: {why}. Next: {next}");
        Finding::new(PYTHON, Fail, text)
    };
    let repair = "unset PSYCOPG_IMPL and the variables that begin with PYTHON, or recreate the virtual environment and install \
                  fraiseql-confiture in it";
    let report = match ran {
        Ok(Ok(report)) => report,
        Ok(Err(why @ NotRun::NoInterpreter)) => {
            let next = "set FRAISIER_CONFITURE_BIN to the script `confiture` of its installation";
            return Err(unknown(format!("{why}. Next: {next}")));
        }
        Ok(Err(NotRun::Failed(why))) if why.contains("in time") => {
            let next = "see whether the server still answers, and run `doctor` again";
            return Err(unknown(format!("{why} ({LIMIT:?}). Next: {next}")));
        }
        Ok(Err(NotRun::NotStarted { why, next })) => {
            return Err(not_started(why, &next));
        }
        Ok(Err(NotRun::Failed(why))) => return Err(not_started(why, repair)),
        Err(failure) => return Err(unknown(AdapterError::from(failure).message)),
    };
    match serde_json::from_slice(&report) {
        Ok(Report::Looked(looked)) => Ok(looked),
        Ok(Report::NotStarted(why)) => Err(not_started(why, repair)),
        Ok(Report::NotConnected(why)) => Err(not_connected(&why)),
        Err(why) => Err(unknown(format!(
            "the report of Python cannot be read: {why}"
        ))),
    }
}

fn not_connected(why: &str) -> Finding {
    let matches = |signs: &[&str]| signs.iter().any(|sign| why.contains(sign));
    let refusal = REFUSALS.iter().find(|(signs, _)| matches(signs));
    let next = refusal.map_or("", |(_, next)| next);
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    Finding::new("connection", Fail, format!("{why}. Next: {next}"))
}

impl<T> Answer<T> {
    fn rows(&self, check: &'static str) -> Result<&[T], Finding> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Error { message, .. } => Err(Finding::new(check, Unknown, message.trim())),
        }
    }

    fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Rows(_) => None,
            Self::Error { sqlstate, .. } => sqlstate.as_deref(),
        }
    }
}

/// A check: its name, and what can be wrong, in the order in which it is reported. `{}` is what was seen, and
/// `{end}` the statements that end the sessions of it.
type Check = (&'static str, &'static [(Grade, &'static str)]);

#[rustfmt::skip]
const SERVER: Check = ("server", &[(Warn, "{}, which cannot be asked to notice that its client is gone. Next: after a \
    kill, a statement runs to its end; set FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK=off, or upgrade to PostgreSQL 14")]);

#[rustfmt::skip]
const BETWEEN: Check = ("between", &[
    (Fail, "two transactions had two sessions{}. Next: let the connection string name the server itself: a pooler that \
        shares sessions loses confiture's lock and the server's notice that it is gone"),
    (Warn, "a pooler refused the option by which the server notices that confiture is gone{}. Next: let the connection \
        string name the server itself, or set FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK=off"),
    (Warn, "the server itself listens on {}: a pooler, a proxy or a mapped port is in between. Next: if it is a pooler, \
        let the connection string name the server itself: one that shares sessions loses confiture's lock"),
]);

#[rustfmt::skip]
const WRITABLE: Check = ("writable", &[
    (Fail, "this server is a standby{}. Next: let the connection string name the primary"),
    (Fail, "transactions only read here (default_transaction_read_only){}. Next: remove that setting from the role, the \
        database or the server"),
]);

#[rustfmt::skip]
const RIGHTS: Check = ("rights", &[(Fail, "{}. Next: deploy as the owner of the ledger (ALTER TABLE tb_confiture OWNER TO \
    …), grant what is lacking, or correct the search_path of the role")]);

#[rustfmt::skip]
const TIMEOUTS: Check = ("timeouts", &[
    (Fail, "statement_timeout is too short to read and change the ledger{}. Next: raise it for the role that deploys: \
        ALTER ROLE … SET …"),
    (Warn, "a migration that takes longer fails{}. Next: raise it for the role that deploys: ALTER ROLE … SET …"),
]);

#[rustfmt::skip]
const LEDGER: Check = ("ledger", &[
    (Fail, "{}. Next: rename it, or set the search_path of the role to the schema of the ledger"),
    (Fail, "confiture sees none, and one is in the schema {}: it would apply everything again. Next: put that schema on \
        the search_path of the role, and grant USAGE on it"),
    (Warn, "confiture sees {}. Next: make sure that the search_path of every role that deploys shows the same one"),
    (Fail, "applied_at is {}, and no point in time, so the order of application is not known. Next: ALTER TABLE \
        tb_confiture ALTER applied_at TYPE timestamptz USING applied_at::timestamptz"),
]);

#[rustfmt::skip]
const LOCK: Check = ("lock", &[(Fail, "the migration lock is held by {} wait for it. Next: wait for that deploy to end; if \
    it no longer runs, end its session: {end}")]);

#[rustfmt::skip]
const STANDBY: Check = ("standby", &[(Warn, "a commit waits for a synchronous standby: {}. Next: start the standby, or \
    correct synchronous_standby_names. Do not end the session: its commit is on the disk, and ending it makes it visible")]);

#[rustfmt::skip]
const BLOCKING: Check = ("blocking", &[
    (Warn, "sessions that block, or lock tables: {}. Next: a migration waits behind them, and everything else behind the \
        migration: wait until they end, or end them: {end}"),
    (Warn, "sessions that lock tables, and nothing tells since when: {}. Next: let the role that deploys see it: GRANT \
        pg_read_all_stats TO …"),
]);

#[rustfmt::skip]
const PREPARED: Check = ("prepared", &[(Warn, "prepared transactions that lock tables, also after a restart: {}. Next: \
    complete them, or run: {end}")]);

#[rustfmt::skip]
const EVENT_TRIGGERS: Check = ("event triggers", &[(Warn, "what runs with every change of the schema, of confiture's \
    ledger too, and may refuse it: {}. Next: make sure that it lets this role migrate")]);

#[rustfmt::skip]
const INDEXES: Check = ("indexes", &[(Warn, "invalid: {}. Next: a stopped CREATE INDEX CONCURRENTLY left it: DROP INDEX \
    CONCURRENTLY {end}, then deploy again")]);

#[rustfmt::skip]
const HISTORY: Check = (history::CHECK, &[
    (Unknown, "another session locks the ledger{}. Next: read about `blocking`, and run `doctor` again"),
    (Unknown, "the ledger was not read within 4 s, the limit of `doctor` itself{}. Next: see whether the server is \
        overloaded; VACUUM tb_confiture if it was changed much"),
]);

/// What a role lacks, with one verb for all rights.
fn clauses(lacks: &[String]) -> String {
    const VERB: &str = "lacks ";
    let rights: Vec<&str> = lacks
        .iter()
        .filter_map(|it| it.strip_prefix(VERB))
        .collect();
    let rights = (!rights.is_empty()).then(|| format!("{VERB}{}", rights.join(", ")));
    let others = lacks.iter().filter(|it| !it.starts_with(VERB)).cloned();
    let clauses: Vec<String> = rights.into_iter().chain(others).collect();
    clauses.join("; ")
}

/// What was seen of a problem, and what ends it.
type Seen = Option<(String, String)>;

fn seen(is_there: bool, what: impl Into<String>) -> Seen {
    is_there.then(|| (what.into(), String::new()))
}

/// The first problem of the check that was seen, or that all is well.
fn judge<const N: usize>((name, problems): Check, fine: &str, seen: [Seen; N]) -> Finding {
    let problems = problems.iter().zip(seen);
    let first = problems.filter_map(|((grade, text), seen)| {
        let (what, end) = seen?;
        let text = text.replacen("{end}", &end, 1).replacen("{}", &what, 1);
        Some(Finding::new(name, *grade, text))
    });
    let fine = || Finding::new(name, Grade::Ok, fine);
    first.into_iter().next().unwrap_or_else(fine)
}

impl Looked {
    /// What is to be said of the database itself.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let parts = [
            self.server(),
            self.timeouts().map(|it| vec![it]),
            self.ledger().map(|it| vec![it]),
            self.sessions(),
            self.prepared().map(|it| vec![it]),
            self.event_triggers().map(|it| vec![it]),
            self.indexes().map(|it| vec![it]),
        ];
        let parts = parts.into_iter();
        parts
            .flat_map(|it| it.unwrap_or_else(|unknown| vec![unknown]))
            .collect()
    }

    /// The history; nothing where another finding says why it is not known.
    pub(super) fn history(&self) -> Result<Option<History<'_>>, Finding> {
        let (rows, interferes) = match self.ledgers.rows("").map(<[_]>::first) {
            Ok(None) => (&[][..], &[][..]),
            Ok(Some(it)) if it.is_seen && it.is_instead.is_none() => {
                match (&self.rows, self.rows.sqlstate()) {
                    (Answer::Rows(rows), _) => (&**rows, &*it.interferes),
                    (_, Some("57014")) if self.is_too_short() => return Ok(None),
                    // The rights were reported.
                    (_, Some("42501")) if !it.lacks.is_empty() => return Ok(None),
                    (_, Some(state @ ("55P03" | "57014"))) => {
                        let is_locked = state == "55P03";
                        let problems = [seen(is_locked, ""), seen(!is_locked, "")];
                        return Err(judge(HISTORY, "", problems));
                    }
                    // The type of the times was reported.
                    (Answer::Error { .. }, _) if it.untimed.is_some() => return Ok(None),
                    _ => (self.rows.rows(history::CHECK)?, &*it.interferes),
                }
            }
            Err(_) | Ok(Some(_)) => return Ok(None),
        };
        let checksums = &self.checksums;
        Ok(Some(History {
            rows,
            interferes,
            checksums,
        }))
    }

    fn server(&self) -> Result<Vec<Finding>, Finding> {
        let [it] = self.server.rows("server")? else {
            let text = "the server returned no row";
            return Err(Finding::new("server", Unknown, text));
        };
        let over = if self.is_encrypted { ", over TLS" } else { "" };
        let address = it.address.as_deref().unwrap_or_default();
        let port = it.port.unwrap_or(self.asked_port);
        let two_sessions = match (&self.pid, &self.pid_again) {
            (Answer::Rows(first), Answer::Rows(again)) => first != again,
            _ => false,
        };
        let between = [
            seen(two_sessions, ""),
            seen(!self.takes_options, ""),
            seen(port != self.asked_port, format!("{address} port {port}")),
        ];
        let ledger = self.ledgers.rows("").ok().and_then(<[_]>::first);
        let ledger = ledger.filter(|it| it.is_seen);
        let lacks = [&*it.lacks, ledger.map_or(&[], |it| &*it.lacks)].concat();
        let lacking = seen(
            !lacks.is_empty(),
            format!("{} {}", it.role, clauses(&lacks)),
        );
        let writable = [seen(it.is_standby, ""), seen(it.is_read_only, "")];
        let one = "one session, on the server that was asked for";
        let may = format!("{} may create tables and change the ledger", it.role);
        Ok(vec![
            Finding::new("connection", Grade::Ok, format!("{}{over}", it.connected)),
            judge(SERVER, &it.release, [seen(it.is_old, &it.release)]),
            judge(BETWEEN, one, between),
            judge(WRITABLE, "neither a standby nor read-only", writable),
            judge(RIGHTS, &may, [lacking]),
        ])
    }

    /// Whether the role's own timeouts end what confiture does with the ledger.
    fn is_too_short(&self) -> bool {
        let ends_all = |it: &Timeout| it.name != "lock_timeout" && it.ms < SHORTEST_TIMEOUT_MS;
        self.ends_early
            || match &self.timeouts {
                Answer::Rows(timeouts) => timeouts.iter().any(ends_all),
                error @ Answer::Error { .. } => error.sqlstate() == Some("57014"),
            }
    }

    fn timeouts(&self) -> Result<Finding, Finding> {
        let timeouts = match self.timeouts.rows(TIMEOUTS.0) {
            Err(unknown) if !self.is_too_short() => return Err(unknown),
            timeouts => timeouts.unwrap_or_default(),
        };
        let each = timeouts
            .iter()
            .map(|it| format!(": {} is {} ms", it.name, it.ms));
        let each = each.collect::<String>();
        let problems = [
            seen(self.is_too_short(), &each),
            seen(!each.is_empty(), &each),
        ];
        Ok(judge(
            TIMEOUTS,
            "none of the role is below a minute",
            problems,
        ))
    }

    fn ledger(&self) -> Result<Finding, Finding> {
        let ledgers = self.ledgers.rows(LEDGER.0)?;
        let (visible, others): (Vec<&Ledger>, Vec<&Ledger>) =
            ledgers.iter().partition(|it| it.is_seen);
        let others: Vec<&str> = others.iter().map(|it| &*it.schema).collect();
        let (are_others, others) = (!others.is_empty(), listed(&others));
        let found = visible.first();
        let name = found.map(|it| format!("{}.tb_confiture", it.schema));
        let fine = name
            .as_deref()
            .unwrap_or("there is none: nothing was ever applied here");
        let instead = found.and_then(|it| it.is_instead.as_deref());
        let untimed = found.and_then(|it| it.untimed.as_deref());
        let no_ledger = format!("{fine} is no ledger, but {}", instead.unwrap_or_default());
        let more = format!("{fine}; there are more, in {others}");
        let problems = [
            seen(instead.is_some(), no_ledger),
            seen(name.is_none() && are_others, others),
            seen(are_others, more),
            seen(untimed.is_some(), untimed.unwrap_or_default()),
        ];
        Ok(judge(LEDGER, fine, problems))
    }

    fn sessions(&self) -> Result<Vec<Finding>, Finding> {
        let sessions = self.sessions.rows(LOCK.0)?;
        let of = |wanted: fn(&Session) -> bool| -> Seen {
            let found: Vec<&Session> = sessions.iter().filter(|it| wanted(it)).collect();
            let descriptions: Vec<&str> = found.iter().map(|it| &*it.description).collect();
            let end = found
                .iter()
                .map(|it| format!("SELECT pg_terminate_backend({})", it.pid));
            let end = end.collect::<Vec<_>>();
            (!found.is_empty()).then(|| (listed(&descriptions), listed(&end)))
        };
        let waits = |it: &&Session| it.migration_lock == Some(false);
        let waiting = sessions.iter().filter(waits).count();
        let holds = of(|it| it.migration_lock == Some(true));
        let holds = holds.map(|(holder, end)| (format!("{holder}; {waiting}"), end));
        let blocks = of(|it| it.blocks && it.migration_lock.is_none() && !it.awaits_standby);
        let may_block = of(|it| it.may_block && it.migration_lock.is_none());
        let quiet = "no session blocks another, or has locked tables for 10 s";
        Ok(vec![
            judge(LOCK, "nobody holds the migration lock", [holds]),
            judge(
                STANDBY,
                "no commit waits for one",
                [of(|it| it.awaits_standby)],
            ),
            judge(BLOCKING, quiet, [blocks, may_block]),
        ])
    }

    fn prepared(&self) -> Result<Finding, Finding> {
        let prepared = self.prepared.rows(PREPARED.0)?;
        let each: Vec<&str> = prepared.iter().map(|it| &*it.description).collect();
        let end = prepared
            .iter()
            .map(|it| format!("ROLLBACK PREPARED {}", it.name));
        let end = end.collect::<Vec<_>>().join("; ");
        let locks = (!each.is_empty()).then(|| (listed(&each), end));
        Ok(judge(
            PREPARED,
            "no prepared transaction locks a table",
            [locks],
        ))
    }

    fn event_triggers(&self) -> Result<Finding, Finding> {
        let triggers = self.event_triggers.rows(EVENT_TRIGGERS.0)?;
        let triggers: Vec<&str> = triggers.iter().map(|it| &*it.description).collect();
        let problem = seen(!triggers.is_empty(), listed(&triggers));
        Ok(judge(EVENT_TRIGGERS, "there is none", [problem]))
    }

    fn indexes(&self) -> Result<Finding, Finding> {
        let invalid = self.indexes.rows(INDEXES.0)?;
        let left = invalid.iter().filter(|index| !index.is_being_built);
        let left: Vec<&str> = left.map(|index| &*index.name).collect();
        let first = left.first().map(|it| (listed(&left), (*it).to_owned()));
        Ok(judge(
            INDEXES,
            "every index is valid, or being built",
            [first],
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A healthy database, with this in the place of that.
    fn looked(pointer: &str, value: Value) -> Looked {
        let session = json!({"pid": 7, "description": "7: user a", "awaits_standby": false,
            "migration_lock": null, "blocks": false,
            "may_block": false});
        let mut report = json!({
            "server": {"rows": [{"connected": "as a to the database b", "release": "PostgreSQL 18.1",
                "is_old": false, "is_standby": false, "is_read_only": false, "address": "10.0.0.1",
                "port": 5432, "role": "a", "lacks": []}]},
            "timeouts": {"rows": []},
            "ledgers": {"rows": [{"schema": "public", "is_seen": true, "is_instead": null,
                "untimed": null, "lacks": [], "interferes": []}]},
            "rows": {"rows": []},
            "sessions": {"rows": [session]},
            "prepared": {"rows": []},
            "event_triggers": {"rows": []},
            "indexes": {"rows": [{"name": "i", "is_being_built": true}]},
            "pid": {"rows": [{"pid": 1}]},
            "pid_again": {"rows": [{"pid": 1}]},
            "asked_port": 5432,
            "is_encrypted": false,
            "takes_options": true,
            "ends_early": false,
            "checksums": {},
        });
        if let Some(place) = report.pointer_mut(pointer) {
            *place = value;
        }
        serde_json::from_value(report).expect("a report")
    }

    /// A place of the report, what is there, and the one finding that it causes.
    #[rustfmt::skip]
    const PROBLEMS: [(&str, &str, &str, Grade, &str); 23] = [
        ("/server/rows/0/is_old", "true", "server", Warn, "notice that its client"),
        ("/server/rows/0/is_standby", "true", "writable", Fail, "standby"),
        ("/server/rows/0/is_read_only", "true", "writable", Fail, "only read"),
        ("/server/rows/0/lacks", r#"["lacks X"]"#, "rights", Fail, "a lacks X"),
        ("/ledgers/rows/0/lacks", r#"["lacks Y"]"#, "rights", Fail, "a lacks Y"),
        ("/server/rows", "[]", "server", Unknown, "no row"),
        ("/pid_again/rows/0/pid", "2", "between", Fail, "two sessions"),
        ("/takes_options", "false", "between", Warn, "refused the option"),
        ("/asked_port", "6432", "between", Warn, "10.0.0.1 port 5432"),
        ("/timeouts/rows", r#"[{"name": "lock_timeout", "ms": 50}]"#, "timeouts", Warn, "50 ms"),
        ("/timeouts/rows", r#"[{"name": "statement_timeout", "ms": 50}]"#, "timeouts", Warn, "50 ms"),
        ("/timeouts/rows", r#"[{"name": "statement_timeout", "ms": 1}]"#, "timeouts", Fail, "1 ms"),
        ("/ends_early", "true", "timeouts", Fail, "too short"),
        ("/ledgers/rows/0/is_instead", r#""a view""#, "ledger", Fail, "a view"),
        ("/ledgers/rows/0/is_seen", "false", "ledger", Fail, "in the schema public"),
        ("/ledgers/rows/0/untimed", r#""text""#, "ledger", Fail, "applied_at is text"),
        ("/prepared/rows", r#"[{"description": "a, of b", "name": "'a'"}]"#, "prepared", Warn, "restart: a, of b"),
        ("/event_triggers/rows", r#"[{"description": "guard"}]"#, "event triggers", Warn, "refuse it: guard"),
        ("/sessions/rows/0/migration_lock", "true", "lock", Fail, "held by 7: user a; 0 wait"),
        ("/sessions/rows/0/awaits_standby", "true", "standby", Warn, "7: user a"),
        ("/sessions/rows/0/blocks", "true", "blocking", Warn, "7: user a"),
        ("/sessions/rows/0/may_block", "true", "blocking", Warn, "nothing tells since when: 7"),
        ("/indexes/rows/0/is_being_built", "false", "indexes", Warn, "invalid: i"),
    ];

    #[test]
    fn each_problem_of_the_database_is_found() {
        for (pointer, value, check, grade, says) in PROBLEMS {
            let value = serde_json::from_str(value).expect("JSON");
            let findings = looked(pointer, value).findings();
            let bad: Vec<_> = findings.iter().filter(|it| it.grade != Grade::Ok).collect();
            assert_eq!(bad.len(), 1, "{pointer}: {bad:?}");
            assert_eq!((bad[0].check, bad[0].grade), (check, grade), "{bad:?}");
            assert!(bad[0].evidence.contains(says), "{bad:?}");
            assert!(grade == Unknown || !bad[0].next.is_empty(), "{bad:?}");
        }
        let healthy = looked("/nothing", Value::Null).findings();
        assert!(
            healthy.iter().all(|it| it.grade == Grade::Ok),
            "{healthy:?}"
        );
    }

    #[test]
    fn what_a_role_lacks_has_one_verb() {
        let lacks = ["lacks X", "does not own Y", "lacks Z"].map(str::to_owned);
        assert_eq!(clauses(&lacks), "lacks X, Z; does not own Y");
        assert_eq!(clauses(&lacks[1..2]), "does not own Y");
    }

    #[test]
    fn a_prepared_transaction_is_ended_by_its_name() {
        let rows =
            json!([{"description": "a", "name": "'a'"}, {"description": "b", "name": "'b'"}]);
        let found = looked("/prepared/rows", rows).findings();
        let prepared = found.iter().find(|it| it.check == "prepared");
        let next = &prepared.expect("a finding").next;
        assert!(
            next.ends_with("ROLLBACK PREPARED 'a'; ROLLBACK PREPARED 'b'"),
            "{next}"
        );
    }

    #[test]
    fn the_sessions_to_end_are_numbered() {
        let found = looked("/sessions/rows/0/migration_lock", json!(true)).findings();
        let lock = found.iter().find(|it| it.check == "lock").expect("a lock");
        assert!(
            lock.next.ends_with("SELECT pg_terminate_backend(7)"),
            "{lock:?}"
        );
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

    #[test]
    fn an_unreadable_history_is_reported_once() {
        let error = |sqlstate: &str| json!({"error": {"message": "no", "sqlstate": sqlstate}});
        for (sqlstate, says) in [
            ("XX000", "no"),
            ("42501", "no"),
            ("55P03", "another session locks the ledger"),
            ("57014", "the limit of `doctor` itself"),
        ] {
            let looked = looked("/rows", error(sqlstate));
            let history = looked.history().err().expect(sqlstate);
            assert_eq!((history.check, history.grade), (history::CHECK, Unknown));
            assert!(history.evidence.contains(says), "{history:?}");
            // Not one word of the role's timeouts.
            let findings = looked.findings();
            assert!(
                findings.iter().all(|it| it.grade == Grade::Ok),
                "{findings:?}"
            );
        }
        for (pointer, value) in [
            ("/ledgers", error("XX000")),
            ("/ledgers/rows/0/is_seen", json!(false)),
            ("/ledgers/rows/0/is_instead", json!("a view")),
        ] {
            let looked = looked(pointer, value);
            assert!(matches!(looked.history(), Ok(None)), "{pointer}");
        }
        let mut unseen = looked("/ledgers/rows/0/lacks", json!(["lacks SELECT"]));
        assert!(matches!(unseen.history(), Ok(Some(_))));
        unseen.rows = serde_json::from_value(error("42501")).expect("an error");
        assert!(matches!(unseen.history(), Ok(None)));
        let mut untimed = looked("/ledgers/rows/0/untimed", json!("text"));
        untimed.rows = serde_json::from_value(error("42883")).expect("an error");
        assert!(matches!(untimed.history(), Ok(None)));
        let mut ended = looked("/ends_early", json!(true));
        ended.rows = serde_json::from_value(error("57014")).expect("an error");
        assert!(matches!(ended.history(), Ok(None)));
        let none = looked("/ledgers/rows", json!([]));
        assert!(matches!(none.history(), Ok(Some(History { rows: [], .. }))));
    }
}
