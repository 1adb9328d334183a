//! Whatever happens to a real report on its way, it never says more than it did.
//!
//! Every report of every recording is damaged at random (fields dropped, retyped, renamed and
//! duplicated, numbers and strings replaced, the whole truncated) and put beside an arbitrary
//! exit. Decoding must not panic, must not be more permissive than it was of the intact report, and
//! must not make a success of an exit that is none.

use std::fs;
use std::sync::LazyLock;

use contract_tests::catalogue::catalogue;
use contract_tests::fixtures::{Fixtures, default_root};
use contract_tests::recording::RecordedCall;
use fraisier_adapter_api::{Revision, RiskTier};
use fraisier_adapter_confiture::Redactor;
use fraisier_adapter_confiture::process::{Exit, Output};
use fraisier_adapter_confiture::replay::{
    Command, CurrentRevision, DownTo, Preflight, Up, Verify, VerifyFiles, answer,
};
use proptest::prelude::*;
use serde_json::Value;

/// A real report, and what it was an answer to.
struct Sample {
    name: String,
    request: Request,
    exit: i32,
    report: Value,
    /// What it permits as it is.
    intact: Permits,
}

enum Request {
    Current,
    Up(Up),
    DownTo(DownTo),
    Verify,
    /// By this release.
    Preflight(String, Box<Preflight>),
}

/// What an answer permits; the smaller, the safer.
#[derive(Debug, Default, PartialEq)]
struct Permits {
    /// It is a success, not an error. A verdict of `verify` or `preflight` is one if it is ok.
    success: bool,
    /// `preflight` says that the versions can run side by side.
    window_safe: bool,
    /// How many migrations it says were run.
    run: usize,
    /// How many checks or migrations it vouches for.
    verified: usize,
    /// The tier of each change, in order.
    tiers: Vec<Option<RiskTier>>,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let fixtures = Fixtures::load(&default_root(), &catalogue()).expect("the recordings");
    let mut samples = Vec::new();
    for (case, release, recording) in fixtures.recordings() {
        for call in &recording.calls {
            if let (Some(request), Some(report)) =
                (request(&release.to_string(), call), call.report_value())
            {
                samples.push(Sample {
                    name: format!("{release}/{case}"),
                    intact: permits(
                        &request,
                        Exit::Code(call.exit),
                        report.to_string().into_bytes(),
                    ),
                    request,
                    exit: call.exit,
                    report,
                });
            }
        }
    }
    assert!(
        samples.len() > 100,
        "{} reports are recorded",
        samples.len()
    );
    samples
});

fn request(release: &str, call: &RecordedCall) -> Option<Request> {
    let argv: Vec<&str> = call.argv.iter().map(String::as_str).collect();
    let value_of = |option: &str| {
        let glued = format!("{option}=");
        argv.iter()
            .enumerate()
            .find_map(|(index, arg)| match arg.strip_prefix(&glued) {
                Some(value) => Some(value),
                None if *arg == option => argv.get(index + 1).copied(),
                None => None,
            })
    };
    match *argv.get(1)? {
        "current" => Some(Request::Current),
        "up" => Some(Request::Up(Up {
            target: value_of("--target").map(Revision::new),
        })),
        "down-to" => {
            // The revision is the one argument that may stand in either of these places.
            let first = argv.get(2).filter(|arg| !arg.starts_with('-'));
            let target = Revision::new(*first.or(argv.last())?);
            Some(Request::DownTo(DownTo { target }))
        }
        "verify" => Some(Request::Verify),
        "preflight" => {
            let report = call.report_value()?;
            let checked = report
                .pointer("/summary/migrations_checked")
                .and_then(Value::as_u64);
            let preflight = preflight(checked.unwrap_or(1), value_of("--against").is_some());
            Some(Request::Preflight(release.to_owned(), Box::new(preflight)))
        }
        _ => None,
    }
}

/// A look at as many migrations as were checked, every one of them harmless: then the verdict is
/// that of the report alone.
fn preflight(migrations: u64, against: bool) -> Preflight {
    let directory = tempfile::tempdir().expect("a directory");
    for number in 0..migrations {
        let file = directory.path().join(format!("{number:03}_a.up.sql"));
        fs::write(file, "create table a (id int);").expect("written");
    }
    Preflight::of_directory(directory.path(), against).expect("listed")
}

fn permits(request: &Request, exit: Exit, report: Vec<u8>) -> Permits {
    let output = Output::new(exit, Some(report));
    let redactor = Redactor::default();
    let left = |_| output.clone();
    let mut permits = Permits::default();
    match request {
        Request::Current => {
            permits.success = answer(&CurrentRevision, &redactor, left).is_ok();
        }
        Request::Up(up) => {
            if let Ok(outcome) = answer(up, &redactor, left) {
                permits.success = true;
                permits.run = outcome.applied.len();
            }
        }
        Request::DownTo(down_to) => {
            if let Ok(outcome) = answer(down_to, &redactor, left) {
                permits.success = true;
                permits.run = outcome.applied.len();
            }
        }
        Request::Verify => {
            let files = Some(VerifyFiles::default());
            if let Ok(verdict) = answer(&Verify { files }, &redactor, left) {
                permits.success = verdict.ok;
                permits.verified = verdict.checks.iter().filter(|check| check.ok).count();
            }
        }
        Request::Preflight(release, preflight) => {
            let answer = answer(&**preflight, &redactor, |command| match command {
                Command::Version => Output {
                    stdout: format!("confiture version {release}\n").into_bytes().into(),
                    ..Output::new(Exit::Code(0), None)
                },
                _ => output.clone(),
            });
            if let Ok(found) = answer {
                permits.success = found.ok;
                permits.window_safe = found.window_safe == Some(true);
                let changes = found.change_set.map(|set| set.changes).unwrap_or_default();
                permits.tiers = changes.iter().map(|change| change.tier).collect();
            }
        }
    }
    permits
}

/// The exits at which an operation can succeed, and at which a preflight can vouch for anything.
fn may_succeed(request: &Request, exit: Exit) -> (bool, bool) {
    match request {
        // 2 is how a database without a ledger answers.
        Request::Current => (matches!(exit, Exit::Code(0 | 2)), false),
        Request::Up(_) | Request::DownTo(_) | Request::Verify => (exit == Exit::Code(0), false),
        Request::Preflight(..) => (exit == Exit::Code(0), matches!(exit, Exit::Code(0 | 7))),
    }
}

/// JSON in which an object may have a key twice.
#[derive(Clone)]
enum Json {
    Leaf(Value),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(fields) => Self::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (key, Self::from(value)))
                    .collect(),
            ),
            leaf => Self::Leaf(leaf),
        }
    }
}

impl Json {
    fn write(&self, text: &mut String) {
        match self {
            Self::Leaf(value) => text.push_str(&value.to_string()),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    text.push(if index == 0 { '[' } else { ',' });
                    item.write(text);
                }
                text.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Self::Object(fields) => {
                for (index, (key, value)) in fields.iter().enumerate() {
                    text.push(if index == 0 { '{' } else { ',' });
                    text.push_str(&Value::from(key.as_str()).to_string());
                    text.push(':');
                    value.write(text);
                }
                text.push_str(if fields.is_empty() { "{}" } else { "}" });
            }
        }
    }

    /// Which of the JSON types it is of.
    fn kind(&self) -> u8 {
        match self {
            Self::Leaf(Value::Null) => 0,
            Self::Leaf(Value::Bool(_)) => 1,
            Self::Leaf(Value::Number(_)) => 2,
            Self::Leaf(_) => 3,
            Self::List(_) => 4,
            Self::Object(_) => 5,
        }
    }

    /// How many values it holds, itself not counted.
    fn size(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::List(items) => items.iter().map(|item| 1 + item.size()).sum(),
            Self::Object(fields) => fields.iter().map(|(_, value)| 1 + value.size()).sum(),
        }
    }

    /// Applies damage to the value of this number, counted in depth-first order.
    fn damage(&mut self, mut at: usize, damage: &Damage) {
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => {
                for item in items {
                    if at == 0 {
                        return item.replace(damage);
                    }
                    if at <= item.size() {
                        return item.damage(at - 1, damage);
                    }
                    at -= 1 + item.size();
                }
            }
            Self::Object(fields) => {
                for index in 0..fields.len() {
                    if at == 0 {
                        match damage {
                            Damage::Drop => drop(fields.remove(index)),
                            Damage::Rename(suffix) => fields[index].0.push_str(suffix),
                            Damage::Duplicate(value) => {
                                let key = fields[index].0.clone();
                                fields.push((key, Self::from(value.clone())));
                            }
                            damage => fields[index].1.replace(damage),
                        }
                        return;
                    }
                    let size = fields[index].1.size();
                    if at <= size {
                        return fields[index].1.damage(at - 1, damage);
                    }
                    at -= 1 + size;
                }
            }
        }
    }

    fn replace(&mut self, damage: &Damage) {
        match (damage, &*self) {
            (Damage::Retype(value), _) => {
                let other = Self::from(value.clone());
                if other.kind() != self.kind() {
                    *self = other;
                }
            }
            (Damage::Text(text), Self::Leaf(Value::String(_))) => {
                *self = Self::Leaf(Value::from(text.as_str()));
            }
            (Damage::Number(number), Self::Leaf(Value::Number(_))) => {
                *self = Self::Leaf(Value::from(*number));
            }
            _ => {}
        }
    }
}

/// One thing that happens to a report.
#[derive(Debug, Clone)]
enum Damage {
    Drop,
    Rename(String),
    Duplicate(Value),
    Retype(Value),
    Text(String),
    Number(i64),
}

fn any_value() -> impl Strategy<Value = Value> {
    let values = r#"[null, true, false, 0, 1, -1, 0.5, 1e300, "", "x", "true", "verified", "002",
        [], [null], ["001"], [{"version": "009"}], {}, {"version": "009"}, {"code": "PRECON_1001"}]"#;
    let values: Vec<Value> = serde_json::from_str(values).expect("values");
    prop::sample::select(values)
}

fn any_damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::Drop),
        "[a-z_]{1,4}".prop_map(Damage::Rename),
        any_value().prop_map(Damage::Duplicate),
        Just(Damage::Duplicate(Value::from("additive"))),
        any_value().prop_map(Damage::Retype),
        // Words that no report knows: that one known word stands for another cannot be seen.
        "(zz[ -~]{0,6}|\\PC{0,3}7|)".prop_map(Damage::Text),
        prop_oneof![-2..5_i64, any::<i64>()].prop_map(Damage::Number),
    ]
}

fn any_exit() -> impl Strategy<Value = Option<Exit>> {
    prop_oneof![
        3 => Just(None),
        2 => Just(Some(Exit::Code(0))),
        2 => (0..10).prop_map(|status| Some(Exit::Code(status))),
        1 => any::<i32>().prop_map(|status| Some(Exit::Code(status))),
        1 => (1..32).prop_map(|signal| Some(Exit::Signal(signal))),
    ]
}

#[test]
fn damage_never_makes_a_report_more_permissive() {
    let samples = LazyLock::force(&SAMPLES);
    let asked = ProptestConfig::default();
    let config = ProptestConfig {
        cases: asked.cases.max(8_000),
        failure_persistence: None,
        ..asked
    };
    proptest!(config, |(
        sample in any::<prop::sample::Index>(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any_damage()), 0..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
        exit in any_exit(),
    )| {
        let sample = sample.get(samples);
        let intact = &sample.intact;
        let mut report = Json::from(sample.report.clone());
        // Duplicates come last: one whose original is dropped afterwards is no duplicate but one
        // known word in the place of another, which cannot be seen.
        let (duplicates, others): (Vec<_>, Vec<_>) = damages
            .iter()
            .partition(|(_, damage)| matches!(damage, Damage::Duplicate(_)));
        for (at, damage) in others.into_iter().chain(duplicates) {
            if report.size() > 0 {
                report.damage(at.index(report.size()), damage);
            }
        }
        let mut text = String::new();
        report.write(&mut text);
        let mut bytes = text.into_bytes();
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let exit = exit.unwrap_or(Exit::Code(sample.exit));
        let shown = String::from_utf8_lossy(&bytes).into_owned();

        let damaged = permits(&sample.request, exit, bytes);

        let context = format!("{} at {exit:?}: {shown}\n{intact:?}\n{damaged:?}", sample.name);
        let (success, window_safe) = may_succeed(&sample.request, exit);
        prop_assert!(!damaged.success || (intact.success && success), "{context}");
        prop_assert!(!damaged.window_safe || (intact.window_safe && window_safe), "{context}");
        prop_assert!(damaged.run <= intact.run, "{context}");
        prop_assert!(damaged.verified <= intact.verified, "{context}");
        for (index, tier) in damaged.tiers.iter().enumerate() {
            let before = intact.tiers.get(index).copied().flatten();
            prop_assert!(tier.is_none() || *tier == before, "{context}");
        }
    });
}

#[test]
fn the_samples_hold_something_to_lose() {
    let count =
        |of: fn(&Permits) -> bool| SAMPLES.iter().filter(|sample| of(&sample.intact)).count();
    for (what, found) in [
        ("success", count(|permits| permits.success)),
        ("failure", count(|permits| !permits.success)),
        ("window_safe", count(|permits| permits.window_safe)),
        ("run", count(|permits| permits.run > 0)),
        ("verified", count(|permits| permits.verified > 0)),
        (
            "tiers",
            count(|permits| permits.tiers.iter().any(Option::is_some)),
        ),
    ] {
        assert!(found > 0, "no recording shows {what}");
    }
}
