//! The release that a candidate is judged as, and its baseline.

use contract_catalogue::release::Release;
use contract_lab::trouble::Trouble;

use super::settings::Settings;

/// How one candidate is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The release by whose minimum versions it is judged.
    pub judged_as: Release,
    /// The baseline.
    pub against: Release,
    /// Whether the index lacks the candidate's release.
    pub pending: bool,
    /// Whether the candidate is not a final release.
    pub unfinished: bool,
}

impl Terms {
    /// The terms for a confiture that reports `version`.
    pub fn new(settings: &Settings<'_>, version: &str) -> anyhow::Result<Self> {
        let base = base_version(version);
        let judged_as = settings.judged_as.or(base).ok_or_else(|| {
            Trouble::new(
                format!("the version {version:?} has no numbers to judge it by"),
                "name a release with --as",
            )
        })?;
        let recorded = settings.recorded;
        let against = match settings.against {
            Some(against) => recorded.known(against)?,
            None => recorded.not_newer_than(judged_as)?,
        };
        let released: Option<Release> = version.parse().ok();
        Ok(Self {
            judged_as,
            against,
            pending: !released.is_some_and(|release| recorded.has(release)),
            unfinished: released.is_none(),
        })
    }
}

/// The release that a version precedes: `1.30.0` for `1.30.0rc1` and for `1.30.dev4+g12ab`.
pub fn base_version(version: &str) -> Option<Release> {
    let mut numbers: Vec<u32> = Vec::new();
    for part in version.split('.').take(3) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = digits.parse() else { break };
        numbers.push(number);
        if digits.len() < part.len() {
            break;
        }
    }
    let at = |place: usize| numbers.get(place).copied().unwrap_or(0);
    (!numbers.is_empty()).then(|| Release::new(at(0), at(1), at(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prerelease_is_judged_by_its_base_version() {
        let base = |text: &str| base_version(text).map(|release| release.to_string());
        for (version, expected) in [
            ("1.30.0rc1", "1.30.0"),
            ("1.30.0.dev4+g12ab", "1.30.0"),
            ("1.30.dev4", "1.30.0"),
            ("1.30rc2", "1.30.0"),
            ("1.30.1", "1.30.1"),
            ("2", "2.0.0"),
        ] {
            assert_eq!(base(version).as_deref(), Some(expected), "{version}");
        }
        assert_eq!(base("unknown"), None);
    }
}
