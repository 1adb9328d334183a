//! Differences in what a binary prints about itself.

use std::collections::BTreeSet;

use contract_catalogue::recording::RecordedCall;
use serde_json::Value;

use super::document::compare;
use super::wording::{beside, short};
use crate::change::Change;
use crate::result::Finding;
use crate::text::ABSENT;

/// The options that the adapter passes only where a setting asks for it.
const BY_SETTING: [&str; 3] = [
    "--lock-timeout",
    "--require-reversible",
    "--allow-destructive",
];

/// Differences in what a binary prints about itself: its version, its help pages, its exit codes.
pub(super) fn surface(before: &RecordedCall, now: &RecordedCall) -> Vec<Finding> {
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
                    vec![finding.with(short(&before), beside(&now.stdout.to_string()))]
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
                let finding = finding.with(option.clone(), ABSENT);
                match BY_SETTING
                    .iter()
                    .find(|passed| option.starts_with(**passed))
                {
                    // No case passes it, but a deploy with that setting does.
                    Some(passed) => finding
                        .breaking()
                        .meaning(format!("fails every deploy whose settings need {passed}")),
                    None => finding,
                }
            });
            let new = now.difference(&before).map(|option| {
                let option = option.clone();
                Finding::differs(Change::OptionNew {
                    option: option.clone(),
                })
                .with(ABSENT, option)
            });
            gone.chain(new).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the call is compared by what it documents, and not by its wording.
pub(super) fn is_document(call: &RecordedCall) -> bool {
    let first = call.argv.first().map(String::as_str);
    let last = call.argv.last().map(String::as_str);
    first == Some("--exit-codes-json") || first == Some("--version") || last == Some("--help")
}
