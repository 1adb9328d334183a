//! Which release of confiture is installed, and what it can do.

pub mod capability;
pub(crate) mod installed;

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The version that a confiture binary reports.
///
/// Python's version scheme knows more than releases. A pre-release such as `1.30.0rc1`, and a version
/// that cannot be read, satisfies no minimum, because nothing has been recorded of it.
/// Versions are ordered by release; one that is no release comes before every release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfitureVersion {
    /// Major, minor and patch number.
    release: Option<[u64; 3]>,
    text: String,
}

impl ConfitureVersion {
    /// Reads a version such as `1.29.0`.
    ///
    /// A release has up to three numbers. A post-release (`1.29.0.post1`) and a local label
    /// (`1.29.0+deb12`) count as the release that they follow.
    ///
    /// ```
    /// use fraisier_adapter_confiture::ConfitureVersion;
    ///
    /// let version = ConfitureVersion::parse("1.29.0");
    /// assert!(version.is_at_least(1, 0, 0));
    /// assert!(!ConfitureVersion::parse("1.30.0rc1").is_at_least(1, 0, 0));
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            release: release(text),
        }
    }

    /// The version as the binary printed it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is a release that can be compared with others.
    #[must_use]
    pub fn is_release(&self) -> bool {
        self.release.is_some()
    }

    /// Whether this is a release, and not an earlier one than `major.minor.patch`.
    #[must_use]
    pub fn is_at_least(&self, major: u64, minor: u64, patch: u64) -> bool {
        self.release
            .is_some_and(|release| release >= [major, minor, patch])
    }
}

impl FromStr for ConfitureVersion {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::parse(text))
    }
}

impl fmt::Display for ConfitureVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

fn release(text: &str) -> Option<[u64; 3]> {
    let public = match text.split_once('+') {
        Some((public, local)) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
            (!local.is_empty() && local.chars().all(plain)).then_some(public)?
        }
        None => text,
    };
    let mut parts = public.split('.');
    let mut numbers = [0; 3];
    // `parse` would let a `+` pass, and that begins the local label.
    let numeral = |part: &str| part.parse::<u64>().ok();
    for number in &mut numbers {
        let Some(part) = parts.next() else { break };
        *number = numeral(part)?;
    }
    if let Some(post) = parts.next() {
        numeral(post.strip_prefix("post")?)?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        for (text, above, below) in [
            ("0.22.0", (0, 22, 0), (0, 23, 0)),
            ("0.9.0", (0, 8, 9), (0, 20, 0)),
            ("1.29.0", (1, 3, 0), (1, 30, 0)),
            ("1.35", (1, 35, 0), (1, 35, 1)),
            ("2", (2, 0, 0), (2, 0, 1)),
            ("1.29.0.post1", (1, 29, 0), (1, 29, 1)),
            ("1.29.0+deb12.1", (1, 29, 0), (1, 29, 1)),
        ] {
            let version = ConfitureVersion::parse(text);
            assert!(version.is_at_least(above.0, above.1, above.2), "{text}");
            assert!(!version.is_at_least(below.0, below.1, below.2), "{text}");
            assert_eq!((version.as_str(), &*version.to_string()), (text, text));
        }
    }

    #[test]
    fn versions_are_ordered_by_release() {
        let mut versions: Vec<ConfitureVersion> = ["1.9.0", "1.10.0", "0.44.0", "1.30.0rc1"]
            .iter()
            .map(|text| text.parse().expect("infallible"))
            .collect();
        versions.sort();
        let sorted: Vec<&str> = versions.iter().map(ConfitureVersion::as_str).collect();
        assert_eq!(sorted, ["1.30.0rc1", "0.44.0", "1.9.0", "1.10.0"]);
    }

    #[test]
    fn an_unreadable_version_satisfies_no_minimum() {
        for text in [
            "1.30.0rc1",
            "1.30.0a1",
            "1.30.0.dev3",
            "1.30.0b2.post1",
            "1!1.0.0",
            "v1.0.0",
            "unknown",
            "",
            "1.x",
            "1..0",
            "1.0.0.0",
            "1.0.0.post",
            "+1.0.0",
            "-1.0.0",
            "1.0.0+",
            "1.0.0+a b",
            "99999999999999999999.0.0",
            "1.0.0-rc.1",
            " 1.0.0",
            "1.0.0.post1.dev2",
            "1.-0.0",
            "1.0.+1",
            "1.0.0.post+1",
        ] {
            let version = ConfitureVersion::parse(text);
            assert!(!version.is_release(), "{text:?}");
            assert!(!version.is_at_least(0, 0, 0), "{text:?}");
        }
    }
}
