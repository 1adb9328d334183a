//! With changes in the recordings of the newest release, the gate names each harmful change, reports a
//! change that permits too much as a false safe, and passes a harmless change. `--self-test=live` does
//! the same with real confitures.

use confiture_gate::run::baseline::Recorded;
use confiture_gate::self_test::{injections, self_test};
use contract_catalogue::catalogue::catalogue;

#[test]
fn harmful_injections_break_with_their_cause_and_harmless_ones_do_not() {
    let catalogue = catalogue();
    let recorded = Recorded::load(None, &catalogue).unwrap();
    let newest = *recorded.releases().last().unwrap();
    let baseline = recorded.baseline(newest).unwrap();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let score = self_test(&baseline, &catalogue, &injections(), jobs).unwrap();
    println!("{score}");
    assert!(score.is_full(), "{score}");
}
