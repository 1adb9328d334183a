//! The arguments of the command.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::result::STATUSES;
use clap::ValueEnum;
use contract_catalogue::release::Release;
use contract_lab::LabArgs;
use contract_lab::postgres::ServerArgs;

/// The end of the help of `program`.
pub fn help(program: &str) -> String {
    let mut text = "Examples:".to_owned();
    for (arguments, what) in EXAMPLES {
        let _ = write!(text, "\n  {program} {arguments}\n      {what}");
    }
    format!("{text}\n\n{STATUSES}")
}

const EXAMPLES: [(&str, &str); 5] = [
    ("newest", "the newest release, against its recordings"),
    (
        "dist/c-1.30.0rc1.whl",
        "a wheel, against the newest recorded release",
    ),
    (
        "../confiture --only preflight",
        "a source directory, one operation: not a verdict",
    ),
    (
        "all --html history.html",
        "every recorded release, an hour on two cores",
    ),
    ("--self-test", "check that the gate finds what is harmful"),
];

/// Judge whether fraisier can live with a confiture, released or not
///
/// Runs the catalogue of cases with the candidate through the adapter, on a PostgreSQL of its own,
/// and compares what it did and what the adapter made of it with a recorded release. What breaks
/// fraisier is a no; what only differs is shown; what was not judged is never a yes.
#[derive(Debug, clap::Args)]
pub struct GateArgs {
    /// `newest`, `all` recorded releases, a release such as 1.29.0, or the path of a binary, an
    /// environment, a wheel, an sdist or a source directory
    #[arg(value_name = "CANDIDATE")]
    pub candidates: Vec<String>,

    /// Judge by the minimum versions of this release, instead of the candidate's own version
    #[arg(long = "as", value_name = "RELEASE")]
    pub judged_as: Option<Release>,

    /// Compare with this recorded release, instead of the newest that is not newer
    #[arg(long, value_name = "RELEASE")]
    pub against: Option<Release>,

    /// Run these cases only; an operation such as `preflight` is all of its cases
    #[arg(long, value_name = "CASE", num_args = 1..)]
    pub only: Vec<String>,

    /// Run a choice of cases, some twenty seconds' worth
    #[arg(long, conflicts_with = "only")]
    pub quick: bool,

    /// Install the candidate with this extra of its package, such as `ast`
    #[arg(long, value_name = "NAME")]
    pub extra: Vec<String>,

    /// How many cases run at a time
    #[arg(long, value_name = "N", default_value_t = default_jobs())]
    pub jobs: usize,

    /// How long one call may take, in seconds; waiting for a lock takes half a minute
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub limit: u64,

    /// Keep the project, the calls and the reports of every case here
    #[arg(long, value_name = "DIRECTORY")]
    pub keep: Option<PathBuf>,

    /// Say no to any difference, and not only to a break
    #[arg(long)]
    pub strict: bool,

    /// Known differences, each with a reason; one that no longer occurs is an error
    #[arg(long, value_name = "FILE")]
    pub accept: Option<PathBuf>,

    /// Where the reports are written, instead of a directory below `confiture-gate` in the working
    /// directory, or in cargo's target directory
    #[arg(long, value_name = "DIRECTORY")]
    pub report: Option<PathBuf>,

    /// Write the JSON report here too, `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the `JUnit` report here too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write the Markdown report here too
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,

    /// Write the page here too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Test the gate itself on the newest recorded release: one thing at a time is changed, and what
    /// harms has to break, and nothing else
    #[arg(
        long,
        value_name = "SIZE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "whole",
        conflicts_with_all = [
            "candidates", "quick", "only", "judged_as", "against", "strict", "accept", "keep", "report", "json",
            "junit", "markdown", "html"
        ]
    )]
    pub self_test: Option<Size>,

    /// Where the recordings are, instead of those that this program contains
    #[arg(long, value_name = "DIRECTORY")]
    pub fixtures: Option<PathBuf>,

    #[command(flatten)]
    pub server: ServerArgs,

    #[command(flatten)]
    pub lab: LabArgs,
}

/// How much of the self-test is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// Changes in the recordings: it needs no confiture and no server, and takes half a minute.
    Recordings,
    /// Real confitures that drifted.
    Live,
    /// Stand-ins for releases that are announced, with the whole catalogue.
    Announced,
    /// All of them.
    Whole,
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
