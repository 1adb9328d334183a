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

/// The text is neither `major.minor.patch` nor `major.minor`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a release number like 1.29.0")]
pub struct NotARelease(String);

/// Reads `1.29.0`, and `1.29` as the same.
impl FromStr for Release {
    type Err = NotARelease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let mut numbers = text.split('.').map(|part| {
                let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                plain.then(|| part.parse().ok()).flatten()
            });
            let (major, minor) = (numbers.next()??, numbers.next()??);
            let release = Self::new(major, minor, numbers.next().unwrap_or(Some(0))?);
            numbers.next().is_none().then_some(release)
        };
        read().ok_or_else(|| NotARelease(text.to_owned()))
    }
}

impl TryFrom<String> for Release {
    type Error = NotARelease;

    // A stored release always has three numbers.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let release: Self = text.parse()?;
        if release.to_string() == text {
            Ok(release)
        } else {
            Err(NotARelease(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_by_number() {
        let read = |text: &str| text.parse::<Release>().unwrap();
        assert!(read("0.9.5") < read("0.20.0"));
        assert!(read("1.9.1") < read("1.29.0"));
        assert_eq!(read("1.25.1").to_string(), "1.25.1");
    }

    #[test]
    fn a_release_of_two_numbers_is_accepted_only_in_arguments() {
        let release = Release::new(1, 29, 0);
        assert_eq!("1.29".parse(), Ok(release));
        assert_eq!(
            serde_json::from_str::<Release>(r#""1.29.0""#).unwrap(),
            release
        );
        assert!(serde_json::from_str::<Release>(r#""1.29""#).is_err());
    }

    #[test]
    fn a_prerelease_is_refused() {
        for text in [
            "", "1", "1.", "1.2.", "1.2.3.4", "1.2.3rc1", "+1.2.3", "1..3", "1.2.3 ",
        ] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
