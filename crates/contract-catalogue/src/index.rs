//! The index: every recorded release.

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::release::Release;

/// The recorded releases, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// One entry for each release.
    pub releases: Vec<Entry>,
}

/// One release of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The release.
    pub release: Release,
    /// How many cases the release changed, which is how many recordings are stored under its number.
    /// Without this count a lost recording would go unnoticed: its release would show the one before it.
    pub changed: usize,
}

impl Index {
    /// Reads an index and checks it.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let index: Self = serde_json::from_str(text).context("the index cannot be read")?;
        ensure!(!index.releases.is_empty(), "the index lists no release");
        for pair in index.releases.windows(2) {
            let (one, next) = (pair[0].release, pair[1].release);
            ensure!(one < next, "the index lists {next} after {one}");
        }
        Ok(index)
    }

    /// Every release, oldest first.
    pub fn releases(&self) -> impl DoubleEndedIterator<Item = Release> {
        self.releases.iter().map(|entry| entry.release)
    }

    /// Whether `release` is recorded.
    pub fn has(&self, release: Release) -> bool {
        self.releases().any(|known| known == release)
    }

    /// The text of the file that holds this index.
    pub fn to_file(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("an index has a JSON form") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(releases: &[&str]) -> anyhow::Result<Index> {
        let entry = |name: &&str| Entry {
            release: name.parse().unwrap(),
            changed: 1,
        };
        let releases = releases.iter().map(entry).collect();
        Index::parse(&Index { releases }.to_file())
    }

    #[test]
    fn a_sound_index_is_read() {
        let index = parsed(&["0.9.0", "0.22.0"]).unwrap();
        assert!(index.has(Release::new(0, 22, 0)));
        assert!(!index.has(Release::new(0, 10, 0)));
    }

    #[test]
    fn an_unsound_index_is_refused() {
        for releases in [&[][..], &["0.22.0", "0.22.0"], &["0.22.0", "0.9.0"]] {
            assert!(parsed(releases).is_err(), "{releases:?}");
        }
        assert!(Index::parse("{}").is_err());
    }
}
