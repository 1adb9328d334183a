//! The differences in a stream, and texts in the form in which they are shown.

use serde_json::Value;

use crate::change::Change;
use crate::result::Finding;
use crate::text::{cut, one_line};

/// Whether the words of a stream changed, whatever the width of its lines.
pub(super) fn wording(stream: &str, before: &str, now: &str) -> Option<Finding> {
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
    Some(Finding::differs(Change::Wording { stream }).with(beside(&was), beside(&is)))
}

/// A text without the frames that confiture draws around messages.
pub(super) fn unframed(text: &str) -> String {
    let frame = |character: char| ('\u{2500}'..='\u{257f}').contains(&character);
    text.chars()
        .map(|character| if frame(character) { ' ' } else { character })
        .collect()
}

/// A document in one short line.
pub(super) fn short(value: &Value) -> String {
    beside(&value.to_string())
}

/// A text as a short line.
pub(super) fn beside(text: &str) -> String {
    cut(&one_line(text), 120)
}

/// A value as text, a string without its quotes.
pub(super) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
