//! A confiture to judge: a release, or something that may become one.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::Lab;
use super::command::run_within;
use super::confiture::{Installed, Selector, provision};
use super::once::{Building, build_once};
use super::packages::{Failure, install_environment, installed};
use super::registry::{PACKAGE, Release, newest};
use crate::trouble::Trouble;

/// How long a confiture may take to say its version.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// What a source directory holds that is not its source.
const NOT_SOURCE: [&str; 12] = [
    ".git",
    ".hg",
    ".venv",
    "venv",
    "build",
    "dist",
    "target",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
];

/// Which confiture is to be judged.
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
        // A release has three numbers, also where two name it.
        let whole = match text.matches('.').count() {
            1 => format!("{text}.0"),
            _ => text.to_owned(),
        };
        Ok(match whole.parse() {
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
    numbered && is_suffix && !text.contains(['/', '-']) && !is_package(Path::new(text))
}

/// Whether the name is that of a package file.
fn is_package(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let ends = [".whl", ".tar.gz", ".zip"];
    ends.iter().any(|end| name.ends_with(end))
}

/// A candidate that can be run.
#[derive(Debug, Clone)]
pub struct Provided {
    /// The candidate, without a path of the machine.
    pub named: String,
    /// How the command line named it, to be given again.
    pub given: String,
    /// Where its binary is.
    pub installed: Installed,
    /// The SHA-256 of what was given, where that is not a release.
    pub sha256: Option<String>,
}

/// Makes the candidate runnable, with the extras of the package that are named. What is built is
/// kept by its content: a rebuilt wheel of the same version is another candidate.
///
/// # Errors
/// No such file or release, no Python, no registry, something that is not confiture; each in one
/// sentence.
pub fn provide(lab: &Lab, candidate: &Candidate, extras: &[String]) -> anyhow::Result<Provided> {
    match candidate {
        Candidate::Newest => release(lab, &newest(lab)?, extras),
        Candidate::Release(wanted) => release(lab, wanted, extras),
        Candidate::Version(wanted) => version_of_registry(lab, wanted, extras),
        Candidate::Path(path) => at_path(lab, path, extras),
    }
}

fn release(lab: &Lab, wanted: &Release, extras: &[String]) -> anyhow::Result<Provided> {
    if !extras.is_empty() {
        return version_of_registry(lab, &wanted.to_string(), extras);
    }
    let installed = provision(lab, &Selector::Release(wanted.clone()))?;
    Ok(Provided {
        named: installed.version.clone(),
        given: installed.version.clone(),
        installed,
        sha256: None,
    })
}

/// What the registry has under a version, with extras.
fn version_of_registry(lab: &Lab, wanted: &str, extras: &[String]) -> anyhow::Result<Provided> {
    let extras = bracketed(extras);
    let named = format!("{wanted}{extras}");
    let python = lab.python()?;
    let environment = format!("confiture-{named}-{}", python.tag());
    let requirement = format!("{PACKAGE}{extras}=={wanted}");
    let label = format!("confiture {named}");
    Ok(Provided {
        installed: environment_of(lab, &environment, |building| {
            install(lab, &label, &requirement, building)
        })?,
        named,
        given: wanted.to_owned(),
        sha256: None,
    })
}

/// The extras as a requirement names them.
fn bracketed(extras: &[String]) -> String {
    if extras.is_empty() {
        return String::new();
    }
    format!("[{}]", extras.join(","))
}

fn at_path(lab: &Lab, path: &Path, extras: &[String]) -> anyhow::Result<Provided> {
    let named = named(path);
    let absolute = std::path::absolute(path)?;
    let metadata = fs::metadata(&absolute).map_err(|error| missing(path, &error))?;
    let is_project = ["pyproject.toml", "setup.py"]
        .iter()
        .any(|file| absolute.join(file).is_file());
    let is_environment = absolute.join("pyvenv.cfg").is_file();
    let (sha256, installed) = if metadata.is_file() && is_package(&absolute) {
        let sha256 = hash_file(&absolute)?;
        (
            sha256.clone(),
            packaged(lab, &named, &absolute, &sha256, extras)?,
        )
    } else if is_project && !is_environment {
        let sha256 = hash_tree(&absolute, &NOT_SOURCE)?;
        (
            sha256.clone(),
            packaged(lab, &named, &absolute, &sha256, extras)?,
        )
    } else if !extras.is_empty() {
        let what = format!("{named} is installed already, and takes no extra");
        return Err(Trouble::new(
            what,
            "leave --extra out, or give a wheel, an sdist or a source directory",
        )
        .into());
    } else if metadata.is_file() {
        (hash_file(&absolute)?, binary(&named, &absolute)?)
    } else if is_environment {
        let program = absolute.join("bin/confiture");
        if !program.is_file() {
            return Err(not_confiture(&named, "the environment has no bin/confiture").into());
        }
        (
            hash_tree(&absolute, &[".git", "__pycache__"])?,
            binary(&named, &program)?,
        )
    } else {
        let why = "the directory is neither an environment nor a Python project";
        return Err(not_confiture(&named, why).into());
    };
    Ok(Provided {
        named: format!("{named}{}", bracketed(extras)),
        given: path.display().to_string(),
        installed,
        sha256: Some(sha256),
    })
}

/// The sentence for a path where nothing is.
#[must_use]
pub fn missing(path: &Path, error: &io::Error) -> Trouble {
    Trouble::new(
        format!("{} is neither a release nor a path: {error}", named(path)),
        "give a release such as 1.29.0, `newest`, or a binary, an environment, a wheel, an sdist \
         or a source directory",
    )
}

/// The last two parts of the path: enough to know it again, and nothing of the machine.
#[must_use]
pub fn named(path: &Path) -> String {
    let parts: Vec<&OsStr> = path
        .iter()
        .filter(|part| *part != "/" && *part != ".")
        .collect();
    let kept = if path.is_absolute() || path.starts_with("..") {
        1
    } else {
        2
    };
    let shown: PathBuf = parts[parts.len().saturating_sub(kept)..].iter().collect();
    let shown = shown.display().to_string();
    if parts.len() > kept {
        format!("…/{shown}")
    } else {
        shown
    }
}

/// Installs a package or a source directory into an environment of its own.
fn packaged(
    lab: &Lab,
    named: &str,
    path: &Path,
    sha256: &str,
    extras: &[String],
) -> anyhow::Result<Installed> {
    let extras = bracketed(extras);
    let environment = format!(
        "candidate-{}{extras}-{}",
        &sha256[..16],
        lab.python()?.tag()
    );
    environment_of(lab, &environment, |building| {
        // A build writes into its source directory, and that one belongs to somebody.
        let copy = tempfile::tempdir()?;
        let source = if path.is_dir() {
            copy_tree(path, copy.path())?;
            copy.path()
        } else {
            path
        };
        let place = source.to_string_lossy();
        let requirement = if extras.is_empty() {
            place.to_string()
        } else {
            format!("{PACKAGE}{extras} @ file://{place}")
        };
        install(lab, named, &requirement, building)
    })
}

/// An environment below the cache, built once.
fn environment_of(
    lab: &Lab,
    name: &str,
    build: impl FnOnce(&Building<'_>) -> anyhow::Result<Installed>,
) -> anyhow::Result<Installed> {
    build_once(
        &lab.cache().join(name),
        lab.ui,
        |found: &Installed| {
            found.program.exists() && found.program.with_file_name("python").exists()
        },
        build,
    )
}

fn install(
    lab: &Lab,
    named: &str,
    requirement: &str,
    building: &Building<'_>,
) -> anyhow::Result<Installed> {
    let task = lab.ui.task(&format!("installing {named}"));
    install_environment(lab, building, requirement)?.map_err(|failure| {
        let (why, way_out) = match failure {
            Failure::Other(words) => (words, "solve that, or give an installed binary"),
            Failure::NoSuchRelease(_) => (
                "the package registry does not have it, or not what it depends on".to_owned(),
                "give a release that it has, or an installed binary",
            ),
            Failure::Unreachable => (
                "the package registry did not give what it depends on".to_owned(),
                "check the network, the proxy and `pip config list`, or give an installed binary",
            ),
        };
        // The installer's words may name where the source was copied to.
        let place = requirement.rsplit("file://").next().unwrap_or(requirement);
        let why = why.replace(place, named);
        Trouble::new(format!("{named} cannot be installed: {why}"), way_out)
    })?;
    let program = building.directory.join("bin/confiture");
    if !program.is_file() {
        let why = "it installs no program `confiture`";
        return Err(not_confiture(named, why).into());
    }
    let packages = installed(&program.with_file_name("python"))?;
    let found = Installed {
        version: version(named, &program, packages.get(PACKAGE).map(String::as_str))?,
        program,
        python: Some(lab.python()?.version_text()),
        packages,
    };
    task.finish(&format!("installed {named}"));
    Ok(found)
}

fn binary(named: &str, program: &Path) -> anyhow::Result<Installed> {
    let python = program.with_file_name("python");
    let packages = if python.is_file() {
        installed(&python).unwrap_or_default()
    } else {
        std::collections::BTreeMap::new()
    };
    Ok(Installed {
        version: version(named, program, packages.get(PACKAGE).map(String::as_str))?,
        program: program.to_owned(),
        python: None,
        packages,
    })
}

/// The version that `program` says, or its package: one whose `--version` changed its words is a
/// confiture all the same.
fn version(named: &str, program: &Path, package: Option<&str>) -> anyhow::Result<String> {
    let output = run_within(Command::new(program).arg("--version"), ANSWERS_WITHIN);
    let output = match output {
        Err(error) if error.is::<super::interrupt::Interrupted>() => return Err(error),
        Err(error) => match package {
            // One that does not answer is a confiture all the same.
            Some(package) => return Ok(package.to_owned()),
            None => {
                return Err(not_confiture(named, &format!("{:#}", error.root_cause())).into());
            }
        },
        Ok(output) => output,
    };
    let text = output.stdout;
    let stated = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("confiture version "));
    if let Some(stated) = stated.and_then(|rest| rest.split_whitespace().next()) {
        return Ok(stated.to_owned());
    }
    if let Some(package) = package {
        return Ok(package.to_owned());
    }
    let numbered = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'));
    match numbered {
        Some(version) if text.to_lowercase().contains("confiture") => Ok(version.to_owned()),
        _ => {
            let line = text.lines().next().unwrap_or_default();
            let why = match line {
                "" => "it prints nothing for --version".to_owned(),
                line => format!("for --version it prints {line:?}"),
            };
            Err(not_confiture(named, &why).into())
        }
    }
}

fn not_confiture(named: &str, why: &str) -> Trouble {
    Trouble::new(
        format!("{named} is no confiture: {why}"),
        "give a release such as 1.29.0, `newest`, or a binary, an environment, a wheel, an sdist \
         or a source directory of confiture",
    )
}

fn hash_file(path: &Path) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    add_file(&mut hasher, path)?;
    Ok(hex(&hasher.finalize()))
}

fn hash_tree(root: &Path, without: &[&str]) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    for relative in files(root, without)? {
        hasher.update(relative.to_string_lossy().as_bytes());
        hasher.update([0]);
        add_file(&mut hasher, &root.join(&relative))?;
        hasher.update([0]);
    }
    Ok(hex(&hasher.finalize()))
}

fn add_file(hasher: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The regular files below `root`, by relative path, in order.
fn files(root: &Path, without: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let name = entry.file_name();
            if without.iter().any(|other| name == *other) {
                continue;
            }
            let relative = directory.join(&name);
            let kind = entry.file_type()?;
            if kind.is_dir() {
                directories.push(relative);
            } else if kind.is_file() {
                found.push(relative);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for relative in files(from, &NOT_SOURCE)? {
        let target = to.join(&relative);
        if let Some(directory) = target.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::copy(from.join(&relative), target)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabArgs;
    use crate::ui::Ui;

    #[test]
    fn a_release_is_told_from_a_path() {
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
    fn a_name_shows_nothing_of_the_machine() {
        assert_eq!(named(Path::new("/home/someone/work/c.whl")), "…/c.whl");
        assert_eq!(named(Path::new("../../someone/c.whl")), "…/c.whl");
        assert_eq!(named(Path::new("dist/c.whl")), "dist/c.whl");
        assert_eq!(named(Path::new("c.whl")), "c.whl");
    }

    #[test]
    fn what_is_no_confiture_is_said_in_one_sentence() {
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

    #[test]
    fn a_tree_has_another_hash_when_a_file_changed_or_moved() {
        let root = tempfile::tempdir().unwrap();
        let hash = || hash_tree(root.path(), &["__pycache__"]).unwrap();
        fs::write(root.path().join("a"), "1").unwrap();
        let first = hash();
        fs::create_dir(root.path().join("__pycache__")).unwrap();
        fs::write(root.path().join("__pycache__/a.pyc"), "x").unwrap();
        assert_eq!(hash(), first);
        fs::write(root.path().join("a"), "2").unwrap();
        let second = hash();
        assert_ne!(second, first);
        fs::rename(root.path().join("a"), root.path().join("b")).unwrap();
        assert_ne!(hash(), second);
    }
}
