//! Why an installer failed, according to its output.

use std::fmt;

use contract_catalogue::release::Release;

use crate::command::Output;

/// Why an installer failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The registry has the package in these releases, but not in the requested one.
    NoSuchRelease(Vec<Release>),
    /// No registry that has the package answered.
    Unreachable,
    /// Anything else, in the installer's words.
    Other(String),
}

/// What to do when no registry answers.
pub const CHECK_NETWORK: &str = "check the network, the proxy and `pip config list`";

/// Why a package that is needed in one version only cannot be installed.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRelease(_) | Self::Unreachable => {
                f.write_str("no package registry that has it for this machine answered")
            }
            Self::Other(words) => write!(f, "the installer said \"{words}\""),
        }
    }
}

/// The final releases in a comma-separated list, oldest first, each once.
pub fn releases_in(list: &str) -> Vec<Release> {
    let parts = list.split(',').map(str::trim);
    let mut releases: Vec<Release> = parts.filter_map(|part| part.parse().ok()).collect();
    releases.sort_unstable();
    releases.dedup();
    releases
}

/// What pip and uv print when the network fails.
const UNREACHABLE: [&str; 9] = [
    "connection broken by",
    "(from versions: none)",
    "Could not fetch URL",
    "error sending request",
    "Failed to fetch",
    "dns error",
    "was not found in the cache",
    "Network connectivity is disabled",
    "tcp connect error",
];

/// Finds the reason in the installer's output.
pub(super) fn explain(output: &Output) -> Failure {
    let text = &output.stderr;
    let offered = text
        .split_once("(from versions: ")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(list, _)| releases_in(list))
        .unwrap_or_default();
    if !offered.is_empty() {
        return Failure::NoSuchRelease(offered);
    }
    if text.contains("there is no version of") {
        return Failure::NoSuchRelease(Vec::new());
    }
    if UNREACHABLE.iter().any(|sign| text.contains(sign))
        || text.contains("No matching distribution found")
    {
        return Failure::Unreachable;
    }
    Failure::Other(last_line(output))
}

/// The line that explains the failure best.
pub(super) fn last_line(output: &Output) -> String {
    let lines = output.stderr.lines().chain(output.stdout.lines());
    let mut lines = lines.map(str::trim).filter(|line| !line.is_empty());
    // uv gives the reason on a line of its own.
    if let Some(cause) = lines.clone().find_map(|line| line.strip_prefix("cause: ")) {
        return cause.to_owned();
    }
    let said = |line: &'_ str| -> Option<String> {
        let marks = ["ERROR:", "error:", "Error:"];
        let said = marks.iter().find_map(|mark| line.strip_prefix(mark))?;
        Some(said.trim().trim_end_matches('.').to_owned())
    };
    let mut errors = lines.clone().filter_map(said);
    errors
        .next_back()
        .or_else(|| lines.next_back().map(str::to_owned))
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    fn failed(stderr: &str) -> Failure {
        explain(&Output {
            status: ExitStatus::from_raw(256),
            stdout: String::new(),
            stderr: stderr.to_owned(),
        })
    }

    #[test]
    fn an_unknown_release_differs_from_an_unreachable_registry() {
        let missing = failed(
            "ERROR: Could not find a version that satisfies the requirement \
             fraiseql-confiture==9.9 (from versions: 0.20.0, 0.22.0, 1.0.0rc1)\n\
             ERROR: No matching distribution found for fraiseql-confiture==9.9\n",
        );
        let offered = releases_in("0.20.0, 0.22.0");
        assert_eq!(missing, Failure::NoSuchRelease(offered));

        let offline = failed(
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n\
             ERROR: Could not find a version that satisfies the requirement \
             fraiseql-confiture==9.9 (from versions: none)\n",
        );
        assert_eq!(offline, Failure::Unreachable);
    }

    #[test]
    fn the_errors_of_uv_are_recognised() {
        let missing = failed(
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version \
             of fraiseql-confiture==9.9 and you require it\n",
        );
        assert_eq!(missing, Failure::NoSuchRelease(Vec::new()));
        let offline = failed("error: Failed to fetch: `https://registry/simple/x/`\n");
        assert_eq!(offline, Failure::Unreachable);
    }

    #[test]
    fn any_other_failure_quotes_its_error_line() {
        let full = failed("Collecting x\nERROR: [Errno 28] No space left on device\nnotice\n");
        let expected = "[Errno 28] No space left on device".to_owned();
        assert_eq!(full, Failure::Other(expected));
    }
}
