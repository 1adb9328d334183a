//! The checks of the files and of the database: how what was seen is graded and worded.

use fraisier_adapter_confiture::tools::{HIDDEN_MIGRATION, VERSIONS_OUT_OF_ORDER};
use serde::Deserialize;

use super::finding::Finding;
use super::finding::Grade::{self, Fail, Unknown, Warn};

/// How many names are listed before the rest is counted.
const LISTED: usize = 8;

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Seen {
    /// What kind of thing, by its name in the table of a check.
    pub(super) kind: String,
    /// Which one, such as the name of a file.
    what: String,
    /// The statement that ends it.
    remedy: Option<String>,
}

impl Seen {
    pub(super) fn new(kind: &str, what: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            what: what.into(),
            remedy: None,
        }
    }

    /// Several of one kind.
    pub(super) fn all<T: Into<String>>(
        kind: &str,
        what: impl IntoIterator<Item = T>,
    ) -> impl Iterator<Item = Self> {
        what.into_iter().map(move |what| Self::new(kind, what))
    }
}

/// A check.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    /// What is reported when nothing was seen; empty for a check that then reports nothing.
    fine: &'static str,
    /// Each kind of thing that can be seen: its name, its grade, and its text. In the text, `{}` stands for the things
    /// that were seen, and `{remedy}` for the statements that end them.
    kinds: &'static [(&'static str, Grade, &'static str)],
}

impl Check {
    /// A finding for each kind of thing that was seen, or one that all is well.
    pub(super) fn judge(&self, seen: &[Seen]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (kind, grade, text) in self.kinds {
            let seen: Vec<&Seen> = seen.iter().filter(|it| it.kind == *kind).collect();
            if !seen.is_empty() {
                let what = listed(seen.iter().map(|it| &*it.what), ", ");
                let remedies = seen.iter().filter_map(|it| it.remedy.as_deref());
                let text = text.replacen("{remedy}", &listed(remedies, "; "), 1);
                let text = text.replacen("{}", &what, 1);
                findings.push(Finding::new(self.name, *grade, text));
            }
        }
        if findings.is_empty() && !self.fine.is_empty() {
            findings.push(Finding::new(self.name, Grade::Ok, self.fine));
        }
        findings
    }
}

/// Names, the first of many.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.len().checked_sub(LISTED) {
        Some(more @ 1..) => format!("{} and {more} more", names[..LISTED].join(separator)),
        _ => names.join(separator),
    }
}

#[rustfmt::skip]
pub(super) const FILES: [Check; 7] = [
    Check { name: "directory", fine: "", kinds: &[
        ("directory", Grade::Ok, "{}"),
        ("empty", Warn, "{}. Next: if it is the wrong directory, name the right one with --migrations-dir"),
    ]},
    Check { name: "files", fine: "each is a regular file", kinds: &[
        ("irregular", Warn, "not a regular file: {}. Next: replace each by a regular file, or move it out of the directory: \
            confiture reads whatever has such a name, fails at a directory, and waits at a FIFO"),
    ]},
    Check { name: "text", fine: "every file is UTF-8 without NUL bytes", kinds: &[
        ("NUL", Fail, "confiture silently skips the SQL behind a NUL byte, and cannot load Python with one: {}. Next: write the \
            file as text"),
        ("not UTF-8", Fail, "confiture cannot read files that are not UTF-8: {}. Next: write them as UTF-8"),
        ("byte order mark", Fail, "the server rejects the byte order mark at the beginning of {}. Next: write the file as \
            UTF-8 without one"),
    ]},
    Check { name: "versions", fine: "each occurs once", kinds: &[
        ("twice", Fail, "more than one file has the version {}. Next: give each migration its own version: confiture refuses to \
            start with duplicates"),
    ]},
    Check { name: "way back", fine: "every SQL migration has its .down.sql", kinds: &[
        ("one-way", Warn, "no .down.sql for {}. Next: write them: without them, `up` and `down_to` stop there, and a failed \
            deploy cannot be undone"),
    ]},
    Check { name: "verify", fine: "every SQL migration has its .verify.sql", kinds: &[
        ("unverified", Grade::Ok, "no .verify.sql for {}"),
    ]},
    Check { name: "names", fine: "", kinds: &[
        ("name not UTF-8", Fail, "confiture fails at a file name that is not UTF-8: {}. Next: rename the file"),
        ("hidden", Fail, "`up` takes hidden files for migrations, and fails at {}. Next: remove them: macOS and editors write \
            such files beside the real ones"),
        (HIDDEN_MIGRATION, Warn, "{}"),
        (VERSIONS_OUT_OF_ORDER, Warn, "{}"),
    ]},
];

/// The checks of the database, by the statement of `look.py` that they depend on.
#[rustfmt::skip]
pub(super) const DATABASE: [(&str, &[Check]); 7] = [
    ("server", &[
        Check { name: "connection", fine: "", kinds: &[("connected", Grade::Ok, "{}")] },
        Check { name: "server", fine: "", kinds: &[
            ("release", Grade::Ok, "{}"),
            ("old release", Warn, "{} does not notice that a client is gone, so a statement runs to its end after a kill. Next: \
                upgrade to PostgreSQL 14 or newer, or set FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK=off"),
        ]},
        Check { name: "between", fine: "one session, on the server that was asked for", kinds: &[
            ("two sessions", Fail, "two transactions ran in different sessions. Next: connect to the server itself: behind a \
                pooler that shares sessions, confiture loses its lock, and the server does not notice that confiture is gone"),
            ("refused option", Warn, "a pooler refused the option by which the server notices that confiture is gone. Next: \
                connect to the server itself, or set FRAISIER_CONFITURE_SERVER_DISCONNECT_CHECK=off"),
            ("other port", Warn, "the server itself listens on {}: a pooler, a proxy or a mapped port is in between. Next: if \
                it is a pooler that shares sessions, connect to the server itself: confiture would lose its lock"),
        ]},
        Check { name: "writable", fine: "neither a standby nor read-only", kinds: &[
            ("standby", Fail, "this server is a standby. Next: connect to the primary"),
            ("read-only", Fail, "transactions are read-only here (default_transaction_read_only). Next: remove that setting \
                from the role, the database or the server"),
        ]},
    ]),
    ("timeouts", &[
        Check { name: "timeouts", fine: "none of the role is below a minute", kinds: &[
            ("too short", Fail, "too short to read and change the ledger: {}. Next: raise it for the role that deploys: ALTER \
                ROLE … SET …"),
            ("short", Warn, "a migration that takes longer fails: {}. Next: raise it for the role that deploys: ALTER ROLE … \
                SET …"),
        ]},
    ]),
    ("ledgers", &[
        Check { name: "ledger", fine: "", kinds: &[
            ("ledger", Grade::Ok, "{}"),
            ("none", Grade::Ok, "there is none: nothing was ever applied here"),
            ("no ledger", Fail, "{}. Next: rename it, or set the search_path of the role to the schema of the ledger"),
            ("hidden ledger", Fail, "confiture sees no ledger, but there is one in the schema {}: `up` would apply everything \
                again. Next: put that schema on the search_path of the role, and grant USAGE on it"),
            ("another ledger", Warn, "confiture sees this one, but there are more, in {}. Next: make sure that the search_path \
                of every role that deploys shows the same one"),
            ("no time", Fail, "applied_at has the type {}, so the order of application is unknown. Next: ALTER TABLE \
                tb_confiture ALTER applied_at TYPE timestamptz USING applied_at::timestamptz"),
        ]},
        Check { name: "rights", fine: "", kinds: &[
            ("rights", Grade::Ok, "{} may create tables and change the ledger"),
            ("lacks", Fail, "{}. Next: deploy as the owner of the ledger (ALTER TABLE tb_confiture OWNER TO …), grant what is \
                lacking, or correct the search_path of the role"),
        ]},
    ]),
    ("sessions", &[
        Check { name: "lock", fine: "nobody holds the migration lock", kinds: &[
            ("lock", Fail, "the migration lock is held by {}. Next: wait for that deploy to end; if it no longer runs, end its \
                session: {remedy}"),
        ]},
        Check { name: "standby", fine: "no commit waits for one", kinds: &[
            ("awaits standby", Warn, "a commit waits for a synchronous standby: {}. Next: start the standby, or correct \
                synchronous_standby_names. Do not end the session: its commit is on the disk, and ending it makes it visible"),
        ]},
        Check { name: "blocking", fine: "no session blocks another, or has locked tables for 10 s", kinds: &[
            ("blocks", Warn, "sessions that block others, or lock tables: {}. Next: a migration waits for them, and everything \
                else for the migration: wait until they end, or end them: {remedy}"),
            ("may block", Warn, "sessions that lock tables, and this role may not see since when: {}. Next: let the role that \
                deploys see it: GRANT pg_read_all_stats TO …"),
        ]},
    ]),
    ("prepared", &[
        Check { name: "prepared", fine: "no prepared transaction locks a table, or holds the migration lock", kinds: &[
            ("prepared migration lock", Fail, "a prepared transaction holds the migration lock, also after a restart: {}. Next: \
                complete it, or run as its owner: {remedy}"),
            ("prepared ledger lock", Fail, "prepared transactions lock the ledger, also after a restart, and every `up` waits \
                for them: {}. Next: complete them, or run as their owner: {remedy}"),
            ("prepared", Warn, "prepared transactions lock tables, also after a restart: {}. Next: if a migration needs one of \
                these tables, complete them, or run as their owner: {remedy}"),
        ]},
    ]),
    ("event_triggers", &[
        Check { name: "event triggers", fine: "there is none", kinds: &[
            ("refusing event trigger", Fail, "every `up` first alters the ledger, and this refuses that: {}. Next: except the \
                role that deploys, or disable it for the deploy: {remedy}"),
            ("event trigger", Warn, "they run when a migration, or confiture for its ledger, changes the schema, and may refuse \
                that: {}. Next: make sure that they let this role migrate"),
        ]},
    ]),
    ("indexes", &[
        Check { name: "indexes", fine: "every index is valid, or being built", kinds: &[
            ("invalid index", Warn, "invalid, as an interrupted CREATE INDEX CONCURRENTLY leaves an index: {}. Next: {remedy}, \
                then deploy again"),
        ]},
    ]),
];

const EDITED: &str = "edited after they were applied: {}. Next: restore the files as they were applied, and put the change into \
    a new migration: from 0.48.0 on, confiture refuses to start";

const NO_CHECKSUM: &str = "rows without a checksum, which confiture takes for edited from 0.50.0 on: {}. Next: set checksum of \
    each row to what `sha256sum` prints for its file";

/// What was applied, compared with the files.
#[rustfmt::skip]
pub(super) const HISTORY: Check = Check { name: "history", fine: "", kinds: &[
    ("summary", Grade::Ok, "{}"),
    ("locked ledger", Unknown, "another session locks the ledger. Next: follow the advice of `blocking`, and run `doctor` again"),
    ("slow ledger", Unknown, "the ledger was not read within 4 s, the limit of `doctor` itself. Next: see whether the server is \
        overloaded; run VACUUM tb_confiture if the ledger was changed much"),
    ("unreadable ledger", Unknown, "{}"),
    ("interference", Fail, "these may keep rows out of the ledger, so that a migration fails or is applied again: {}. Next: \
        drop the trigger, rule or constraint; give the column its default (ALTER TABLE tb_confiture ALTER pk_confiture ADD \
        GENERATED ALWAYS AS IDENTITY)"),
    ("untimed", Fail, "rows without a time, which no rollback can pass: {}. Next: set applied_at of each: it has to increase in \
        the order of pk_confiture"),
    ("unordered", Fail, "the time is not after that of the row before, so confiture would roll back others: {}. Next: check \
        that the order of pk_confiture is the order of application, then set the times to it: UPDATE tb_confiture l SET \
        applied_at = now() - interval '1 second' * (SELECT count(*) FROM tb_confiture n WHERE n.pk_confiture > l.pk_confiture)"),
    ("ahead", Fail, "the time is later than the clock of the server, so no rollback can pass what is applied before that time: \
        {}. Next: correct that clock, or set applied_at of each: it has to increase in the order of pk_confiture and to be in \
        the past"),
    ("edited", Fail, EDITED),
    ("edited, accepted", Warn, EDITED),
    ("no checksum", Fail, NO_CHECKSUM),
    ("no checksum, accepted", Warn, NO_CHECKSUM),
    ("pending one-way", Fail, "pending, without .down.sql: {}. Next: write the missing files: `up` stops at a migration without \
        one, and what it applied before remains applied"),
    ("unread", Unknown, "applied, but their files were not read: {}. Next: make them regular files that this user may read: \
        otherwise it is unknown whether they were edited"),
    ("no file", Warn, "applied, and no file has them: {}. Next: deploy the build that has these files, or a newer one: without \
        them nothing can roll them back"),
    ("late", Warn, "pending, and older than what is applied: {}. Next: `up` applies them all the same; `current` then names the \
        one that was applied last, not the highest"),
]};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_that_was_seen_is_a_finding() {
        let check = Check {
            name: "shop",
            fine: "closed",
            kinds: &[
                ("open", Grade::Ok, "{}"),
                ("fire", Fail, "it burns: {}. Next: {remedy}"),
            ],
        };
        let fire = |what: &str| Seen {
            remedy: Some(format!("water {what}")),
            ..Seen::new("fire", what)
        };
        let seen = [fire("a"), Seen::new("open", "since 9"), fire("b")];
        let judged = |seen: &[Seen]| {
            let findings = check.judge(seen).into_iter();
            let parts = findings.map(|it| (it.grade, it.evidence, it.next));
            parts.collect::<Vec<_>>()
        };
        let finding = |grade, evidence: &str, next: &str| (grade, evidence.into(), next.into());
        assert_eq!(
            judged(&seen),
            [
                finding(Grade::Ok, "since 9", ""),
                finding(Fail, "it burns: a, b", "water a; water b"),
            ]
        );
        assert_eq!(judged(&[]), [finding(Grade::Ok, "closed", "")]);
    }

    #[test]
    fn each_problem_has_an_advice() {
        let of_database = DATABASE.iter().flat_map(|(_, checks)| *checks);
        for check in FILES.iter().chain(of_database).chain([&HISTORY]) {
            for (kind, grade, text) in check.kinds {
                let is_problem = *grade != Grade::Ok && *text != "{}";
                assert_eq!(text.contains(". Next: "), is_problem, "{kind}");
            }
        }
    }

    /// A kind that the script does not report would never be found.
    #[test]
    fn the_script_reports_each_kind_of_the_database() {
        let script = include_str!("look.py");
        for (statement, checks) in DATABASE {
            assert!(
                script.contains(&format!("\"{statement}\": ")),
                "{statement}"
            );
            for (kind, ..) in checks.iter().flat_map(|check| check.kinds) {
                let is_there = ["'", "\""].map(|quote| format!("{quote}{kind}{quote}"));
                assert!(is_there.iter().any(|it| script.contains(it)), "{kind}");
            }
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(
            listed(names.clone(), ", "),
            "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"
        );
        assert_eq!(
            listed(names[..8].iter().copied(), ", "),
            "0, 1, 2, 3, 4, 5, 6, 7"
        );
    }
}
