//! The report of `migrate preflight`.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::Path;

use fraisier_adapter_api::{ChangeSet, PreflightIssue, SchemaChange, Severity};
use memchr::{memchr_iter, memmem};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::Absent;
use super::lenient::{Text, lenient_object, otherwise_none};
use super::pieces::{Pieces, WINDOW};
use crate::request::project::version_of;

/// What a look at the migrations found. Since 0.22.0, which is the first to write it.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Preflight {
    pub(crate) ok: bool,
    /// Since 0.23.0. Before it is absent, which is no verdict.
    #[serde(default)]
    pub(crate) window_safe: Option<bool>,
    pub(crate) summary: Summary,
    #[serde(deserialize_with = "issues")]
    pub(crate) issues: Vec<PreflightIssue>,
    /// Since 0.43.0. Before it is absent, which is no change set and not an empty one.
    #[serde(default, deserialize_with = "change_set")]
    pub(crate) change_set: Option<ChangeSet>,
    #[serde(default, rename = "error")]
    _error: Absent,
}

impl Preflight {
    /// Reads a report without holding it whole; `None` when it is none, or not in this way.
    pub(crate) fn in_pieces(from: impl Read) -> Option<Self> {
        Self::in_windows(from, WINDOW)
    }

    fn in_windows(from: impl Read, size: usize) -> Option<Self> {
        let (mut issues, mut changes) = (Vec::new(), Vec::new());
        let mut pieces = Pieces::new(from, size);
        pieces.object(|pieces, key| match (key, pieces.peek()?) {
            ("issues", b'[') => pieces.list(|Found(issue)| issues.push(issue)),
            ("change_set", b'{') => pieces.object(|pieces, key| match (key, pieces.peek()?) {
                ("changes", b'[') => pieces.list(|Entry(change)| changes.push(change)),
                _ => pieces.keep(),
            }),
            _ => pieces.keep(),
        })?;
        if !pieces.is_at_end() {
            return None;
        }
        let mut report: Self = serde_json::from_str(&pieces.rest).ok()?;
        report.issues = issues;
        if let Some(set) = &mut report.change_set {
            set.changes = changes;
        }
        Some(report)
    }
}

/// The counts.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Summary {
    pub(crate) errors: u64,
    pub(crate) migrations_checked: u64,
}

#[derive(Deserialize)]
struct Issue<'a> {
    severity: Severity,
    code: String,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    migration: Text<'a>,
    #[serde(borrow, default)]
    file: Text<'a>,
    #[serde(borrow, default)]
    actionable: Text<'a>,
    #[serde(borrow, default, deserialize_with = "Details::read")]
    details: Option<Details<'a>>,
}

/// An issue in its final form.
#[derive(Deserialize)]
#[serde(from = "Issue<'_>")]
struct Found(PreflightIssue);

impl From<Issue<'_>> for Found {
    fn from(issue: Issue<'_>) -> Self {
        Self(issue.into())
    }
}

lenient_object! {
    /// What the database said, when a migration was tried.
    Details<'a> { error: Text<'a>, }
}

impl From<Issue<'_>> for PreflightIssue {
    /// The API has one text for an issue; what confiture says in five goes into it.
    ///
    /// Where it speaks of a statement, confiture names the table as the migration, and only the file
    /// tells which migration that is.
    fn from(issue: Issue<'_>) -> Self {
        let file = issue.file.0.as_deref().unwrap_or_default();
        let stated = issue.migration.0;
        let (migration, place) = match (version_of_file(file), stated) {
            (Some(version), Some(object)) if object != version => {
                (Some(version), Cow::from(format!("{file}, {object}")))
            }
            (Some(version), _) => (Some(version), Cow::from(file)),
            (None, stated) => (stated.map(Cow::into_owned), Cow::from(file)),
        };
        let error = issue.details.and_then(|details| details.error);
        let error = error
            .as_ref()
            .and_then(|text| text.0.as_deref())
            .unwrap_or_default();
        let actionable = issue.actionable.0.as_deref().unwrap_or_default();
        let message = joined(
            issue.message,
            [
                (" (", &place, ")"),
                (" — ", error, ""),
                (" — ", actionable, ""),
            ],
        );
        Self {
            severity: issue.severity,
            code: issue.code,
            message,
            migration,
        }
    }
}

fn version_of_file(file: &str) -> Option<String> {
    version_of(Path::new(file).file_name()?)
}

/// The message, and after it each text that it does not say already, between its two marks; in
/// memory of just that size.
fn joined(message: Cow<'_, str>, more: [(&str, &str, &str); 3]) -> String {
    let more = more.map(|(before, text, after)| {
        if says(&message, text) {
            ["", "", ""]
        } else {
            [before, text, after]
        }
    });
    let length: usize = more.iter().flatten().map(|text| text.len()).sum();
    if length == 0 {
        return message.into_owned();
    }
    let mut joined = String::with_capacity(message.len() + length);
    joined.push_str(&message);
    for text in more.iter().flatten() {
        joined.push_str(text);
    }
    joined
}

/// Whether the text is part of the message. Preparing a search, as [`memmem`] does, takes longer
/// than searching a message of the usual length.
fn says(message: &str, text: &str) -> bool {
    const USUAL: usize = 1024;
    let (message, text) = (message.as_bytes(), text.as_bytes());
    match text.first() {
        None => true,
        Some(first) if message.len() <= USUAL => {
            memchr_iter(*first, message).any(|at| message[at..].starts_with(text))
        }
        Some(_) => memmem::find(message, text).is_some(),
    }
}

/// Reads issues into their final form one by one, so that a large report is held once.
fn issues<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PreflightIssue>, D::Error> {
    struct Issues;

    impl<'de> Visitor<'de> for Issues {
        type Value = Vec<PreflightIssue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of issues")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut issues = Vec::new();
            while let Some(Found(issue)) = seq.next_element()? {
                issues.push(issue);
            }
            Ok(issues)
        }
    }

    deserializer.deserialize_seq(Issues)
}

lenient_object! {
    /// The envelope of the changes.
    Wire<'a> { contract_version: Version, changes: Changes, }
}

lenient_object! {
    /// One change.
    Change<'a> {
        kind: Text<'a>,
        object: Text<'a>,
        migration: Text<'a>,
        tier: Text<'a>,
        detail: Text<'a>,
    }
}

/// A version of the contract, or `None` when there is none by that value.
#[derive(Debug)]
struct Version(Option<u32>);

/// The changes, or `None` when the value is no list.
#[derive(Debug)]
struct Changes(Option<Vec<SchemaChange>>);

fn change_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ChangeSet>, D::Error> {
    let wire = Wire::read(deserializer)?;
    Ok(wire.and_then(|wire| {
        let version = wire.contract_version?.0?;
        let changes = wire.changes?.0?;
        Some(ChangeSet::new(changes).with_contract_version(version))
    }))
}

/// Stands for an entry that cannot be read, so that nothing which would change goes unmentioned.
const UNREADABLE: &str = "unreadable";

fn schema_change(change: Option<Change<'_>>) -> SchemaChange {
    let text = |text: Option<Text<'_>>| text.and_then(|text| text.0).map(Cow::into_owned);
    let Some(change) = change else {
        return SchemaChange::new(UNREADABLE, UNREADABLE)
            .with_detail("this entry of confiture's change set cannot be read");
    };
    let (kind, object) = (text(change.kind), text(change.object));
    let readable = kind.is_some() && object.is_some();
    let unreadable = || UNREADABLE.to_owned();
    let mut read = SchemaChange::new(
        kind.unwrap_or_else(unreadable),
        object.unwrap_or_else(unreadable),
    );
    read.migration = text(change.migration);
    read.detail = text(change.detail);
    if readable {
        let tier = change.tier.and_then(|tier| tier.0);
        read.tier = tier.and_then(|tier| tier.parse().ok());
    }
    read
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl<'de> Visitor<'de> for Number {
            type Value = Option<u32>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(u32::try_from(number).ok().filter(|version| *version > 0))
            }

            otherwise_none!(bool i64 f64 str unit seq map);
        }

        deserializer.deserialize_any(Number).map(Self)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Option<Vec<SchemaChange>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut changes = Vec::new();
                while let Some(Entry(change)) = seq.next_element()? {
                    changes.push(change);
                }
                Ok(Some(changes))
            }

            otherwise_none!(bool i64 u64 f64 str unit map);
        }

        deserializer.deserialize_any(List).map(Self)
    }
}

/// A change in its final form.
struct Entry(SchemaChange);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Change::read(deserializer).map(|change| Self(schema_change(change)))
    }
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::RiskTier;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde_json::{Value, json};

    use super::*;

    fn with(key: &str, value: Value) -> Result<Preflight, serde_json::Error> {
        let mut report = json!({
            "ok": true, "window_safe": true, "issues": [],
            "summary": {"errors": 0, "warnings": 0, "info": 0, "migrations_checked": 2},
        });
        report[key] = value;
        serde_json::from_str(&report.to_string())
    }

    #[test]
    fn an_issue_keeps_every_word_of_the_diagnosis() {
        let report = with(
            "issues",
            json!([{
                "severity": "error", "code": "PFLIGHT_REPLAY_FAILED",
                "message": "Migration 004 (z) failed to replay.", "migration": "004",
                "file": "004_z.up.sql", "line": null, "actionable": "Fix the SQL.",
                "details": {"error": "relation \"a\" does not exist"},
            }]),
        )
        .expect("a report");
        assert_eq!(
            report.issues[0].message,
            "Migration 004 (z) failed to replay. (004_z.up.sql) — relation \"a\" does not exist — \
             Fix the SQL."
        );
        assert_eq!(report.issues[0].migration.as_deref(), Some("004"));
    }

    #[test]
    fn the_file_tells_which_migration_an_issue_is_about() {
        let read = |migration: Value, file: Value| {
            let issue = json!({
                "severity": "warning", "code": "PFLIGHT_REPLICA_DROP_TABLE", "message": "gone",
                "migration": migration, "file": file,
            });
            let mut report = with("issues", json!([issue])).expect("a report");
            let issue = report.issues.remove(0);
            (issue.migration, issue.message)
        };
        for (migration, file, expected, message) in [
            (
                json!("orders"),
                json!("001_x.up.sql"),
                Some("001"),
                "gone (001_x.up.sql, orders)",
            ),
            (
                json!("001"),
                json!("001_x.up.sql"),
                Some("001"),
                "gone (001_x.up.sql)",
            ),
            (
                Value::Null,
                json!("001_x.py"),
                Some("001"),
                "gone (001_x.py)",
            ),
            (json!("001"), Value::Null, Some("001"), "gone"),
            (
                json!("orders"),
                json!("notes.md"),
                Some("orders"),
                "gone (notes.md)",
            ),
            (Value::Null, Value::Null, None, "gone"),
        ] {
            let found = read(migration, file);
            assert_eq!((found.0.as_deref(), &*found.1), (expected, message));
        }
    }

    #[test]
    fn what_a_verdict_rests_on_must_be_there_and_of_its_type() {
        for (key, value) in [
            ("ok", json!("true")),
            ("ok", Value::Null),
            ("window_safe", json!("true")),
            ("window_safe", json!(1)),
            ("issues", Value::Null),
            ("issues", json!({})),
            (
                "issues",
                json!([{"severity": "fatal", "code": "C", "message": "m"}]),
            ),
            ("issues", json!([{"code": "C", "message": "m"}])),
            ("issues", json!(["error"])),
            ("summary", json!({"errors": 0})),
            ("summary", json!({"errors": "0", "migrations_checked": 1})),
            ("error", json!({"code": "C"})),
        ] {
            assert!(with(key, value.clone()).is_err(), "{key}: {value}");
        }
        for missing in ["ok", "issues", "summary"] {
            let mut report = json!({
                "ok": true, "issues": [], "summary": {"errors": 0, "migrations_checked": 0},
            });
            report.as_object_mut().expect("an object").remove(missing);
            assert!(
                serde_json::from_str::<Preflight>(&report.to_string()).is_err(),
                "{missing}"
            );
        }
        let twice = r#"{"ok": true, "ok": false, "issues": [],
                        "summary": {"errors": 0, "migrations_checked": 0}}"#;
        assert!(serde_json::from_str::<Preflight>(twice).is_err());
    }

    #[test]
    fn what_a_message_says_already_is_not_said_again() {
        for start in [String::new(), "aab ".repeat(1000)] {
            let message = format!("{start}aab aabb");
            for (text, said) in [
                ("", true),
                ("b", true),
                ("aabb", true),
                ("c", false),
                ("abbb", false),
                (&*format!("{message}b"), false),
            ] {
                assert_eq!(says(&message, text), said, "{text} in {message}");
            }
        }
        let issue = r#"{"severity": "info", "code": "C", "message": "a (f)", "file": "f",
            "actionable": "b", "details": {"error": "e"}}"#;
        let issue = PreflightIssue::from(serde_json::from_str::<Issue<'_>>(issue).expect("one"));
        assert_eq!(issue.message, "a (f) — e — b");
    }

    #[test]
    fn a_broken_change_set_is_none_and_leaves_the_report_readable() {
        for broken in [
            json!(7),
            json!(-7),
            json!(0.5),
            json!(true),
            json!("x"),
            json!([1]),
            Value::Null,
            json!({}),
            json!({"changes": []}),
            json!({"contract_version": 0, "changes": []}),
            json!({"contract_version": "1", "changes": []}),
            json!({"contract_version": {"a": 1}, "changes": []}),
            json!({"contract_version": [1], "changes": []}),
            json!({"contract_version": 1}),
            json!({"contract_version": 1, "changes": null}),
            json!({"contract_version": 1, "changes": {"a": 1}}),
            json!({"contract_version": 1, "changes": "none"}),
        ] {
            let report = with("change_set", broken.clone()).expect("a report");
            assert_eq!(report.change_set, None, "{broken}");
        }
    }

    #[test]
    fn a_broken_entry_becomes_a_placeholder_and_never_a_hole() {
        let report = with(
            "change_set",
            json!({"contract_version": 3, "changes": [
                {"kind": "drop_table", "object": "a", "migration": "004", "tier": "irreversible",
                 "detail": "DROP TABLE"},
                {"kind": "python_migration", "object": "005_p.py"},
                {"kind": "new", "object": "a", "tier": "cosmic"},
                {"kind": "drop_table", "tier": "additive", "detail": "d"},
                {"kind": 1, "object": 2, "tier": "additive"},
                "text", 7, null, [], true,
            ]}),
        )
        .expect("a report");
        let set = report.change_set.expect("a change set");
        assert_eq!(set.contract_version, 3);
        assert_eq!(set.changes.len(), 10);
        assert_eq!(set.changes[0].tier, Some(RiskTier::Irreversible));
        assert_eq!(set.changes[0].detail.as_deref(), Some("DROP TABLE"));
        assert_eq!(set.unclassified().count(), 9);
        assert_eq!(
            (&*set.changes[3].kind, &*set.changes[3].object),
            ("drop_table", "unreadable")
        );
        assert_eq!(set.changes[9].kind, "unreadable");
        let twice = r#"{"ok": true, "issues": [], "summary": {"errors": 0, "migrations_checked": 0},
            "change_set": {"contract_version": 1, "changes": [
                {"kind": "k", "object": "o", "tier": "irreversible", "tier": "additive"}]}}"#;
        let report: Preflight = serde_json::from_str(twice).expect("a report");
        assert_eq!(
            report.change_set.expect("a change set").changes[0].tier,
            None
        );
    }

    /// Everything that taking a report apart has to get along with.
    const SAMPLE: &str = r#" {"ok": true,"window_safe":null , "command": "preflight",
        "issues": [
            {"severity": "warning", "code": "C", "message": "a \u2192 b → \"c\"", "file": "f",
             "details": {"error": "e", "more": [[1.5e3, -0], {}]}, "line": 12},
            {"severity": "info", "code": "D", "message": "", "migration": 7}
        ], "summary": {"errors": 0, "migrations_checked": 2, "issues": [1]},
        "change_set": {"contract_version": 1, "changes" : [
            {"kind": "k", "object": "ö", "tier": "additive"}, "text", 12, null, [], -1.5e-7, {}],
            "issues": [], "changes_": [{}]},
        "parser": {"change_set": {"changes": [1, 2]}}, "error": null}
    "#;

    #[test]
    fn a_report_in_pieces_is_the_report() {
        let whole: Preflight = serde_json::from_str(SAMPLE).expect("a report");
        let set = whole.change_set.as_ref().expect("a change set");
        assert_eq!((whole.issues.len(), set.changes.len()), (2, 7));
        for size in 1..=SAMPLE.len() {
            let pieces = Preflight::in_windows(SAMPLE.as_bytes(), size);
            assert_eq!(pieces.as_ref(), Some(&whole), "{size}");
            for more in [&b"\xe2"[..], b"\xff", b"\0", b"}", b"{}", b"null"] {
                let bytes = [SAMPLE.as_bytes(), more].concat();
                assert_eq!(
                    Preflight::in_windows(&*bytes, size),
                    None,
                    "{size}, {more:?}"
                );
            }
        }
    }

    /// Puts something in the place of some bytes.
    fn any_damage() -> impl Strategy<Value = (Index, usize, &'static [u8])> {
        let pieces: &[&[u8]] = &[
            b"",
            b"",
            b"\"",
            b"\\",
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b" ",
            b"1",
            b"-",
            b"e",
            b"null",
            b"[]",
            b"{}",
            b"x",
            b"\xe2",
            b"\xff",
            b"\\u00",
            b"\0",
            b"\"issues\":",
            b"\"issues\":[],",
            b"\"issu\\u0065s\":[],",
            b"\"change_set\":{},",
            b"\"changes\":[],",
            b"\"ok\":true,",
            b"\"contract_version\":2,",
            b"{\"kind\":\"k\",\"object\":\"o\"},",
            b"{\"severity\":\"info\",\"code\":\"C\",\"message\":\"m\"},",
        ];
        (any::<Index>(), 0..3_usize, select(pieces))
    }

    fn config() -> ProptestConfig {
        let asked = ProptestConfig::default();
        ProptestConfig {
            cases: asked.cases.max(4_000),
            failure_persistence: None,
            ..asked
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn pieces_and_the_whole_agree_on_whatever_is_left_of_a_report(
            damages in prop::collection::vec(any_damage(), 0..4),
            moved in prop::option::weighted(0.3, any::<[Index; 3]>()),
            size in 1..300_usize,
        ) {
            let mut bytes = SAMPLE.as_bytes().to_vec();
            if let Some([from, to, place]) = moved {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let copy = bytes[from.min(to)..from.max(to)].to_vec();
                let place = place.index(bytes.len());
                bytes.splice(place..place, copy);
            }
            for (at, length, piece) in damages {
                let at = at.index(bytes.len());
                bytes.splice(at..(at + length).min(bytes.len()), piece.iter().copied());
            }
            let whole = serde_json::from_slice::<Preflight>(&bytes).ok();
            let pieces = Preflight::in_windows(&*bytes, size);
            // What is skipped need not be UTF-8 for the whole; for pieces it is looked at again.
            if pieces.is_some() || str::from_utf8(&bytes).is_ok() {
                prop_assert_eq!(pieces, whole, "{}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}
