//! The gate names what harms and lets pass what does not, on what the recordings of the newest
//! release say that it did. `cargo xtask gate --self-test` does the same on the release itself.

use std::path::Path;

use std::collections::HashSet;
use std::mem::discriminant;

use confiture_gate::run::baseline::Recorded;
use confiture_gate::run::choice::{chosen, quick};
use confiture_gate::run::unrecorded;
use confiture_gate::self_test::injections::{Injection, injections};
use confiture_gate::self_test::{on_recordings, showing};
use contract_tests::catalogue::catalogue;

#[test]
fn what_harms_breaks_with_its_cause_and_nothing_else_does() {
    let catalogue = catalogue();
    let recorded = Recorded::load(None, &catalogue).unwrap();
    let newest = *recorded.releases().last().unwrap();
    let wrapper = Path::new(env!("CARGO_BIN_EXE_confiture-gate"));
    // Every so many: the whole takes a minute.
    let some: Vec<_> = injections().into_iter().step_by(9).collect();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let score = on_recordings(&recorded, newest, &catalogue, wrapper, &some, jobs).unwrap();
    println!("{score}");
    assert!(score.is_full(), "{score}");
}

/// `--self-test=quick` looks at the quick cases only, and at one that is interrupted.
#[test]
fn the_quick_cases_show_every_kind_of_change_and_most_changes() {
    let catalogue = catalogue();
    let recorded = Recorded::load(None, &catalogue).unwrap();
    let newest = *recorded.releases().last().unwrap();
    let whole = [catalogue, unrecorded::cases()].concat();
    let cases = chosen(whole, &quick()).unwrap();
    let (all, shown) = (
        injections(),
        showing(&recorded, newest, &cases, &injections()).unwrap(),
    );
    let kinds = |injections: &[Injection]| -> HashSet<_> {
        let kind = |one: &Injection| (one.cause.is_some(), discriminant(&one.tamper.act));
        injections.iter().map(kind).collect()
    };
    let harmless = shown.iter().filter(|one| one.cause.is_none()).count();
    assert!(shown.len() >= 100, "{}", shown.len());
    assert!(harmless >= 25, "{harmless}");
    assert!(
        shown.len() < all.len(),
        "what none of them shows is left out"
    );
    for one in &all {
        let kind = kinds(std::slice::from_ref(one));
        assert!(
            kinds(&shown).is_superset(&kind),
            "no case shows {}",
            one.name
        );
    }
}
