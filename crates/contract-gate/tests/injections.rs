//! The gate names what harms and lets pass what does not, on what the recordings of the newest
//! release say that it did. `cargo xtask gate --self-test` does the same on the release itself.

use std::path::Path;

use contract_gate::run::baseline::Recorded;
use contract_gate::self_test::injections::injections;
use contract_gate::self_test::on_recordings;
use contract_tests::catalogue::catalogue;
use contract_tests::fixtures::default_root;

#[test]
fn what_harms_breaks_with_its_cause_and_nothing_else_does() {
    let catalogue = catalogue();
    let recorded = Recorded::load(&default_root(), &catalogue).unwrap();
    let newest = *recorded.releases().last().unwrap();
    let wrapper = Path::new(env!("CARGO_BIN_EXE_gate-wrapper"));
    // Every so many: the whole takes a minute.
    let some: Vec<_> = injections().into_iter().step_by(9).collect();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let score = on_recordings(&recorded, newest, &catalogue, wrapper, &some, jobs).unwrap();
    println!("{score}");
    assert!(score.is_full(), "{score}");
}
