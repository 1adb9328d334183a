//! `cargo xtask gate`: can fraisier live with this confiture?

mod args;
mod candidates;
mod private;
mod promote;
mod self_test;
mod write;

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use contract_gate::accept::Accepted;
use contract_gate::report::{json, terminal};
use contract_gate::result::{Report, WrongUsage};
use contract_gate::run::baseline::Recorded;
use contract_gate::run::choice::{chosen, quick};
use contract_gate::run::lanes::Slots;
use contract_gate::run::server::Servers;
use contract_gate::run::{Settings, provenance, unrecorded};
use contract_lab::Lab;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::ui::Ui;
use contract_tests::case::Case;
use contract_tests::catalogue::catalogue;

use args::Size;
pub use args::{GateArgs, help};
use private::{Private, shown_path};

/// Runs the gate; its verdict is the exit status.
pub fn run(args: &GateArgs) -> anyhow::Result<ExitCode> {
    match judged(args) {
        Err(error) if error.is::<WrongUsage>() => {
            anstream::eprintln!("{}: {error:#}", contract_lab::ui::bad("error"));
            Ok(ExitCode::from(2))
        }
        status => status,
    }
}

fn judged(args: &GateArgs) -> anyhow::Result<ExitCode> {
    // What is wrong in a file that was named is found before anything is installed.
    let accepted = args.accept.as_deref().map(accepted).transpose()?;
    let recorded_cases = catalogue();
    let recorded = Recorded::load(&args.fixtures, &recorded_cases)?;
    let whole = [recorded_cases, unrecorded::cases()].concat();
    let cases = cases(args, &whole)?;
    let complete = cases.len() == whole.len();
    if let Some(against) = args.against {
        recorded
            .known(against)
            .map_err(|trouble| WrongUsage(trouble.into()))?;
    }
    let ui = Ui::stderr();
    let lab = Lab::new(args.lab.clone(), ui)?;
    let settings = Settings {
        cases: &cases,
        whole: &whole,
        recorded: &recorded,
        judged_as: args.judged_as,
        against: args.against,
        jobs: args.jobs.max(1),
        slots: Slots::new(args.jobs),
        limit: Duration::from_secs(args.limit.max(1)),
        keep: args.keep.clone(),
        myself: std::env::current_exe()?,
    };
    let open = || -> anyhow::Result<Server> { args.server.open(&lab) };
    let servers = Servers::new(&open);
    if let Some(size) = args.self_test {
        return self_test::run(args, size, complete, &settings, &lab, &servers);
    }
    if let Some(release) = args.promote {
        return promote::run(args, release, &settings, &lab, &servers);
    }
    let named = candidates::named(&args.candidates, &recorded)?;
    let mut judged = candidates::judge(args, &named, &settings, &lab, &servers);
    let stale = accepted.map(|accepted| accepted.apply(&mut judged));
    let report = Report::new(
        judged,
        interrupt::raised(),
        stale.unwrap_or_default(),
        provenance(&servers),
    );
    let texts: Vec<String> = named.iter().map(|named| named.text.clone()).collect();
    Ok(ExitCode::from(tell(args, &report, &texts, &lab)))
}

/// Shows and writes the report, and gives the exit status.
fn tell(args: &GateArgs, report: &Report, texts: &[String], lab: &Lab) -> u8 {
    let mut private = Private::new(lab.cache());
    if let Some(password) = args.server.password() {
        private.text(password, "<password>");
    }
    for text in texts {
        let path = Path::new(text);
        private.path(path, &contract_lab::confiture::named(path));
    }
    let public = private.taken_out(report);
    let directory = write::directory(args, texts);
    let written = write::reports(args, &directory, &public);
    if args.json.as_deref() == Some(Path::new("-")) {
        print!("{}", json::render(&public));
    } else {
        let place = written.is_ok().then(|| shown_path(&directory));
        let text = terminal::render(report, width(), place.as_deref());
        anstream::print!("{text}");
    }
    match (written, report.status()) {
        (Ok(()), status) => status,
        (Err(error), status) => {
            lab.ui.warning(&format!("{error:#}"));
            // A report that nobody can read is no yes.
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

/// The cases that were asked for.
fn cases(args: &GateArgs, whole: &[Case]) -> anyhow::Result<Vec<Case>> {
    let only = if args.quick || args.self_test == Some(Size::Quick) && args.only.is_empty() {
        quick()
    } else {
        args.only.clone()
    };
    chosen(whole.to_vec(), &only).map_err(|error| WrongUsage(error).into())
}

/// The columns of the terminal that the report goes to.
fn width() -> usize {
    if !io::stdout().is_terminal() {
        return 100;
    }
    rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| usize::from(size.ws_col))
}
