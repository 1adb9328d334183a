//! A damaged report never permits more than the intact one.
//!
//! A recorded report is damaged (fields dropped, retyped, renamed and duplicated, numbers and strings
//! replaced, the whole truncated) and combined with an arbitrary exit status. Reading it does not panic,
//! is not more permissive than reading the intact report, and never makes a success of an exit status
//! that is none.

use arbitrary::Unstructured;
use contract_catalogue::tree::Tree;
use fraisier_adapter_confiture::tools::process::Exit;

use crate::Libpq;
use crate::answers::{may_succeed, permits};
use crate::bytes::{below, exit};
use crate::damage::{Damage, apply, size};
use crate::samples::{SAMPLES, Sample};

/// How often one report is damaged.
const TIMES: usize = 4;

pub(crate) fn check(input: &[u8], _: Libpq) {
    let bytes = &mut Unstructured::new(input);
    let sample = &SAMPLES[below(bytes, SAMPLES.len())];
    let exit = exit(bytes).unwrap_or(Exit::Code(sample.exit));
    let report = damaged(bytes, sample);
    let shown = String::from_utf8_lossy(&report).into_owned();

    let damaged = permits(&sample.request, exit, report);

    let intact = &sample.intact;
    let context = format!(
        "{} at {exit:?}: {shown}\n{intact:?}\n{damaged:?}",
        sample.name
    );
    let (success, window_safe) = may_succeed(&sample.request, exit);
    assert!(!damaged.success || (intact.success && success), "{context}");
    assert!(
        !damaged.window_safe || (intact.window_safe && window_safe),
        "{context}"
    );
    assert!(damaged.run <= intact.run, "{context}");
    assert!(damaged.verified <= intact.verified, "{context}");
    for (index, tier) in damaged.tiers.iter().enumerate() {
        let before = intact.tiers.get(index).copied().flatten();
        assert!(tier.is_none() || *tier == before, "{context}");
    }
}

fn damaged(bytes: &mut Unstructured<'_>, sample: &Sample) -> Vec<u8> {
    let mut report = Tree::from(sample.report.clone());
    let (mut duplicates, mut others) = (Vec::new(), Vec::new());
    for _ in 0..below(bytes, TIMES) {
        let at = usize::from(bytes.arbitrary::<u16>().unwrap_or(0));
        let damage = Damage::from_bytes(bytes);
        if matches!(damage, Damage::Duplicate(_)) {
            duplicates.push((at, damage));
        } else {
            others.push((at, damage));
        }
    }
    // Duplicates come last: one whose original is dropped afterwards is no duplicate but one known
    // word in the place of another, which cannot be seen.
    for (at, damage) in others.into_iter().chain(duplicates) {
        if size(&report) > 0 {
            let mut at = at % size(&report);
            apply(&mut report, &mut at, &damage);
        }
    }
    let mut report = report.to_string().into_bytes();
    if below(bytes, 10) == 9 {
        report.truncate(below(bytes, report.len().max(1)));
    }
    report
}

/// The undamaged report of every eighth recording.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let first = |index: usize| u16::try_from(index).map(u16::to_le_bytes);
    (0..SAMPLES.len())
        .step_by(8)
        .filter_map(|index| Some(first(index).ok()?.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::Permits;

    #[test]
    fn every_sample_has_evidence_to_damage() {
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
}
