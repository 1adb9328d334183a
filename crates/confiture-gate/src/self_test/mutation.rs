//! One thing that is changed in a recording.

use contract_catalogue::recording::{RecordedCall, Recording, Text};
use contract_catalogue::tree::Tree;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::injections::Injection;

/// What is changed. Places in a report are paths such as `change_set.changes[].tier`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Act {
    /// The field is left out.
    Drop(String),
    /// The field gets another name.
    Rename(String, String),
    /// The field's value gets another JSON type.
    Retype(String),
    /// The field occurs twice, the second time with this value.
    Double(String, Value),
    /// The field has this value.
    Set(String, Value),
    /// An object gets one more field.
    Add(String, String, Value),
    /// The list gets one more element.
    Push(String, Value),
    /// The list's elements are in reverse order.
    Reverse(String),
    /// The fields of every object are in reverse order.
    ReverseKeys,
    /// The exit status.
    Exit(i32, i32),
    /// A code in the report and on the screen.
    Code(String, String),
    /// A usage error for an option or argument.
    Refuse(String),
    /// No report is written.
    NoReport,
    /// Half of a report is written.
    HalfReport,
    /// An empty file is written.
    EmptyReport,
    /// This report is written, whatever was done.
    Report(Value, i32),
    /// Nothing is done, and this report is written.
    Skip(Value),
    /// A text of a stream is replaced by another.
    Replace(String, String),
    /// Standard output is preceded by a line.
    Prepend(String),
    /// Standard error gets a line.
    Warn(String),
    /// The call is ended by this signal.
    Crash(i32),
}

impl Injection {
    /// The recording after the change; none when it changes nothing.
    pub fn of(&self, recording: &Recording) -> Option<Recording> {
        let mut mutated = recording.clone();
        for act in &self.acts {
            for place in 0..mutated.calls.len() {
                if self.is_about(&mutated.calls[place].argv) {
                    let undone = apply(act, &mut mutated.calls[place]);
                    if undone && place == 0 {
                        mutated.after.clone_from(&mutated.before);
                    }
                }
            }
        }
        let changed = mutated.to_file() != recording.to_file();
        changed.then_some(mutated)
    }

    fn is_about(&self, argv: &[String]) -> bool {
        let is = |place: usize, word: &str| argv.get(place).is_some_and(|found| found == word);
        let help = argv.last().is_some_and(|last| last == "--help");
        match self.call.as_str() {
            "*" => argv.iter().any(|argument| argument == "--output"),
            "--help" => help,
            call => !help && (is(0, call) || is(0, "migrate") && is(1, call)),
        }
    }
}

/// Changes the output of one call. Returns whether the changed call does nothing.
fn apply(act: &Act, call: &mut RecordedCall) -> bool {
    let ended = |call: &mut RecordedCall, exit: i32, stderr: &str| {
        (call.exit, call.stdout, call.stderr) = (exit, Text::default(), Text::from(stderr));
        write(call, None);
        true
    };
    match act {
        Act::Exit(from, to) if call.exit == *from => call.exit = *to,
        Act::Code(from, to) => {
            let quoted = |code: &str| format!("\"{code}\"");
            let report = call.report_text();
            let report = report.map(|text| text.replace(&quoted(from), &quoted(to)));
            write(call, report.as_deref());
            replace(call, from, to);
        }
        Act::Refuse(option) => {
            let name = |argument: &String| argument.split('=').next() == Some(option.as_str());
            if call.argv.iter().any(name) {
                let words = format!("Usage: confiture\n\nError: No such option: {option}\n");
                return ended(call, 2, &words);
            }
        }
        Act::Crash(signal) => return ended(call, 128 + signal, ""),
        Act::NoReport => write(call, None),
        Act::HalfReport => {
            let report = call.report_text().unwrap_or_default();
            let half = (0..=report.len() / 2)
                .rev()
                .find(|end| report.is_char_boundary(*end));
            if call.has_report() {
                write(call, Some(&report[..half.unwrap_or(0)]));
            }
        }
        Act::EmptyReport if call.has_report() => write(call, Some("")),
        Act::Report(report, exit) => {
            write(call, Some(&report.to_string()));
            call.exit = *exit;
        }
        Act::Skip(report) => {
            write(call, Some(&report.to_string()));
            call.exit = 0;
            return true;
        }
        Act::Replace(from, to) => replace(call, from, to),
        Act::Prepend(line) => call.stdout = Text::from(&*format!("{line}\n{}", call.stdout)),
        Act::Warn(line) => call.stderr = Text::from(&*format!("{}{line}\n", call.stderr)),
        act => {
            let report = call.report.as_ref().map(|report| report.get());
            let tree = report.and_then(|report| serde_json::from_str::<Tree>(report).ok());
            if let Some(mut tree) = tree {
                let before = tree.clone();
                edit(act, &mut tree);
                if tree != before {
                    write(call, Some(&tree.to_string()));
                }
            }
        }
    }
    false
}

fn write(call: &mut RecordedCall, report: Option<&str>) {
    (call.report, call.report_not_json) = RecordedCall::report_fields(report);
}

fn replace(call: &mut RecordedCall, from: &str, to: &str) {
    for text in [&mut call.stdout, &mut call.stderr] {
        *text = Text::from(&*text.to_string().replace(from, to));
    }
}

fn edit(act: &Act, document: &mut Tree) {
    match act {
        Act::ReverseKeys => reverse_keys(document),
        Act::Add(path, ..) | Act::Push(path, _) | Act::Reverse(path) => {
            at(document, path, &mut |found| match (act, found) {
                (Act::Add(_, key, value), Tree::Object(fields)) => {
                    fields.push((key.clone(), value.clone().into()));
                }
                (Act::Push(_, value), Tree::List(items)) => items.push(value.clone().into()),
                (Act::Reverse(_), Tree::List(items)) => items.reverse(),
                _ => {}
            });
        }
        Act::Drop(path)
        | Act::Rename(path, _)
        | Act::Retype(path)
        | Act::Double(path, _)
        | Act::Set(path, _) => {
            let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
            at(document, parent, &mut |found| {
                if let Tree::Object(fields) = found {
                    field(act, fields, key);
                }
            });
        }
        _ => {}
    }
}

/// Changes one field of an object.
fn field(act: &Act, fields: &mut Vec<(String, Tree)>, key: &str) {
    let Some(place) = fields.iter().position(|(name, _)| name == key) else {
        return;
    };
    let value = &mut fields[place];
    match act {
        Act::Drop(_) => drop(fields.remove(place)),
        Act::Rename(_, to) => value.0.clone_from(to),
        Act::Set(_, to) => value.1 = to.clone().into(),
        Act::Double(_, second) => {
            fields.insert(place + 1, (key.to_owned(), second.clone().into()));
        }
        _ => {
            value.1 = Tree::Leaf(match &value.1 {
                Tree::Leaf(Value::String(_)) => 17.into(),
                Tree::Leaf(leaf) => leaf.to_string().into(),
                Tree::List(_) | Tree::Object(_) => "something".into(),
            });
        }
    }
}

/// Calls `edit` with each value at the path, where `[]` is every element; the empty path is the
/// document.
fn at(value: &mut Tree, path: &str, edit: &mut dyn FnMut(&mut Tree)) {
    if path.is_empty() {
        return edit(value);
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let Tree::Object(fields) = value else {
        return;
    };
    let (key, each) = match first.strip_suffix("[]") {
        Some(key) => (key, true),
        None => (first, false),
    };
    for (_, value) in fields.iter_mut().filter(|(name, _)| name == key) {
        match value {
            Tree::List(items) if each => {
                for item in items {
                    at(item, rest, edit);
                }
            }
            value => at(value, rest, edit),
        }
    }
}

fn reverse_keys(value: &mut Tree) {
    match value {
        Tree::Object(fields) => {
            fields.reverse();
            for (_, value) in fields {
                reverse_keys(value);
            }
        }
        Tree::List(items) => items.iter_mut().for_each(reverse_keys),
        Tree::Leaf(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_mutation_changes_the_recording() {
        const REPORT: &str = r#"{"ok":true,"set":{"changes":[{"tier":"a"},{"tier":"b"}]}}"#;
        let tier = || "set.changes[].tier".to_owned();
        let ok = || "ok".to_owned();
        for (act, expected) in [
            (
                Act::Drop(tier()),
                r#"{"ok":true,"set":{"changes":[{},{}]}}"#,
            ),
            (
                Act::Rename(ok(), "OK".to_owned()),
                &*REPORT.replace("ok", "OK"),
            ),
            (
                Act::Set(tier(), json!("c")),
                &REPORT.replace("\"a\"", "\"c\"").replace("\"b\"", "\"c\""),
            ),
            (
                Act::Double(ok(), json!(false)),
                &REPORT.replace("true", "true,\"ok\":false"),
            ),
            (
                Act::Add("set.changes[]".to_owned(), "x".to_owned(), json!(1)),
                &REPORT.replace("\"}", "\",\"x\":1}"),
            ),
            (
                Act::Add(String::new(), "x".to_owned(), json!(1)),
                &REPORT.replace("]}}", "]},\"x\":1}"),
            ),
            (
                Act::Reverse("set.changes".to_owned()),
                r#"{"ok":true,"set":{"changes":[{"tier":"b"},{"tier":"a"}]}}"#,
            ),
            (
                Act::ReverseKeys,
                r#"{"set":{"changes":[{"tier":"a"},{"tier":"b"}]},"ok":true}"#,
            ),
            (Act::Retype(ok()), &REPORT.replace("true", "\"true\"")),
        ] {
            let mut tree: Tree = serde_json::from_str(REPORT).unwrap();
            edit(&act, &mut tree);
            assert_eq!(tree.to_string(), expected);
        }
    }
}
