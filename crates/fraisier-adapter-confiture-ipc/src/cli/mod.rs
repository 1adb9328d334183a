//! The program as people start it.

mod help;
mod show;
mod wait;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use fraisier_adapter_api::Revision;
use serde_json::value::RawValue;

use self::wait::Wait;
use crate::answer::{self, CallError, Ending};
use crate::doctor;
use crate::exit::Status;
use crate::limit::Limit;
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
    command: Option<Command>,

    #[command(flatten)]
    project: Project,

    /// The confiture to run; it comes before `FRAISIER_CONFITURE_BIN`
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        value_parser = PathBufValueParser::new().try_map(options::executable)
    )]
    confiture: Option<PathBuf>,

    /// Print the JSON that fraisier gets, and nothing else
    #[arg(long, global = true)]
    json: bool,
}

impl Cli {
    fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let command = help::with_subcommands(Self::command());
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Which confiture is installed, and what it can do
    Describe,
    /// The revision that the database is at
    Current {
        /// All applied revisions, last applied first: those that `down-to` accepts
        #[arg(long)]
        all: bool,
    },
    /// Whether the migrations can be applied, and whether old code may run on meanwhile
    Preflight,
    /// Whether what was applied is what the database holds
    Verify,
    /// Apply pending migrations
    Up {
        /// The last migration to apply, instead of all
        #[arg(long, value_name = "REVISION")]
        target: Option<String>,
    },
    /// Roll back what was applied after a revision
    DownTo {
        /// The revision to go back to
        #[arg(value_name = "REVISION")]
        target: String,
    },
    /// What stands in the way of a deploy: program, files, connection, ledger, locks
    Doctor,
}

impl Command {
    /// The call that it makes; none, when it only looks.
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
    let cli = match Cli::from_arguments(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // An error of the output cannot be printed either.
            let _ = error.print();
            return if error.use_stderr() {
                Status::Usage
            } else {
                Status::Done
            };
        }
    };
    let Some(command) = cli.command else {
        let _ = write!(io::stderr(), "{}", Cli::command().render_help().ansi());
        return Status::Usage;
    };
    let confiture = cli.confiture.as_deref();
    match command.call(&cli.project) {
        Some(call) => make(call, confiture, cli.json),
        None => look(&cli.project, confiture, cli.json),
    }
}

/// Makes the checks of `doctor` and shows what they found.
fn look(project: &Project, confiture: Option<&Path>, json: bool) -> Status {
    let runtime = match runtime::start() {
        Ok(runtime) => runtime,
        Err(error) => {
            page::error(&error);
            return tell(Err(error.into()), &Page::default(), json, Status::Failed);
        }
    };
    let wait = Wait::new("doctor");
    let diagnosis = runtime.block_on(async {
        tokio::select! {
            diagnosis = doctor::examine(project, confiture) => Some(diagnosis),
            () = stop::signalled() => None,
            never = wait.tell() => match never {},
        }
    });
    wait.clear();
    let Some(diagnosis) = diagnosis else {
        return Status::Stopped;
    };
    let printed = if json {
        print_json(serde_json::to_vec(&diagnosis))
    } else {
        diagnosis.page().print()
    };
    printed.map_or(Status::Unheard, |()| diagnosis.exit())
}

fn print_json(json: serde_json::Result<Vec<u8>>) -> io::Result<()> {
    let mut json = json?;
    json.push(b'\n');
    io::stdout().lock().write_all(&json)
}

/// Makes a call of the adapter and shows its answer.
fn make(call: Call, confiture: Option<&Path>, json: bool) -> Status {
    let method = call.method();
    let wait = Wait::new(method);
    let (answer, status) = answered(call, confiture, &wait);
    wait.clear();
    let (status, page) = match &answer {
        Ok(result) => match show::result(method, result.get()) {
            Ok(shown) => shown,
            Err(why) => {
                let _ = writeln!(io::stderr(), "error: the answer cannot be shown: {why}");
                return Status::Failed;
            }
        },
        Err(error) => {
            page::error(error);
            (status, Page::default())
        }
    };
    tell(answer, &page, json, status)
}

/// Prints an answer, as fraisier gets it or as its page, and gives the status that the program ends
/// with.
fn tell(
    answer: Result<Box<RawValue>, CallError>,
    page: &Page,
    json: bool,
    status: Status,
) -> Status {
    let printed = if json {
        print_json(Response::by_hand(answer).to_json())
    } else {
        page.print()
    };
    printed.map_or(Status::Unheard, |()| status)
}

/// The answer to a call, and the status that the program ends with when it is an error.
fn answered(
    call: Call,
    confiture: Option<&Path>,
    wait: &Wait,
) -> (Result<Box<RawValue>, CallError>, Status) {
    let adapter = match options::builder(Caller::Person, confiture) {
        Ok(builder) => builder.observer(Arc::new(wait.clone())).build(),
        Err(error) => return (Err(error.into()), Status::Usage),
    };
    let limit = Limit(adapter.timeout());
    let runtime = match runtime::start() {
        Ok(runtime) => runtime,
        Err(error) => return (Err(error.into()), Status::Failed),
    };
    let stop = async {
        stop::signalled().await;
        stop::Why::Signal
    };
    let ending = runtime.block_on(async {
        tokio::select! {
            ending = answer::make(adapter, call, limit, stop) => ending,
            never = wait.tell() => match never {},
        }
    });
    match ending {
        Ending::Answered(answer) => (answer.map_err(|error| limit.explain(error)), Status::Failed),
        Ending::Stopped(_, error) => (Err(error), Status::Stopped),
    }
}

#[cfg(test)]
mod tests;
