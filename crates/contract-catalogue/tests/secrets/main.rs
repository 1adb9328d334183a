//! No answer, event or line of the trace contains a piece of a secret, wherever and in whatever form
//! confiture printed it.
//!
//! A secret is inserted into a recorded call: into a string of its report or into its output; whole, cut,
//! folded or line by line; in a form in which programs print it. Neither the answer nor the events nor
//! the trace may contain eight consecutive bytes of it.
//!
//! `SECRETS_CASES=1000000 cargo test --release -p contract-catalogue --test secrets` runs more cases.

mod observed;

use std::collections::{BTreeMap, HashSet};
use std::env;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use contract_catalogue::catalogue::catalogue;
use contract_catalogue::fixtures::{Fixtures, default_root};
use contract_catalogue::random::Random;
use contract_catalogue::recording::RecordedCall;
use fraisier_adapter_api::{AdapterError, Revision};
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::process::{Captured, Exit, Output};
use fraisier_adapter_confiture::tools::replay::{self, Command, Preflight, VerifyFiles};
use serde::Serialize;
use serde_json::Value;

/// How many consecutive bytes of a secret must never appear.
const PIECE: usize = 8;

/// How many cases a plain test run tries.
const CASES: u64 = 3_000;

/// How many cases one secret is used for.
const ALIKE: u64 = 25;

#[test]
fn no_result_event_or_log_contains_a_piece_of_a_secret() {
    let cases = match env::var("SECRETS_CASES") {
        Ok(cases) => cases.parse().expect("a number of cases"),
        Err(_) => CASES,
    };
    let random = &mut Random(1);
    let mut secret = Secret::new(random);
    for number in 0..cases {
        if number % ALIKE == 0 {
            secret = Secret::new(random);
        }
        let sample = random.choose(&SAMPLES);
        let mut output = sample.output();
        let planted = plant(random, &secret, &mut output);
        let mut shown = sample.shown(&secret.redactor, &output);
        shown.extend(observed::while_it_runs(&secret.redactor, &output, &planted));
        let seen = shown
            .windows(PIECE)
            .find(|piece| secret.pieces.contains(*piece));
        assert!(
            seen.is_none(),
            "case {number}, {}: {:?} of {:?} in {:?}; it was planted as {planted:?}",
            sample.name,
            seen.map(String::from_utf8_lossy),
            secret.forms[0],
            String::from_utf8_lossy(&shown),
        );
    }
    println!("{cases} cases of {} recorded calls", SAMPLES.len());
}

#[test]
fn an_everyday_word_as_a_password_changes_nothing_that_programs_compare() {
    let plain = Redactor::default();
    let everyday = [
        "table",
        "DROP",
        "drop_table",
        "column",
        "additive",
        "PFLIGHT_REPLICA_DROP_TABLE",
        "MIGR_100",
        "001",
    ];
    let redactors = everyday.map(|word| {
        let dsn = format!("postgresql://u:{word}@h/db");
        (word, Redactor::new([dsn.as_str()], [word]))
    });
    for sample in SAMPLES.iter() {
        let output = sample.output();
        let expected = sample.compared(&plain, &output);
        for (word, redactor) in &redactors {
            let compared = sample.compared(redactor, &output);
            assert_eq!(compared, expected, "{}: {word}", sample.name);
        }
    }
}

/// A recorded call.
struct Sample {
    name: String,
    release: String,
    call: RecordedCall,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let fixtures = Fixtures::load(&default_root(), &catalogue()).expect("the recordings");
    let mut samples = Vec::new();
    for (case, release, recording) in fixtures.recordings() {
        for call in recording.calls.iter().filter(|call| !call.argv.is_empty()) {
            samples.push(Sample {
                name: format!("{release}/{case}"),
                release: release.to_string(),
                call: call.clone(),
            });
        }
    }
    assert!(samples.len() > 300, "{} calls are recorded", samples.len());
    samples
});

impl Sample {
    fn output(&self) -> Output {
        let report = self.call.report_text().map(String::into_bytes);
        Output {
            stdout: self.call.stdout.to_string().into_bytes().into(),
            stderr: self.call.stderr.to_string().into_bytes().into(),
            ..Output::new(Exit::Code(self.call.exit), report)
        }
    }

    /// Every text in the answer to this output.
    fn shown(&self, redactor: &Redactor, output: &Output) -> Vec<u8> {
        let mut shown = Vec::new();
        match self.answer(redactor, output) {
            Ok(answer) => texts(&answer, &mut shown),
            Err(error) => {
                shown.extend(error.to_string().bytes());
                shown.push(0);
                texts(&json(&error), &mut shown);
            }
        }
        shown
    }

    /// The parts of the answer that programs compare.
    fn compared(&self, redactor: &Redactor, output: &Output) -> Value {
        let mut answer = match self.answer(redactor, output) {
            Ok(answer) => answer,
            Err(error) => return json(&(error.kind, error.code)),
        };
        let for_people = ["detail", "log", "message", "name", "object"];
        forget(&mut answer, &for_people);
        answer
    }

    fn answer(&self, redactor: &Redactor, output: &Output) -> Result<Value, AdapterError> {
        let left = |command| match command {
            Command::Version => Output {
                stdout: format!("confiture version {}\n", self.release)
                    .into_bytes()
                    .into(),
                ..Output::new(Exit::Code(0), None)
            },
            _ => output.clone(),
        };
        let argv: Vec<&str> = self.call.argv.iter().map(String::as_str).collect();
        Ok(match argv.get(1).copied().unwrap_or_default() {
            "current" => json(&replay::current_revision(redactor, left)?),
            "up" => json(&replay::up(None, redactor, left)?),
            "down-to" => {
                let target = argv[2..].iter().find(|argument| !argument.starts_with('-'));
                let target = Revision::from(*target.unwrap_or(&"001"));
                json(&replay::down_to(&target, redactor, left)?)
            }
            "verify" => json(&replay::verify(
                Some(&VerifyFiles::default()),
                redactor,
                left,
            )?),
            "preflight" => {
                let nowhere = tempfile::tempdir().expect("a directory");
                let preflight = Preflight::of_directory(nowhere.path(), true).expect("listed");
                json(&replay::preflight(&preflight, redactor, left)?)
            }
            _ => json(&replay::describe(redactor, |_| output.clone())?),
        })
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("it has a JSON form")
}

/// Adds every string of a document, with a zero byte after each, because a line end may be part of a
/// secret.
fn texts(value: &Value, shown: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            shown.extend(text.bytes());
            shown.push(0);
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, shown)),
        Value::Object(members) => members.values().for_each(|member| texts(member, shown)),
        _ => {}
    }
}

fn forget(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| forget(item, keys)),
        Value::Object(members) => {
            members.retain(|key, _| !keys.contains(&key.as_str()));
            members.values_mut().for_each(|member| forget(member, keys));
        }
        _ => {}
    }
}

/// A secret, and a redactor that knows it.
struct Secret {
    redactor: Arc<Redactor>,
    /// The forms in which programs print it; the first is the secret itself.
    forms: Vec<String>,
    /// Every fragment of every form.
    pieces: HashSet<[u8; PIECE]>,
}

impl Secret {
    fn new(random: &mut Random) -> Self {
        let value = word(random, 40);
        let encoded = percent(&value, true);
        match random.below(8) {
            0 => Self::other(&lines(random)),
            1 => Self::other(&word(random, 700)),
            2 => Self::other(&value),
            3 => {
                let account = json(&BTreeMap::from([("type", "account"), ("key", &value)]));
                let redactor = Redactor::new([], [account.to_string().as_str()]);
                Self::known_to(redactor, &value)
            }
            4 => {
                let quoted = value.replace('\\', r"\\").replace('\'', r"\'");
                Self::password(&value, &format!("host=h password='{quoted}' user=u"))
            }
            5 => Self::password(&value, &format!("postgresql://u@h/db?password={encoded}")),
            _ => Self::password(&value, &format!("postgresql://u:{encoded}@h/db")),
        }
    }

    fn password(value: &str, dsn: &str) -> Self {
        Self::known_to(Redactor::new([dsn], []), value)
    }

    fn other(value: &str) -> Self {
        Self::known_to(Redactor::new([], [value]), value)
    }

    fn known_to(redactor: Redactor, value: &str) -> Self {
        let json = Value::from(value).to_string();
        let escaped = value.replace('\\', r"\\").replace('\n', r"\n");
        let forms = vec![
            value.to_owned(),
            percent(value, true),
            percent(value, false),
            json[1..json.len() - 1].to_owned(),
            value.replace('\'', "''"),
            escaped.replace('\'', r"\'"),
        ];
        let windows = forms.iter().flat_map(|form| form.as_bytes().windows(PIECE));
        Self {
            redactor: Arc::new(redactor),
            pieces: windows.filter_map(|it| it.try_into().ok()).collect(),
            forms,
        }
    }
}

/// Eight characters or more, up to `longest`. No eight bytes of it could be a symbolic name, which is
/// left alone where programs compare names.
fn word(random: &mut Random, longest: usize) -> String {
    let letters = "abcdefghkmnpqrstuvwxyzABCDEFGHKLMNPQRSTUVWXYZ23456789";
    let marks = "!#$%&+,-./:;<=>?@^_~'\"\\[]{}|()` ";
    let others = "äößñ日本語の暗号😀";
    let alphabets = [
        letters.to_owned(),
        letters.to_owned() + marks,
        letters.to_owned() + others,
        letters.to_owned() + marks + others,
    ];
    let alphabet: Vec<char> = random.choose(&alphabets).chars().collect();
    let length = PIECE + random.below(longest - PIECE + 1);
    let character = |at: usize| match at % 4 {
        3 => ['a', '7', 'Q', '-'][at / 4 % 4],
        _ => *random.choose(&alphabet),
    };
    let word: String = (0..length).map(character).collect();
    // Blanks around a secret do not count.
    word.trim().to_owned()
}

/// A key of several lines, as in a PEM file.
fn lines(random: &mut Random) -> String {
    let mut key = String::from("-----BEGIN PRIVATE KEY-----\n");
    for _ in 0..=random.below(6) {
        let _ = writeln!(key, "{}", word(random, 64).replace(' ', "+"));
    }
    key + "-----END PRIVATE KEY-----"
}

fn percent(text: &str, upper: bool) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        let _ = match byte {
            plain if plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => {
                write!(text, "{}", char::from(plain))
            }
            other if upper => write!(text, "%{other:02X}"),
            other => write!(text, "%{other:02x}"),
        };
        text
    })
}

/// Inserts the secret somewhere into the output, and returns the form in which it was inserted.
fn plant(random: &mut Random, secret: &Secret, output: &mut Output) -> String {
    let dress = dress(random, secret);
    let report = output.report.as_ref();
    let report = report.and_then(|it| serde_json::from_slice::<Value>(it).ok());
    match (random.below(4), report) {
        (0 | 1, Some(mut report)) => {
            let mut strings = Vec::new();
            strings_of(&mut report, &mut strings);
            if strings.is_empty() {
                return String::new();
            }
            let at = random.below(strings.len());
            insert(random, strings[at], &dress);
            output.report = Some(report.to_string().into_bytes().into());
        }
        (2, _) => output.stderr = printed(random, &output.stderr, &dress),
        _ => output.stdout = printed(random, &output.stdout, &dress),
    }
    dress
}

/// A form of the secret: whole, cut, folded or line by line.
fn dress(random: &mut Random, secret: &Secret) -> String {
    let form = random.choose(&secret.forms);
    let characters: Vec<char> = form.chars().collect();
    let at = random.below(characters.len() + 1);
    let part = |range: &[char]| range.iter().collect::<String>();
    match random.below(8) {
        0 => part(&characters[..at]) + "...",
        1 => part(&characters[..at]) + "\n",
        2 => format!("...{}", part(&characters[at..])),
        3 => {
            let width = 6 + random.below(60);
            let folded: Vec<String> = characters.chunks(width).map(part).collect();
            format!("│ {} │", folded.join(" │\n│ "))
        }
        4 => form.replace('\n', "\r\n"),
        5 => form
            .lines()
            .fold(String::new(), |text, line| text + "    " + line + "\r\n"),
        6 => format!("PASSWORD '{}... | Error", part(&characters[..at])),
        _ => form.clone(),
    }
}

fn insert(random: &mut Random, text: &mut String, dress: &str) {
    let at = random.below(text.len() + 1);
    let at = (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text.insert_str(at, dress);
}

/// The printed text with the secret in it; sometimes with a part omitted.
fn printed(random: &mut Random, captured: &Captured, dress: &str) -> Captured {
    let mut text = String::from_utf8_lossy(&captured.head).into_owned();
    insert(random, &mut text, dress);
    if random.below(3) > 0 {
        return text.into_bytes().into();
    }
    let cuts = [random.below(text.len() + 1), random.below(text.len() + 1)];
    let (from, to) = (cuts[0].min(cuts[1]), cuts[0].max(cuts[1]));
    Captured {
        head: text.as_bytes()[..from].to_vec(),
        omitted: (to - from) as u64,
        tail: text.as_bytes()[to..].to_vec(),
    }
}

fn strings_of<'a>(value: &'a mut Value, strings: &mut Vec<&'a mut String>) {
    match value {
        Value::String(text) => strings.push(text),
        Value::Array(items) => items.iter_mut().for_each(|item| strings_of(item, strings)),
        Value::Object(members) => members.values_mut().for_each(|it| strings_of(it, strings)),
        _ => {}
    }
}
