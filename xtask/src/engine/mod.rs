//! `cargo xtask engine`: whole deploys with the published fraisier, through the program and
//! compiled in, judged by what is in the database and on the machine afterwards.

mod config;
mod install;
mod look;
mod stand;
mod stories;
mod table;
mod way;

use std::time::Instant;

use anyhow::{Context as _, ensure};

use self::install::Engines;
use self::stand::Stand;
use self::stories::{STORIES, Story};
use self::table::{Cell, Column, Outcome, Table};
use self::way::Way;
use crate::exit::Unexpected;
use crate::help;
use contract_lab::confiture::{Candidate, Installed, install};
use contract_lab::interrupt::{self, Interrupted};
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::{Server, ServerArgs};
use contract_lab::ui::{Ui, seconds};
use contract_lab::{Lab, LabArgs};

/// `--help`, after the options.
pub fn help() -> String {
    help::help(
        "\
         fraisier 1.0.0-beta.14 is installed twice into the cache, from the package registry: as \
         it is, and with our drop-in for the adapter that it compiles in. It needs Rust 1.95, and \
         some minutes the first time. Each deploy gets a project, a database and stand-ins for \
         systemctl and nginx of its own.",
        &[
            (
                "cargo xtask engine",
                "everything, with 0.22.0, 0.23.0 and the newest",
            ),
            (
                "cargo xtask engine --quick",
                "what .ci/run asks, with the newest",
            ),
            (
                "cargo xtask engine --story killed --way program \\\n    --confiture 0.23.0",
                "one story, one way, with one release",
            ),
        ],
    )
}

/// The releases that every story is told with: without a window verdict, with one that is wrong
/// now and then, and the newest.
const RELEASES: [&str; 3] = ["0.22.0", "0.23.0", "newest"];

/// How many stories run at a time. A deploy waits for its server as long as it computes.
const LANES: usize = 3;

/// What the deploys can be told.
#[derive(Debug, clap::Args)]
pub struct EngineArgs {
    /// The stories that show most, with the newest confiture only
    #[arg(long, conflicts_with_all = ["confiture", "story"])]
    quick: bool,

    /// A story to tell, instead of all; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = names())]
    story: Vec<String>,

    /// How the engine reaches the adapter, instead of both ways
    #[arg(long)]
    way: Option<Way>,

    /// Which confiture: a release such as 0.22.0, `newest`, or the path of a binary; may be given
    /// more than once
    #[arg(long, value_name = "RELEASE|PATH")]
    confiture: Vec<Candidate>,

    #[command(flatten)]
    server: ServerArgs,

    #[command(flatten)]
    lab: LabArgs,
}

fn names() -> clap::builder::PossibleValuesParser {
    STORIES
        .iter()
        .map(|story| story.name)
        .collect::<Vec<_>>()
        .into()
}

/// Runs the deploys.
///
/// # Errors
/// What is missing, or what was not as expected.
pub fn run(args: EngineArgs) -> anyhow::Result<()> {
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let releases: Vec<Candidate> = match args.confiture.as_slice() {
        [] if args.quick => vec![Candidate::Newest],
        [] => RELEASES
            .iter()
            .map(|it| it.parse())
            .collect::<Result<_, _>>()?,
        named => named.to_vec(),
    };
    let confitures = releases
        .iter()
        .map(|candidate| install(&lab, candidate))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let ways = args.way.map_or(Way::BOTH.to_vec(), |way| vec![way]);
    let engines = Engines::provide(&lab, &ways, args.server.programs(&lab)?)?;
    let server = args.server.open(&lab)?;

    let mut tellings = Vec::new();
    for story in STORIES {
        let wanted = args.story.is_empty() || args.story.iter().any(|name| name == story.name);
        for &way in &ways {
            let told = wanted && (!args.quick || story.quick.contains(&way)) && story.is_for(way);
            let each = confitures.iter().filter(|_| told);
            tellings.extend(each.map(|confiture| Telling {
                story,
                way,
                confiture,
            }));
        }
    }
    ensure!(!tellings.is_empty(), "no story is told");
    let bar = lab.ui.bar(tellings.len() as u64, "deploying");
    let cells = in_parallel(LANES, &tellings, |telling| {
        let began = Instant::now();
        let cells = telling.tell(&server, &engines)?;
        let bad = cells
            .iter()
            .any(|cell| matches!(cell.outcome, Outcome::Fault(_)));
        lab.ui.note(&format!(
            "{}: {} ({})",
            telling.title(),
            if bad {
                "NOT as expected"
            } else {
                "as expected"
            },
            seconds(began.elapsed()),
        ));
        bar.advance();
        Ok(cells)
    });
    drop(bar);
    let table = Table::new(cells?.into_iter().flatten());
    table.print();
    match table.faults() {
        0 => Ok(()),
        faults => Err(Unexpected(format!("{faults} steps are not as expected")).into()),
    }
}

/// A story, with the engine and the confiture that it is told with.
struct Telling<'a> {
    story: &'a Story,
    way: Way,
    confiture: &'a Installed,
}

impl Telling<'_> {
    fn title(&self) -> String {
        let (way, version) = (self.way.words(), &self.confiture.version);
        format!("{way}, {version}, {}", self.story.name)
    }

    /// Takes its steps, up to the first that is not as expected.
    fn tell(&self, server: &Server, engines: &Engines) -> anyhow::Result<Vec<Cell>> {
        let mut stand = Stand::new(server, engines, self.confiture, self.way)?;
        let begin = self.story.before.unwrap_or(|_| Ok(()));
        let mut before = begin(&mut stand).context("before it");
        let mut cells = Vec::new();
        let mut reached = true;
        for step in self.story.steps {
            interrupt::check()?;
            if step.only.is_some_and(|only| only != self.way) {
                continue;
            }
            let outcome = if reached {
                let before = std::mem::replace(&mut before, Ok(()));
                match before.and_then(|()| (step.run)(&mut stand)) {
                    Err(error) if error.is::<Interrupted>() => return Err(error),
                    Err(error) => Outcome::Fault(format!("{error:#}")),
                    Ok(()) => Outcome::AsExpected,
                }
            } else {
                Outcome::NotReached
            };
            reached = outcome == Outcome::AsExpected;
            cells.push(Cell {
                step: step.name,
                column: Column {
                    way: self.way,
                    release: stand.release,
                },
                outcome,
            });
        }
        Ok(cells)
    }
}
