//! The releases of confiture that the package registry has.

use std::fs;

use contract_catalogue::release::Release;

use super::Lab;
use super::files::write_atomically;
use super::packages::{CHECK_NETWORK, Failure, list_versions, releases_in};
use crate::trouble::Trouble;

/// The name under which the registry knows confiture.
pub const PACKAGE: &str = "fraiseql-confiture";

/// What [`releases`] and [`newest`] ask for.
const RELEASES: &str = "the releases of confiture";

/// Every release the registry offers for this Python, oldest first, never empty.
pub fn releases(lab: &Lab) -> anyhow::Result<Vec<Release>> {
    let task = lab.ui.task("asking the registry for confiture's releases");
    let listed = ask(lab, false)?;
    drop(task);
    listed.map_err(|failure| unavailable(&failure, RELEASES).into())
}

/// The newest release. If the registry does not answer, it is the newest release of the last answer.
pub fn newest(lab: &Lab) -> anyhow::Result<Release> {
    let path = lab.cache().join("newest.json");
    let remembered: Option<Release> = fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let task = lab.ui.task("asking the registry for the newest confiture");
    let listed = ask(lab, remembered.is_some())?;
    drop(task);
    match (listed, remembered) {
        (Ok(releases), _) => {
            let newest = releases.into_iter().next_back();
            let newest = newest.ok_or_else(|| unavailable(&Failure::Unreachable, RELEASES))?;
            write_atomically(&path, &serde_json::to_vec(&newest)?)?;
            Ok(newest)
        }
        (Err(_), Some(remembered)) => {
            lab.ui.warning(&format!(
                "the package registry does not answer; taking {remembered}, the newest confiture \
                 when it last did"
            ));
            Ok(remembered)
        }
        (Err(failure), None) => Err(unavailable(&failure, RELEASES).into()),
    }
}

fn ask(lab: &Lab, impatient: bool) -> anyhow::Result<Result<Vec<Release>, Failure>> {
    Ok(list_versions(lab, PACKAGE, impatient)?.and_then(|printed| {
        let releases = parse_index(&printed);
        if releases.is_empty() {
            Err(Failure::Unreachable)
        } else {
            Ok(releases)
        }
    }))
}

/// The releases in what `pip index versions` prints.
fn parse_index(printed: &str) -> Vec<Release> {
    printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("Available versions:"))
        .map(releases_in)
        .unwrap_or_default()
}

/// The remedy that needs no registry.
const INSTEAD: &str = "name the path of an installed confiture instead of a release";

/// The error for a package that cannot be fetched from the registry.
pub fn unavailable(failure: &Failure, what: &str) -> Trouble {
    match failure {
        Failure::NoSuchRelease(offered) => {
            let range = match (offered.first(), offered.last()) {
                (Some(first), Some(last)) => match offered.len() {
                    1 => format!("it has {first} only"),
                    count => format!("it has {count} releases, from {first} to {last}"),
                },
                _ => format!("list them with `pip index versions {PACKAGE}`"),
            };
            Trouble::new(format!("the registry does not have {what}"), range)
        }
        Failure::Unreachable => Trouble::new(
            format!("{what} cannot be fetched: no package registry that has {PACKAGE} answered"),
            format!("{CHECK_NETWORK}, or {INSTEAD}"),
        ),
        Failure::Other(words) => Trouble::new(
            format!("{what} cannot be fetched: the installer said \"{words}\""),
            format!("solve that, or {INSTEAD}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_read_and_sorted_by_number() {
        let printed = "fraiseql-confiture (1.10.0)\n\
             Available versions: 1.10.0, 1.9.1, 1.9.0rc1, 0.22.0, 1.0.0.dev3, 1.9.1\n\
             \x20 INSTALLED: 1.9.1\n";
        let found: Vec<String> = parse_index(printed)
            .iter()
            .map(Release::to_string)
            .collect();
        assert_eq!(found, ["0.22.0", "1.9.1", "1.10.0"]);
        assert!(parse_index("nothing of the kind").is_empty());
    }

    #[test]
    fn an_unknown_release_is_reported_with_those_that_exist() {
        let offered = releases_in("0.20.0, 1.29.0");
        assert_eq!(
            unavailable(&Failure::NoSuchRelease(offered), "confiture 9.9.9").to_string(),
            "the registry does not have confiture 9.9.9; it has 2 releases, from 0.20.0 to 1.29.0"
        );
    }
}
