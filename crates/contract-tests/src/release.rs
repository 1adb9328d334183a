//! A confiture release number, as recorded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A final release: `major.minor.patch`, ordered by number.
///
/// Recordings are made of final releases only, so nothing else has a value of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Release {
    /// The release of these three numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl From<Release> for String {
    fn from(release: Release) -> Self {
        release.to_string()
    }
}

/// The text is not `major.minor.patch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotARelease(String);

impl fmt::Display for NotARelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a release number like 1.29.0", self.0)
    }
}

impl std::error::Error for NotARelease {}

impl FromStr for Release {
    type Err = NotARelease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let mut numbers = text.split('.').map(|part| {
                let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                plain.then(|| part.parse().ok()).flatten()
            });
            let release = Self::new(numbers.next()??, numbers.next()??, numbers.next()??);
            numbers.next().is_none().then_some(release)
        };
        read().ok_or_else(|| NotARelease(text.to_owned()))
    }
}

impl TryFrom<String> for Release {
    type Error = NotARelease;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_number_and_not_by_text() {
        let read = |text: &str| text.parse::<Release>().unwrap();
        assert!(read("0.9.5") < read("0.20.0"));
        assert!(read("1.9.1") < read("1.29.0"));
        assert_eq!(read("1.25.1").to_string(), "1.25.1");
    }

    #[test]
    fn refuses_what_is_not_a_final_release() {
        for text in [
            "", "1", "1.2", "1.2.3.4", "1.2.3rc1", "+1.2.3", "1..3", "1.2.3 ",
        ] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
