//! Differences that are accepted, each with a reason.

use anyhow::ensure;
use serde::Deserialize;

use crate::causes::causes;
use crate::result::{Class, Finding, Judgement, Verdict};

/// The file of `--accept`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    #[serde(default)]
    accept: Vec<Entry>,
}

/// One known difference: of one case of one release, in one direction. It covers nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The id of the cause, as the report shows it.
    cause: String,
    case: String,
    release: String,
    /// The values of the finding, as the report shows them.
    before: Option<String>,
    now: Option<String>,
    /// Why it is acceptable.
    reason: String,
}

impl Entry {
    fn covers(&self, finding: &Finding) -> bool {
        finding.class == Class::Breaks
            && finding.change.id() == self.cause
            && finding.before == self.before
            && finding.now == self.now
    }

    fn named(&self) -> String {
        format!("{} in {} of {}", self.cause, self.case, self.release)
    }
}

impl Accepted {
    /// Reads the text of the file. Every entry needs a reason, and none may be a false safe or a secret.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let accepted: Self = toml::from_str(text)?;
        for (place, entry) in accepted.accept.iter().enumerate() {
            let cause = &entry.cause;
            ensure!(
                !entry.reason.trim().is_empty(),
                "`{cause}` is accepted without a reason; say why in `reason`"
            );
            ensure!(
                !["false-safe", "secret"].contains(&cause.split(':').next().unwrap_or(cause)),
                "`{cause}` can never be accepted"
            );
            let same = |earlier: &Entry| {
                Entry {
                    reason: entry.reason.clone(),
                    ..earlier.clone()
                } == *entry
            };
            ensure!(
                !accepted.accept[..place].iter().any(same),
                "`{}` is accepted twice; keep one of them",
                entry.named()
            );
        }
        Ok(accepted)
    }

    /// Marks accepted differences, decides the verdicts again, and returns the entries that no longer
    /// occur. If a case was not judged, it returns none.
    pub fn apply(&self, judgements: &mut [Judgement]) -> Vec<String> {
        let mut stale = Vec::new();
        for entry in &self.accept {
            let cases = judgements
                .iter_mut()
                .filter(|judged| judged.version == entry.release)
                .flat_map(|judged| &mut judged.cases)
                .filter(|case| case.name == entry.case);
            let mut occurs = false;
            for finding in cases.flat_map(|case| &mut case.findings) {
                if entry.covers(finding) {
                    finding.accepted = Some(entry.reason.clone());
                    occurs = true;
                }
            }
            if !occurs {
                stale.push(entry.named());
            }
        }
        for judged in &mut *judgements {
            judged.causes = causes(&judged.cases, &judged.given);
            judged.settle();
        }
        let whole = judgements.iter().all(|judged| {
            matches!(judged.verdict, Verdict::Yes | Verdict::No) && judged.is_whole()
        });
        if whole { stale } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests as testing;

    fn entry(case: &str) -> String {
        format!(
            "[[accept]]\ncause = \"field-gone:window_safe\"\ncase = \"{case}\"\n\
             release = \"1.30.0rc1\"\nbefore = '\"window_safe\": true'\nnow = \"(absent)\"\n\
             reason = \"mended on main\"\n"
        )
    }

    fn all() -> String {
        let exit = entry("up/lock-held")
            .replace("field-gone:window_safe", "exit:6:1")
            .replace("'\"window_safe\": true'", "\"6\"")
            .replace("(absent)", "1");
        [
            "preflight/add-column",
            "preflight/create-table",
            "preflight/drop-table",
        ]
        .map(entry)
        .concat()
            + &exit
    }

    #[test]
    fn an_entry_covers_one_case_in_one_direction_of_one_release() {
        let verdict = |text: &str| {
            let mut judged = [testing::drifted()];
            let stale = Accepted::parse(text).unwrap().apply(&mut judged);
            (judged[0].verdict, stale.len())
        };
        assert_eq!(verdict(&all()), (Verdict::Yes, 0));
        for (from, to) in [
            ("preflight/add-column", "preflight/other"),
            ("1.30.0rc1", "1.30.0rc2"),
            ("(absent)", "false"),
        ] {
            let text = all().replacen(from, to, 1);
            assert_eq!(verdict(&text), (Verdict::No, 1), "{to}");
        }
    }

    #[test]
    fn a_false_safe_is_never_accepted() {
        let mut judged = [testing::false_safe()];
        let accepted = Accepted::parse(&all()).unwrap();
        accepted.apply(&mut judged);
        assert_eq!(judged[0].verdict, Verdict::No);
        let text = entry("preflight/drop-table").replace("field-gone:window_safe", "false-safe:x");
        assert!(
            Accepted::parse(&text)
                .unwrap_err()
                .to_string()
                .contains("never")
        );
    }

    #[test]
    fn an_unused_entry_is_reported_after_a_whole_run() {
        let accepted = Accepted::parse(&entry("preflight/add-column")).unwrap();
        let mut judged = [testing::unchanged()];
        let stale = accepted.apply(&mut judged);
        assert_eq!(
            stale,
            ["field-gone:window_safe in preflight/add-column of 1.30.0rc1"]
        );
        judged[0].catalogue += 1;
        assert!(accepted.apply(&mut judged).is_empty());
    }

    #[test]
    fn an_entry_without_a_reason_or_a_case_is_refused() {
        let whole = entry("up/all");
        for text in [
            whole.replace("mended on main", " "),
            whole.replace("case = \"up/all\"\n", ""),
            whole.replace("release = \"1.30.0rc1\"\n", ""),
            format!("{whole}{whole}"),
            whole.replace("[[accept]]", "[[accepted]]"),
        ] {
            assert!(Accepted::parse(&text).is_err(), "{text}");
        }
    }
}
