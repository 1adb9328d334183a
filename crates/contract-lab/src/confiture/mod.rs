//! Installs a confiture: a release, or a candidate for one.

pub mod copy;
pub mod digest;
mod environment;
mod installed;
mod path;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use contract_catalogue::release::Release;

use crate::Lab;
use crate::registry::newest;

pub use installed::{Installed, Provided, python_of};
pub use path::{missing, named};

/// Which confiture is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// The newest release of the registry.
    Newest,
    /// A final release of the registry.
    Release(Release),
    /// A pre-release or development version of the registry.
    Version(String),
    /// A binary, an environment, a wheel, an sdist or a source directory.
    Path(PathBuf),
}

impl FromStr for Candidate {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            _ if text == "newest" => Self::Newest,
            Ok(release) => Self::Release(release),
            Err(_) if is_version(text) && !Path::new(text).exists() => Self::Version(text.into()),
            Err(_) => Self::Path(text.into()),
        })
    }
}

/// Whether the text is a version that is no final release, such as `1.30.0rc1`.
fn is_version(text: &str) -> bool {
    let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let numbered = text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('.');
    let marks = ["a", "b", "rc", "dev", "post", "+"];
    let is_suffix = marks.iter().any(|mark| suffix.starts_with(mark));
    numbered && is_suffix && !text.contains(['/', '-']) && !path::is_package(Path::new(text))
}

/// Makes the candidate runnable, with these extras of its package. The environment is stored under a
/// digest of the candidate's content, so a rebuilt wheel of the same version is another candidate.
/// Several threads and several runs may call this at the same time.
pub fn provide(lab: &Lab, candidate: &Candidate, extras: &[String]) -> anyhow::Result<Provided> {
    match candidate {
        Candidate::Newest => environment::of_release(lab, newest(lab)?, extras),
        Candidate::Release(wanted) => environment::of_release(lab, *wanted, extras),
        Candidate::Version(wanted) => environment::of_version(lab, wanted, extras),
        Candidate::Path(path) => path::provide(lab, path, extras),
    }
}

/// Makes the candidate runnable, for callers that need its binary only.
pub fn install(lab: &Lab, candidate: &Candidate) -> anyhow::Result<Installed> {
    Ok(provide(lab, candidate, &[])?.installed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabArgs;
    use crate::ui::Ui;

    #[test]
    fn a_release_is_distinguished_from_a_path() {
        let read = |text: &str| text.parse::<Candidate>().unwrap();
        assert_eq!(read("newest"), Candidate::Newest);
        assert!(matches!(read("1.29.0"), Candidate::Release(_)));
        assert_eq!(
            read("dist/x-1.0.whl"),
            Candidate::Path("dist/x-1.0.whl".into())
        );
        assert_eq!(read("1.29"), read("1.29.0"));
        for version in ["1.30.0rc1", "1.30.dev4", "2.0a1", "1.30.0+local"] {
            assert!(matches!(read(version), Candidate::Version(_)), "{version}");
        }
        for path in ["1.30.0-py3.whl", "1.0/bin", "./1.0rc1", "confiture"] {
            assert!(matches!(read(path), Candidate::Path(_)), "{path}");
        }
    }

    #[test]
    fn a_program_that_is_not_confiture_is_described_in_one_sentence() {
        let cache = tempfile::tempdir().unwrap();
        let args = LabArgs {
            cache_dir: Some(cache.path().to_owned()),
            ..LabArgs::default()
        };
        let lab = Lab::new(args, Ui::silent()).unwrap();
        for (given, words) in [
            ("/bin/true", "…/true is no confiture: for --version"),
            ("/bin/no-such-program", "is neither a release nor a path"),
            ("/etc", "neither an environment nor a Python project"),
        ] {
            let error = provide(&lab, &given.parse().unwrap(), &[])
                .unwrap_err()
                .to_string();
            assert!(error.contains(words), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
