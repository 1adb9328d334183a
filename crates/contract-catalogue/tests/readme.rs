//! The README is correct: its table is the table of minimum versions, and its code is an example.

use fraisier_adapter_confiture::capability::FLOORS;

const README: &str = include_str!("../../../README.md");
const SAGA: &str = include_str!("../../fraisier-adapter-confiture/examples/saga.rs");

#[test]
fn the_example_in_the_readme_is_the_file_that_is_run() {
    assert!(README.contains(SAGA), "it shows another saga");
}

#[test]
fn the_readme_has_the_table_of_minimum_versions() {
    let rows: Vec<String> = FLOORS
        .iter()
        .map(|minimum| {
            let (need, release, shows) = (minimum.need.as_str(), minimum.release(), minimum.shows);
            format!("| `{need}` | {release} | {shows} |")
        })
        .collect();
    let shown: Vec<&str> = README
        .lines()
        .skip_while(|line| !line.starts_with("| capability |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(shown, rows);
}
