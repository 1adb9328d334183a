//! Drift: what confiture did, held against what it did when it was recorded.

mod document;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use contract_tests::recording::{RecordedCall, Recording};
use regex::Regex;
use serde_json::Value;

use crate::change::Change;
use crate::result::{Class, Finding};

pub use document::{compare, doubled, in_order};

/// The options that the adapter passes only where a setting asks for it.
const BY_SETTING: [&str; 3] = [
    "--lock-timeout",
    "--require-reversible",
    "--allow-destructive",
];

/// Everything that is other in `now` than in `before`, call by call. A call that only one of them
/// holds is not compared: what the adapter asks next is its own choice.
#[must_use]
pub fn drift(before: &Recording, now: &Recording) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (before, now) in before.calls.iter().zip(&now.calls) {
        for finding in call(before, now) {
            if !findings.iter().any(|known| known.change == finding.change) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// What is other in one call.
fn call(before: &RecordedCall, now: &RecordedCall) -> Vec<Finding> {
    let mut findings = Vec::new();
    if before.argv != now.argv {
        let words = |call: &RecordedCall| call.argv.join(" ");
        findings.push(Finding::differs(Change::Command).with(words(before), words(now)));
    }
    if let (None, Some((what, line))) = (refused(before), refused(now)) {
        // The call was not made: whatever else is other follows from that.
        findings.push(Finding::differs(Change::Refused { what }).with("accepted", line));
        return findings;
    }
    if before.exit != now.exit {
        findings.push(exit(before.exit, now.exit));
    }
    findings.extend(report(before, now));
    findings.extend(surface(before, now));
    if !is_document(before) {
        for (stream, before, now) in [
            ("stdout", before.stdout.to_string(), now.stdout.to_string()),
            ("stderr", before.stderr.to_string(), now.stderr.to_string()),
        ] {
            findings.extend(wording(stream, &before, &now));
        }
    }
    findings
}

/// A status above 128 is a signal, as shells and the adapter's wrapper say it.
fn exit(from: i32, to: i32) -> Finding {
    let change = match to - 128 {
        signal if (1..=64).contains(&signal) && signal != 2 => Change::Signal { signal },
        _ => Change::Exit { from, to },
    };
    Finding::differs(change).with(from.to_string(), to.to_string())
}

/// The words of a usage error, and what they are about.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:no such option:?|no such command|invalid value for|does not take a value:?|requires an argument:?|got unexpected extra arguments?)[\s('\x22:]*(?P<what>-{0,2}[\w<>/.=-]+)",
    )
    .expect("the pattern is part of this file")
});

/// What a usage error says it refuses, and the line that says it.
fn refused(call: &RecordedCall) -> Option<(String, String)> {
    if call.exit != 2 || call.has_report() {
        return None;
    }
    refusal(&format!("{}\n{}", call.stderr, call.stdout))
}

/// What a text says is refused, and the line that says it.
#[must_use]
pub fn refusal(text: &str) -> Option<(String, String)> {
    let plain = unframed(text);
    let line = plain.lines().find(|line| REFUSAL.is_match(line))?;
    let what = REFUSAL.captures(line)?.name("what")?.as_str();
    Some((
        what.trim_end_matches('.').to_owned(),
        line.trim().to_owned(),
    ))
}

/// What is other in the report.
fn report(before: &RecordedCall, now: &RecordedCall) -> Vec<Finding> {
    let one = |change| vec![Finding::differs(change)];
    match (before.has_report(), now.has_report()) {
        (false, false) => return Vec::new(),
        (true, false) => {
            let shown = before.report_value().map(|report| short(&report));
            let finding = Finding::differs(Change::NoReport);
            return vec![finding.with(shown.unwrap_or_default(), "(no file)")];
        }
        (false, true) => {
            let shown = now.report_text().unwrap_or_default();
            return vec![Finding::differs(Change::NewReport).with("(no file)", cut(&shown))];
        }
        (true, true) => {}
    }
    let (Some(before_report), now_report) = (before.report_value(), now.report_value()) else {
        return Vec::new();
    };
    let Some(now_report) = now_report else {
        let text = now.report_text().unwrap_or_default();
        let finding = Finding::differs(Change::BrokenReport);
        return vec![finding.with(short(&before_report), cut(&text))];
    };
    let code = |report: &Value| report.pointer("/error/code").cloned();
    let (from, to) = (code(&before_report), code(&now_report));
    let mut findings = Vec::new();
    if from != to {
        let text = |code: &Option<Value>| code.as_ref().map(text_of);
        let change = Change::Code {
            from: text(&from),
            to: text(&to),
        };
        findings.push(Finding::differs(change).with(short(&before_report), short(&now_report)));
        if from.is_none() || to.is_none() {
            // One is a report and the other says what went wrong: no field has a counterpart.
            return findings;
        }
    }
    findings.extend(issues(&before_report, &now_report));
    // These are told by what they are.
    let told = |finding: &Finding| {
        matches!(&finding.change, Change::FieldValue { field } if field == "issues[].code")
            || finding.change.field() == Some("error.code")
    };
    let fields = compare(&before_report, &now_report);
    findings.extend(fields.into_iter().filter(|finding| !told(finding)));
    let raw = now.report.as_ref().map_or("", |raw| raw.get());
    for field in doubled(raw) {
        findings.extend(one(Change::FieldDoubled { field }));
    }
    findings
}

/// The codes that preflight reports or no longer reports.
fn issues(before: &Value, now: &Value) -> Vec<Finding> {
    let codes = |report: &Value| -> BTreeSet<String> {
        contract_tests::expectation::issue_codes(Some(report))
            .into_iter()
            .collect()
    };
    let (before, now) = (codes(before), codes(now));
    let list = |codes: &BTreeSet<String>| {
        let listed: Vec<&str> = codes.iter().map(String::as_str).collect();
        listed.join(", ")
    };
    let gone = before
        .difference(&now)
        .map(|code| Change::IssueGone { code: code.clone() });
    let new = now
        .difference(&before)
        .map(|code| Change::IssueNew { code: code.clone() });
    gone.chain(new)
        .map(|change| Finding::differs(change).with(list(&before), list(&now)))
        .collect()
}

/// What a binary says of itself: its version, its help pages, its exit codes.
fn surface(before: &RecordedCall, now: &RecordedCall) -> Vec<Finding> {
    let argv: Vec<&str> = before.argv.iter().map(String::as_str).collect();
    match argv.as_slice() {
        ["--version"] => {
            let first = |call: &RecordedCall| {
                let text = call.stdout.to_string();
                let said = text.lines().find(|line| line.contains("version"));
                said.unwrap_or(text.lines().next().unwrap_or_default())
                    .to_owned()
            };
            let (before, now) = (first(before), first(now));
            let other = before != now;
            let finding = other.then(|| Finding::differs(Change::VersionText).with(before, now));
            finding.into_iter().collect()
        }
        ["--exit-codes-json"] => {
            let read =
                |call: &RecordedCall| serde_json::from_str::<Value>(&call.stdout.to_string()).ok();
            match (read(before), read(now)) {
                (Some(before), Some(now)) => compare(&before, &now),
                (Some(before), None) => {
                    let finding = Finding::differs(Change::BrokenReport);
                    vec![finding.with(short(&before), cut(&now.stdout.to_string()))]
                }
                _ => Vec::new(),
            }
        }
        ["migrate", _, "--help"] => {
            let lines = |call: &RecordedCall| -> BTreeSet<String> {
                let page = call.stdout.to_string();
                page.lines()
                    .filter(|line| !line.is_empty())
                    .map(str::to_owned)
                    .collect()
            };
            let (before, now) = (lines(before), lines(now));
            let gone = before.difference(&now).map(|option| {
                let finding = Finding::differs(Change::OptionGone {
                    option: option.clone(),
                });
                let finding = finding.with(option.clone(), "(absent)");
                match BY_SETTING
                    .iter()
                    .find(|passed| option.starts_with(**passed))
                {
                    // No case passes it, but a deploy with that setting does.
                    Some(passed) => Finding {
                        class: Class::Breaks,
                        ..finding
                            .meaning(format!("fails every deploy whose settings need {passed}"))
                    },
                    None => finding,
                }
            });
            let new = now.difference(&before).map(|option| {
                let option = option.clone();
                Finding::differs(Change::OptionNew {
                    option: option.clone(),
                })
                .with("(absent)", option)
            });
            gone.chain(new).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the call is compared by what it documents, and not by its wording.
fn is_document(call: &RecordedCall) -> bool {
    let first = call.argv.first().map(String::as_str);
    let last = call.argv.last().map(String::as_str);
    first == Some("--exit-codes-json") || first == Some("--version") || last == Some("--help")
}

/// Whether a stream says something else, whatever the width it was written for.
fn wording(stream: &str, before: &str, now: &str) -> Option<Finding> {
    let words = |text: &str| unframed(text).split_whitespace().collect::<String>();
    if words(before) == words(now) {
        return None;
    }
    let lines = |text: &str| -> Vec<String> {
        let plain = unframed(text);
        let lines = plain.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (before, now) = (lines(before), lines(now));
    let differs = |(one, other): &(&String, &String)| one != other;
    let first = before.iter().zip(&now).find(differs);
    let (was, is) = match first {
        Some((was, is)) => (was.clone(), is.clone()),
        None => (
            before.get(now.len()).cloned().unwrap_or_default(),
            now.get(before.len()).cloned().unwrap_or_default(),
        ),
    };
    let stream = stream.to_owned();
    Some(Finding::differs(Change::Wording { stream }).with(cut(&was), cut(&is)))
}

/// A text without the frames that confiture draws around messages.
fn unframed(text: &str) -> String {
    let frame = |character: char| ('\u{2500}'..='\u{257f}').contains(&character);
    text.chars()
        .map(|character| if frame(character) { ' ' } else { character })
        .collect()
}

/// A document in one short line.
fn short(value: &Value) -> String {
    cut(&value.to_string())
}

/// A text as a line that fits beside another one.
fn cut(text: &str) -> String {
    const SHOWN: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{call_of, recording};

    /// The ids of what is other between two calls.
    fn ids(before: &RecordedCall, now: &RecordedCall) -> Vec<String> {
        let findings = drift(&recording(before), &recording(now));
        findings.iter().map(|finding| finding.change.id()).collect()
    }

    const SAFE: &str = r#"{"ok": true, "window_safe": true, "issues": [{"code": "A"}]}"#;

    #[test]
    fn equal_calls_have_nothing_to_tell() {
        let call = call_of(0, Some(SAFE), "done");
        assert!(ids(&call, &call).is_empty());
        let reordered = r#"{"issues": [{"code": "A"}], "window_safe": true, "ok": true}"#;
        assert!(ids(&call, &call_of(0, Some(reordered), "done")).is_empty());
    }

    #[test]
    fn each_change_has_its_name() {
        let before = call_of(0, Some(SAFE), "done");
        for (now, expected) in [
            (
                call_of(
                    0,
                    Some(r#"{"ok": true, "issues": [{"code": "A"}]}"#),
                    "done",
                ),
                &["field-gone:window_safe"][..],
            ),
            (
                call_of(0, Some(&SAFE.replace("window_safe", "windowSafe")), "done"),
                &["field-renamed:window_safe:windowSafe"],
            ),
            (
                call_of(
                    0,
                    Some(&SAFE.replace("true, \"iss", "\"true\", \"iss")),
                    "done",
                ),
                &["field-retyped:window_safe:boolean:string"],
            ),
            (
                call_of(
                    0,
                    Some(&SAFE.replace("\"ok\": true", "\"ok\": true, \"ok\": true")),
                    "done",
                ),
                &["field-doubled:ok"],
            ),
            (
                call_of(
                    0,
                    Some(&SAFE.replace("{\"ok\"", "{\"parser\": {}, \"ok\"")),
                    "done",
                ),
                &["field-new:parser"],
            ),
            (
                call_of(0, Some(&SAFE.replace("\"A\"", "\"B\"")), "done"),
                &["issue-gone:A", "issue-new:B"],
            ),
            (call_of(7, Some(SAFE), "done"), &["exit:0:7"]),
            (call_of(139, Some(SAFE), "done"), &["signal:11"]),
            (call_of(0, None, "done"), &["no-report"]),
            (call_of(0, Some(&SAFE[..20]), "done"), &["broken-report"]),
            (call_of(0, Some(SAFE), "finished"), &["wording:stdout"]),
        ] {
            assert_eq!(ids(&before, &now), expected);
        }
    }

    #[test]
    fn a_code_in_place_of_a_report_is_one_change() {
        let envelope = r#"{"ok": false, "error": {"code": "LOCK_1300", "message": "held"}}"#;
        let before = call_of(0, Some(SAFE), "");
        let now = call_of(6, Some(envelope), "");
        assert_eq!(ids(&before, &now), ["exit:0:6", "code:none:LOCK_1300"]);
        let other = call_of(6, Some(&envelope.replace("1300", "1301")), "");
        assert_eq!(ids(&now, &other), ["code:LOCK_1300:LOCK_1301"]);
    }

    #[test]
    fn a_usage_error_names_what_is_refused() {
        let before = call_of(0, Some(SAFE), "");
        for (text, what) in [
            (
                "╭─ Error ─╮\n│ No such option: --no-config │\n╰─╯",
                "--no-config",
            ),
            ("No such command 'preflight'.", "preflight"),
            ("Got unexpected extra argument (001)", "001"),
        ] {
            let mut now = call_of(2, None, "");
            now.stderr = text.into();
            assert_eq!(ids(&before, &now)[0], format!("refused:{what}"));
        }
    }

    #[test]
    fn help_pages_are_compared_by_their_options() {
        let page = |text: &str| {
            let mut call = call_of(0, None, text);
            call.argv = ["migrate", "up", "--help"].map(str::to_owned).to_vec();
            call
        };
        let before = page("--target -t <str>\n--output -o <path>\n");
        let now = page("--output -o <path>\n--foo <str>\n");
        assert_eq!(
            ids(&before, &now),
            ["option-gone:--target -t <str>", "option-new:--foo <str>"]
        );
    }
}
