//! Our types beside the engine's: both write the same JSON and read the same of it, and the bridge
//! gives what the wire would have given, and the secrets that the wire leaves out.

mod catalogue;
mod damage;
mod differences;

use std::collections::BTreeSet;

use self::catalogue::shared_types;
use self::differences::{Difference, listed};

#[test]
fn every_value_is_the_same_on_both_sides() {
    let mut pairs = 0;
    for shared in shared_types() {
        assert!(!shared.documents.is_empty(), "{}", shared.name);
        for document in &shared.documents {
            let read = |side: &str, found: Result<String, String>| {
                let found = found.unwrap_or_else(|why| panic!("{} {side}: {why}", shared.name));
                assert_eq!(&found, document, "{} {side}", shared.name);
            };
            read("written by ours, read by theirs", (shared.theirs)(document));
            let theirs = (shared.theirs)(document).expect("just read");
            read("written by theirs, read by ours", (shared.ours)(&theirs));
            pairs += 2;
        }
    }
    println!("{pairs} pairs agree");
    assert!(pairs > 400, "only {pairs} pairs");
}

#[test]
fn the_bridge_equals_the_wire() {
    let mut compared = 0;
    for shared in shared_types() {
        for (document, bridged) in shared.documents.iter().zip(&shared.bridged) {
            assert_eq!(bridged, document, "{}", shared.name);
            compared += 1;
        }
    }
    println!("{compared} values cross the bridge as they cross the wire");
    assert!(compared > 200, "only {compared} values");
}

#[test]
fn damaged_documents_are_read_alike_except_as_listed() {
    let (mut documents, mut found) = (0, BTreeSet::new());
    for shared in shared_types() {
        for document in &shared.samples {
            for damaged in damage::damaged(document) {
                documents += 1;
                let ours = (shared.ours)(&damaged.text);
                let theirs = (shared.theirs)(&damaged.text);
                found.extend(Difference::between(shared.name, &damaged, &ours, &theirs));
            }
        }
    }
    println!("{documents} damaged documents, {} differences", found.len());
    assert!(documents > 2000, "only {documents} documents");

    let listed = listed();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(
        unlisted.is_empty() && gone.is_empty(),
        "tests/agreement/differences.txt is not what was found\nnot listed:\n{}\nlisted, and no \
         longer so:\n{}",
        differences::lines(&unlisted),
        differences::lines(&gone),
    );
}
