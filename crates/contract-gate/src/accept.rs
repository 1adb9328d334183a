//! Known differences, each with a reason.

use anyhow::ensure;
use serde::Deserialize;

use crate::result::{Judgement, Verdict};

/// The file of `--accept`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    #[serde(default)]
    accept: Vec<Entry>,
}

/// One known difference.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The cause, by the id that the report shows.
    cause: String,
    /// Why it is no reason to say no.
    reason: String,
}

impl Accepted {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is not such a file, names a cause twice, or gives no reason.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let accepted: Self = toml::from_str(text)?;
        for (place, entry) in accepted.accept.iter().enumerate() {
            let Entry { cause, reason } = entry;
            ensure!(
                !reason.trim().is_empty(),
                "`{cause}` is accepted without a reason; say why in `reason`"
            );
            let earlier = &accepted.accept[..place];
            let doubled = earlier.iter().any(|entry| entry.cause == *cause);
            ensure!(!doubled, "`{cause}` is accepted twice; keep one of them");
        }
        Ok(accepted)
    }

    /// Marks what is accepted, settles the verdicts again, and returns what no longer occurs.
    /// Where not every case was judged, nothing is said to occur no longer.
    pub fn apply(&self, judgements: &mut [Judgement], complete: bool) -> Vec<String> {
        let mut stale = Vec::new();
        for entry in &self.accept {
            let mut occurs = false;
            for cause in judgements.iter_mut().flat_map(|judged| &mut judged.causes) {
                if cause.id == entry.cause {
                    cause.accepted = Some(entry.reason.clone());
                    occurs = true;
                }
            }
            if !occurs {
                stale.push(entry.cause.clone());
            }
        }
        for judged in &mut *judgements {
            judged.settle();
        }
        let unknown = judgements
            .iter()
            .any(|judged| judged.verdict == Verdict::Unknown);
        if complete && !unknown {
            stale
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const FILE: &str = r#"
        [[accept]]
        cause = "field-gone:window_safe"
        reason = "1.30.0rc1 only; mended on main"
    "#;

    #[test]
    fn an_accepted_break_is_a_yes_and_stays_in_the_report() {
        let mut judged = [testing::drifted()];
        assert_eq!(judged[0].verdict, Verdict::No);
        let accepted = Accepted::parse(FILE).unwrap();
        let more = FILE.replace("field-gone:window_safe", "exit:6:1");
        let both = Accepted::parse(&format!("{FILE}\n{more}")).unwrap();
        assert!(accepted.apply(&mut judged, true).is_empty());
        assert_eq!(judged[0].verdict, Verdict::No, "the other break stays");
        assert!(both.apply(&mut judged, true).is_empty());
        assert_eq!(judged[0].verdict, Verdict::Yes);
        assert_eq!(
            judged[0]
                .causes
                .iter()
                .filter(|cause| cause.accepted.is_some())
                .count(),
            2
        );
    }

    #[test]
    fn one_that_no_longer_occurs_is_named_once_everything_was_judged() {
        let accepted = Accepted::parse(FILE).unwrap();
        let mut judged = [testing::unchanged()];
        assert_eq!(
            accepted.apply(&mut judged, true),
            ["field-gone:window_safe"]
        );
        assert!(accepted.apply(&mut judged, false).is_empty());
    }

    #[test]
    fn a_reason_is_needed() {
        for text in [
            "[[accept]]\ncause = \"x\"",
            "[[accept]]\ncause = \"x\"\nreason = \" \"",
            "[[accept]]\ncause = \"x\"\nreason = \"y\"\n[[accept]]\ncause = \"x\"\nreason = \"y\"",
            "[[accepted]]\ncause = \"x\"\nreason = \"y\"",
        ] {
            assert!(Accepted::parse(text).is_err(), "{text}");
        }
    }
}
