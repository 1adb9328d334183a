//! `cargo xtask gate`: can fraisier live with this confiture?

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use contract_gate::accept::Accepted;
use contract_gate::report::{html, json, junit, markdown, terminal};
use contract_gate::result::{Judgement, Report, STATUSES};
use contract_gate::run::baseline::Recorded;
use contract_gate::run::{self, QUICK, Settings, Terms, chosen, judge_candidate};
use contract_lab::candidate::{Candidate, provide};
use contract_lab::once::write_atomically;
use contract_lab::postgres::{Server, ServerArgs};
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs, interrupt};
use contract_tests::catalogue::catalogue;
use contract_tests::fixtures;
use contract_tests::release::Release;

/// What the command's help ends with.
pub fn help() -> String {
    format!("{EXAMPLES}\n\n{STATUSES}")
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask gate newest                      the newest release, against its recordings
  cargo xtask gate dist/confiture-1.30.0rc1.whl  a wheel, against the newest recorded release
  cargo xtask gate ../confiture --only preflight  a source directory, one operation
  cargo xtask gate all --html history.html     every recorded release, for an hour or less";

/// Judge whether fraisier can live with a confiture, released or not
///
/// Runs the catalogue of cases with the candidate through the adapter, on a PostgreSQL of its own,
/// and compares what it did and what the adapter made of it with a recorded release. What breaks
/// fraisier is a no; what only differs is shown; what was not judged is never a yes.
#[derive(Debug, clap::Args)]
pub struct GateArgs {
    /// `newest`, `all` recorded releases, a release such as 1.29.0, or the path of a binary, an
    /// environment, a wheel, an sdist or a source directory
    #[arg(value_name = "CANDIDATE", required = true)]
    candidates: Vec<String>,

    /// Judge by the floors of this release, instead of the candidate's own version
    #[arg(long = "as", value_name = "RELEASE")]
    judged_as: Option<Release>,

    /// Compare with this recorded release, instead of the newest that is not newer
    #[arg(long, value_name = "RELEASE")]
    against: Option<Release>,

    /// Run these cases only; an operation such as `preflight` is all of its cases
    #[arg(long, value_name = "CASE", num_args = 1..)]
    only: Vec<String>,

    /// Run a choice of cases, some twenty seconds' worth
    #[arg(long, conflicts_with = "only")]
    quick: bool,

    /// How many cases run at a time
    #[arg(long, value_name = "N", default_value_t = default_jobs())]
    jobs: usize,

    /// How long one call may take, in seconds; waiting for a lock takes half a minute
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    limit: u64,

    /// Known differences, each with a reason; one that no longer occurs is an error
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,

    /// Where the reports are written, instead of the `gate` directory below cargo's target
    /// directory
    #[arg(long, value_name = "DIRECTORY")]
    report: Option<PathBuf>,

    /// Write the JSON report here too, `-` for standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the `JUnit` report here too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the Markdown report here too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Write the page here too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Where the recordings are, instead of this checkout's contract-fixtures
    #[arg(long, value_name = "DIRECTORY", default_value_os_t = fixtures::default_root(), hide_default_value = true)]
    fixtures: PathBuf,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    lab: LabArgs,
}

fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs the gate; its answer is the exit status.
///
/// # Errors
/// When it could not run.
pub fn run(args: &GateArgs) -> anyhow::Result<ExitCode> {
    // What is wrong in a file that was named is found before anything is installed.
    let accepted = match &args.accept {
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", run::shown_path(path)))?;
            Some(Accepted::parse(&text)?)
        }
        None => None,
    };
    let whole = catalogue();
    let recorded = Recorded::load(&args.fixtures, &whole)?;
    let total = whole.len();
    let only: Vec<String> = if args.quick {
        QUICK.iter().map(ToString::to_string).collect()
    } else {
        args.only.clone()
    };
    let cases = chosen(whole, &only)?;
    let complete = cases.len() == total;
    let ui = Ui::stderr();
    let lab = Lab::new(args.lab.clone(), ui)?;
    let settings = Settings {
        cases: &cases,
        recorded: &recorded,
        judged_as: args.judged_as,
        against: args.against,
        jobs: args.jobs,
        limit: Duration::from_secs(args.limit.max(1)),
        myself: run::myself()?,
        ui,
    };
    let candidates = named(&args.candidates, &recorded);
    let mut judged: Vec<Judgement> = Vec::new();
    let mut failure = None;
    for candidate in &candidates {
        let one = || -> anyhow::Result<Judgement> {
            interrupt::check()?;
            let provided = provide(&lab, candidate)?;
            let terms = Terms::new(&settings, &provided.installed.version)?;
            let open = || -> anyhow::Result<Server> { args.server.open(&lab) };
            judge_candidate(&settings, &provided, terms, &open)
        };
        match one() {
            Ok(one) => judged.push(one),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    if let (true, Some(error)) = (judged.is_empty(), failure.take()) {
        return Err(error);
    }
    if !complete {
        for judged in &mut judged {
            let note = format!("{} of {total} cases were chosen", judged.cases.len());
            judged.notes.insert(0, note);
        }
    }
    let stale = accepted.map(|accepted| accepted.apply(&mut judged, complete));
    let report = Report::new(judged, interrupt::raised(), stale.unwrap_or_default());
    let written = write(args, &report);
    if args.json.as_deref() == Some(Path::new("-")) {
        print!("{}", json::render(&report));
    } else {
        anstream::print!("{}", terminal::render(&report, width()));
    }
    if let Ok(directory) = &written {
        ui.note(&format!("report in {directory}"));
    }
    if let Some(error) = failure {
        return Err(error);
    }
    written?;
    Ok(ExitCode::from(report.status()))
}

/// The candidates, with `all` as every recorded release.
fn named(names: &[String], recorded: &Recorded) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for name in names {
        if name == "all" {
            let releases = recorded.releases();
            candidates.extend(releases.iter().map(|release| parsed(&release.to_string())));
        } else {
            candidates.push(parsed(name));
        }
    }
    candidates
}

fn parsed(name: &str) -> Candidate {
    let Ok(candidate) = name.parse();
    candidate
}

/// The columns of the terminal that the report goes to.
fn width() -> usize {
    if !io::stdout().is_terminal() {
        return 100;
    }
    rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| usize::from(size.ws_col))
}

/// Writes every form of the report, and says where.
fn write(args: &GateArgs, report: &Report) -> anyhow::Result<String> {
    let directory = match &args.report {
        Some(directory) => directory.clone(),
        None => target().join("gate"),
    };
    fs::create_dir_all(&directory)
        .with_context(|| format!("{} cannot be made", run::shown_path(&directory)))?;
    let forms: [(&str, Option<&PathBuf>, String); 4] = [
        ("report.json", args.json.as_ref(), json::render(report)),
        ("junit.xml", args.junit.as_ref(), junit::render(report)),
        (
            "report.md",
            args.markdown.as_ref(),
            markdown::render(report),
        ),
        ("report.html", args.html.as_ref(), html::render(report)),
    ];
    for (name, asked, text) in &forms {
        write_atomically(&directory.join(name), text.as_bytes())?;
        if let Some(path) = asked.filter(|path| path.as_path() != Path::new("-")) {
            if let Some(parent) = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
            {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)
                .with_context(|| format!("{} cannot be written", run::shown_path(path)))?;
        }
    }
    if let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(summary)?;
        file.write_all(markdown::render(report).as_bytes())?;
    }
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        eprint!("{}", markdown::annotations(report));
    }
    Ok(run::shown_path(&directory))
}

/// Cargo's target directory, which this program was built into.
fn target() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let marked = exe
        .ancestors()
        .skip(1)
        .find(|path| path.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(|| PathBuf::from("target"), Path::to_owned)
}
