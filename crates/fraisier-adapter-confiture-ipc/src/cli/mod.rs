//! The program as people start it.

mod help;
mod show;
mod wait;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Parser, Subcommand};
use fraisier_adapter_api::Revision;

use self::wait::Wait;
use crate::answer::{self, Answer};
use crate::doctor;
use crate::exit::Status;
use crate::options::{self, Caller};
use crate::page::{self, Page};
use crate::project::Project;
use crate::request::Call;
use crate::response::Response;
use crate::runtime;
use crate::serve;
use crate::stop;

/// Deploy with confiture from fraisier, and see what fraisier would see
#[derive(Debug, Parser)]
#[command(name = "fraisier-adapter-confiture-ipc", version)]
#[command(after_help = help::short(), after_long_help = help::long())]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    project: Project,

    /// The confiture to run; it comes before `FRAISIER_CONFITURE_BIN`
    #[arg(long, global = true, value_name = "PATH")]
    #[arg(value_parser = PathBufValueParser::new().try_map(options::executable))]
    confiture: Option<PathBuf>,

    /// Print the JSON that fraisier gets, and nothing else
    #[arg(long, global = true)]
    json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Which confiture is installed, and what it can do
    #[command(after_long_help = help::of_a_call())]
    Describe,
    /// The revision that the database is at
    #[command(after_long_help = help::of_a_call())]
    Current {
        /// All applied revisions, last applied first: those that `down-to` accepts
        #[arg(long)]
        all: bool,
    },
    /// Whether the migrations can be applied, and whether old code can keep running meanwhile
    #[command(after_long_help = help::of_a_call())]
    Preflight,
    /// Whether the database passes the .verify.sql files of the applied migrations
    #[command(after_long_help = help::of_a_call())]
    Verify,
    /// Apply pending migrations
    #[command(after_long_help = help::of_a_call())]
    Up {
        /// The last migration to apply, instead of all
        #[arg(long, value_name = "REVISION")]
        target: Option<String>,
    },
    /// Roll back what was applied after a revision
    #[command(after_long_help = help::of_a_call())]
    DownTo {
        /// The revision to go back to
        #[arg(value_name = "REVISION")]
        target: String,
    },
    /// What would make a deploy fail: program, files, connection, ledger, locks
    #[command(after_long_help = help::of_doctor())]
    Doctor,
}

impl Command {
    /// The call that it makes; none for `doctor`.
    fn call(self, project: &Project) -> Option<Call> {
        Some(match self {
            Self::Doctor => return None,
            Self::Describe => Call::Describe,
            Self::Current { all: false } => Call::CurrentRevision(project.ctx()),
            Self::Current { all: true } => Call::Applied(project.ctx()),
            Self::Preflight => Call::Preflight(project.ctx()),
            Self::Verify => Call::Verify(project.ctx()),
            Self::Up { target } => Call::Up(project.ctx(), target.map(Revision)),
            Self::DownTo { target } => Call::DownTo(project.ctx(), Revision(target)),
        })
    }
}

/// The whole program.
#[must_use]
pub fn main() -> Status {
    if std::env::args_os().len() == 1 && !io::stdin().is_terminal() {
        return serve::serve();
    }
    // Also prints the help, and ends the program with the status for wrong arguments.
    let cli = Cli::parse();
    let confiture = cli.confiture.as_deref();
    match cli.command.call(&cli.project) {
        Some(call) => make(call, confiture, cli.json),
        None => look(&cli.project, confiture, cli.json),
    }
}

/// Makes the checks of `doctor` and prints what they found.
fn look(project: &Project, confiture: Option<&Path>, json: bool) -> Status {
    let runtime = match runtime::start() {
        Ok(runtime) => runtime,
        Err(error) => return print(Err(error.into()), "doctor", Status::Failed, json),
    };
    let diagnosis = async {
        tokio::select! {
            diagnosis = doctor::examine(project, confiture) => Some(diagnosis),
            _ = stop::signalled() => None,
        }
    };
    let Some(diagnosis) = runtime.block_on(Wait::new("doctor").during(diagnosis)) else {
        return Status::Stopped;
    };
    let printed = if json {
        print_json(serde_json::to_vec(&diagnosis))
    } else {
        diagnosis.page().print()
    };
    printed.map_or(Status::Unheard, |()| diagnosis.exit())
}

/// Makes a call of the adapter and prints its answer.
fn make(call: Call, confiture: Option<&Path>, json: bool) -> Status {
    let method = call.method();
    let (answer, failed) = answered(call, confiture);
    print(answer, method, failed, json)
}

/// The answer to a call, and the status that the program ends with when it is an error.
fn answered(call: Call, confiture: Option<&Path>) -> (Answer, Status) {
    let builder = match options::builder(Caller::Person, confiture) {
        Ok(builder) => builder,
        Err(error) => return (Err(error.into()), Status::Usage),
    };
    let runtime = match runtime::start() {
        Ok(runtime) => runtime,
        Err(error) => return (Err(error.into()), Status::Failed),
    };
    let wait = Wait::new(call.method());
    let adapter = builder.observer(Arc::new(wait.clone())).build();
    let made = answer::make(adapter, call, stop::signalled());
    let (answer, stopped) = runtime.block_on(wait.during(made));
    (answer, stopped.map_or(Status::Failed, |_| Status::Stopped))
}

/// Prints an answer, as fraisier gets it or for people, and returns the status that the program ends with: `failed`
/// for an error.
fn print(answer: Answer, method: &str, failed: Status, json: bool) -> Status {
    let (status, page) = match &answer {
        Ok(result) => show::result(method, result.get()).expect("the JSON of this method's result"),
        Err(error) => {
            page::error(&error.error);
            (failed, Page::default())
        }
    };
    let printed = if json {
        print_json(Response::by_hand(answer).to_json())
    } else {
        page.print()
    };
    printed.map_or(Status::Unheard, |()| status)
}

fn print_json(json: serde_json::Result<Vec<u8>>) -> io::Result<()> {
    let mut json = json?;
    json.push(b'\n');
    io::stdout().lock().write_all(&json)
}

#[cfg(test)]
mod tests;
