//! The releases of confiture that the package registry has.

use std::cmp::Ordering;
use std::fmt;
use std::fs;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Lab;
use super::once::write_atomically;
use super::packages::{Failure, list_versions};
use crate::trouble::Trouble;

/// The name under which the registry knows confiture.
pub const PACKAGE: &str = "fraiseql-confiture";

/// A final release, such as `0.22.0`. Pre-releases and development builds are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Release {
    numbers: Vec<u64>,
}

impl Release {
    /// The releases in a comma-separated list, oldest first, each once; what is no final release
    /// is left out.
    #[must_use]
    pub fn parse_list(text: &str) -> Vec<Self> {
        let mut releases: Vec<Self> = text
            .split(',')
            .filter_map(|part| part.trim().parse().ok())
            .collect();
        releases.sort();
        releases.dedup();
        releases
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

/// The text is not a final release.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no release: expected numbers with dots, such as 0.22.0")]
pub struct NotARelease(String);

impl FromStr for Release {
    type Err = NotARelease;

    fn from_str(text: &str) -> Result<Self, NotARelease> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        };
        match text.split('.').map(number).collect::<Option<Vec<u64>>>() {
            Some(numbers) if numbers.len() > 1 => Ok(Self { numbers }),
            _ => Err(NotARelease(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Release {
    type Error = NotARelease;

    fn try_from(text: String) -> Result<Self, NotARelease> {
        text.parse()
    }
}

impl From<Release> for String {
    fn from(release: Release) -> Self {
        release.to_string()
    }
}

impl Ord for Release {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Every release the registry offers for this Python, oldest first, never empty.
///
/// # Errors
/// When no registry answers, or none has confiture.
pub fn releases(lab: &Lab) -> anyhow::Result<Vec<Release>> {
    let task = lab.ui.task("asking the registry for confiture's releases");
    let listed = ask(lab, false)?;
    drop(task);
    listed.map_err(|failure| sentence(&failure, None).into())
}

/// The newest release; the one it was the last time when the registry does not answer now.
///
/// # Errors
/// When the registry does not answer and never did.
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
            let newest = newest.ok_or_else(|| sentence(&Failure::Unreachable, None))?;
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
        (Err(failure), None) => Err(sentence(&failure, None).into()),
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
        .map(Release::parse_list)
        .unwrap_or_default()
}

/// The sentence for a failure to get confiture, of `wanted` when a release was named.
#[must_use]
pub fn sentence(failure: &Failure, wanted: Option<&Release>) -> Trouble {
    let what = wanted.map_or_else(
        || "the releases of confiture".to_owned(),
        |release| format!("confiture {release}"),
    );
    match failure {
        Failure::NoSuchRelease(offered) => {
            let range = match (offered.first(), offered.last()) {
                (Some(first), Some(last)) => {
                    format!("it has {} releases, from {first} to {last}", offered.len())
                }
                _ => format!("list them with `pip index versions {PACKAGE}`"),
            };
            Trouble::new(format!("the registry does not have {what}"), range)
        }
        Failure::Unreachable => Trouble::new(
            format!("{what} cannot be had: no package registry that has {PACKAGE} answered"),
            "check the network, the proxy and `pip config list`, or give an installed binary \
             with --confiture PATH",
        ),
        Failure::Other(words) => Trouble::new(
            format!("{what} cannot be had: the installer said \"{words}\""),
            "solve that, or give an installed binary with --confiture PATH",
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
    fn only_final_releases_are_releases() {
        for text in [
            "",
            "1",
            "1.",
            "1.0rc1",
            "v1.0",
            "+1.0",
            "/bin/confiture",
            "./1.0",
        ] {
            assert!(text.parse::<Release>().is_err(), "{text:?}");
        }
        assert_eq!("0.22.0".parse::<Release>().unwrap().to_string(), "0.22.0");
    }

    #[test]
    fn a_missing_release_is_answered_with_what_there_is() {
        let offered = Release::parse_list("0.20.0, 1.29.0");
        let wanted: Release = "9.9.9".parse().unwrap();
        assert_eq!(
            sentence(&Failure::NoSuchRelease(offered), Some(&wanted)).to_string(),
            "the registry does not have confiture 9.9.9; it has 2 releases, from 0.20.0 to 1.29.0"
        );
    }
}
