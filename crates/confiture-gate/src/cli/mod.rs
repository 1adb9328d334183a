//! The command line of the gate.

mod args;
mod candidates;
mod private;
mod self_test;
mod write;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use contract_catalogue::case::Case;
use contract_catalogue::catalogue::catalogue;
use contract_catalogue::release::Release;
use contract_lab::interrupt::{self, Interrupted};
use contract_lab::postgres::Server;
use contract_lab::ui::Ui;
use contract_lab::{Lab, ui};

use crate::accept::Accepted;
use crate::report::{json, terminal};
use crate::result::{Report, WrongUsage};
use crate::run::baseline::Recorded;
use crate::run::choice::{chosen, quick};
use crate::run::lanes::Slots;
use crate::run::server::Servers;
use crate::run::{Settings, unrecorded};
use private::{Private, shown_path};

pub use args::{GateArgs, help};

/// Can fraisier live with this confiture?
///
/// Runs the catalogue of cases with the candidate through the adapter, on a PostgreSQL of its own,
/// and compares what it did and what the adapter made of it with a recorded release.
#[derive(Debug, Parser)]
#[command(name = "confiture-gate", version, after_long_help = help("confiture-gate"))]
pub struct Cli {
    /// The arguments.
    #[command(flatten)]
    pub args: GateArgs,
}

/// Prints an error in one sentence and returns its status.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    if error.is::<Interrupted>() {
        anstream::eprintln!("interrupted");
        return ExitCode::from(130);
    }
    anstream::eprintln!("{}: {error:#}", ui::bad("error"));
    ExitCode::from(if error.is::<WrongUsage>() { 2 } else { 3 })
}

/// Runs the gate; its verdict is the exit status.
pub fn run(args: &GateArgs) -> anyhow::Result<ExitCode> {
    // An error in a file of the arguments is found before anything is installed.
    let accepted = args.accept.as_deref().map(accepted).transpose()?;
    let recorded = Recorded::load(args.fixtures.as_deref(), &catalogue())?;
    let whole = whole();
    let cases = cases(args, &whole)?;
    if let Some(against) = args.against {
        recorded
            .known(against)
            .map_err(|trouble| WrongUsage(trouble.into()))?;
    }
    let lab = Lab::new(args.lab.clone(), Ui::stderr())?;
    let settings = settings(args, &cases, &whole, &recorded)?;
    if let Some(size) = args.self_test {
        let open = || -> anyhow::Result<Server> { args.server.open(&lab) };
        return self_test::run(args, size, &settings, &lab, &Servers::new(&open));
    }
    if args.candidates.is_empty() {
        let why = "name a candidate: `newest`, a release, or the path of a wheel";
        return Err(WrongUsage(anyhow::anyhow!(why)).into());
    }
    let (_, status) = judge(args, &args.candidates, &settings, &lab, accepted.as_ref())?;
    Ok(ExitCode::from(status))
}

/// Judges a release that is to be recorded, shows and writes the report, and returns the exit status.
pub fn judge_release(args: &GateArgs, release: Release) -> anyhow::Result<(Report, u8)> {
    let recorded = Recorded::load(args.fixtures.as_deref(), &catalogue())?;
    if recorded.has(release) {
        let why = format!(
            "{release} is recorded already; `cargo xtask refresh {release}` records it again"
        );
        return Err(WrongUsage(anyhow::anyhow!(why)).into());
    }
    let whole = whole();
    let lab = Lab::new(args.lab.clone(), Ui::stderr())?;
    let settings = Settings {
        records: true,
        ..settings(args, &whole, &whole, &recorded)?
    };
    judge(args, &[release.to_string()], &settings, &lab, None)
}

/// Judges the candidates of these names, shows and writes the report, and returns the exit status.
fn judge(
    args: &GateArgs,
    texts: &[String],
    settings: &Settings<'_>,
    lab: &Lab,
    accepted: Option<&Accepted>,
) -> anyhow::Result<(Report, u8)> {
    let open = || -> anyhow::Result<Server> { args.server.open(lab) };
    let servers = Servers::new(&open);
    let named = candidates::named(texts, settings.recorded)?;
    let mut judged = candidates::judge(args, &named, settings, lab, &servers);
    let stale = accepted.map(|accepted| accepted.apply(&mut judged));
    let report = Report::new(
        judged,
        interrupt::raised(),
        stale.unwrap_or_default(),
        servers.provenance(),
    );
    let texts: Vec<String> = named.into_iter().map(|named| named.text).collect();
    let status = publish(args, &report, &texts, lab);
    Ok((report, status))
}

/// Writes a text about a release beside its reports, and where `--markdown` says.
pub fn write_beside(
    args: &GateArgs,
    release: Release,
    name: &str,
    text: &str,
) -> anyhow::Result<String> {
    let path = write::directory(args, &[release.to_string()]).join(name);
    write::file(&path, text)?;
    if let Some(asked) = &args.markdown {
        write::file(asked, text)?;
    }
    Ok(shown_path(&path))
}

fn whole() -> Vec<Case> {
    [catalogue(), unrecorded::cases()].concat()
}

fn settings<'a>(
    args: &GateArgs,
    cases: &'a [Case],
    whole: &'a [Case],
    recorded: &'a Recorded,
) -> anyhow::Result<Settings<'a>> {
    Ok(Settings {
        cases,
        whole,
        recorded,
        judged_as: args.judged_as,
        against: args.against,
        strict: args.strict,
        records: false,
        jobs: args.jobs.max(1),
        slots: Slots::new(args.jobs),
        limit: Duration::from_secs(args.limit.max(1)),
        keep: args.keep.clone(),
        myself: std::env::current_exe()?,
    })
}

/// Shows and writes the report, and returns the exit status.
fn publish(args: &GateArgs, report: &Report, texts: &[String], lab: &Lab) -> u8 {
    let mut private = Private::new(lab.cache());
    if let Some(password) = args.server.password() {
        private.text(password, "<password>");
    }
    for text in texts {
        let path = Path::new(text);
        private.path(path, &contract_lab::confiture::named(path));
    }
    let public = private.masked(report);
    let directory = write::directory(args, texts);
    let written = write::reports(args, &directory, &public);
    if args.json.as_deref() == Some(Path::new("-")) {
        print!("{}", json::render(&public));
    } else {
        let place = written.is_ok().then(|| shown_path(&directory));
        let text = terminal::render(report, ui::width(), place.as_deref());
        anstream::print!("{text}");
    }
    match (written, report.status()) {
        (Ok(()), status) => status,
        (Err(error), status) => {
            lab.ui.warning(&format!("{error:#}"));
            // If the report cannot be written, the verdict is not yes.
            if status == 0 { 3 } else { status }
        }
    }
}

fn accepted(path: &Path) -> anyhow::Result<Accepted> {
    let named = || format!("--accept {}", shown_path(path));
    let text = fs::read_to_string(path).context("it cannot be read");
    let read = text.and_then(|text| Accepted::parse(&text));
    read.with_context(named)
        .map_err(|error| WrongUsage(error).into())
}

/// The requested cases.
fn cases(args: &GateArgs, whole: &[Case]) -> anyhow::Result<Vec<Case>> {
    if args.quick {
        return Ok(quick(whole.to_vec()));
    }
    chosen(whole.to_vec(), &args.only).map_err(|error| WrongUsage(error).into())
}
