//! Cuts the connection of an `up` or `down_to` after each of its messages, and compares what is reported
//! about the database with what is in it.

pub(super) mod message;
pub(super) mod proxy;
mod statement;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_catalogue::connection::Endpoint;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::Database;
use contract_lab::runner::database::{endpoint, settle};

use self::message::Message;
use self::proxy::{Interferes, Proxy, address};
use self::statement::{Claim, Statement, compare};
use super::Group;
use super::call::Direction;
use crate::harness::{Scene, World};
use crate::stage::{Stage, block_on, state};

pub const GROUP: Group = Group {
    name: "cut",
    // Releases that report a lost connection differently: the second reports what it applied before, the
    // third more details of it.
    releases: &["0.23.0", "0.44.0", "1.29.0"],
    scenes: |args, _| {
        let every = args.every;
        let scene = |direction: Direction| {
            Scene::new(direction.to_string(), move |world, confiture| {
                cuts(world, confiture, direction, every)
            })
        };
        [Direction::Up, Direction::Down].map(scene).into()
    },
};

/// After this many messages no client is logged in yet, so nothing can have changed.
const NOT_LOGGED_IN: usize = 3;

/// How many cuts are made at a time: a call waits for its server for as long as it computes.
const LANES: usize = 3;
/// A call that hangs after a cut is stopped, and reports what is known then.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// The versions of the project, in order.
const VERSIONS: [&str; 3] = ["001", "002", "003"];

/// Cuts after every `every`-th message of the call, and after those of a commit.
fn cuts(
    world: &World,
    confiture: &Installed,
    direction: Direction,
    every: usize,
) -> anyhow::Result<()> {
    let stage = Stage::new(world, confiture)?;
    for version in VERSIONS {
        stage.project.table(version)?;
    }
    if direction == Direction::Down {
        stage.up()?;
    }
    let whole = cut(&stage, direction, None)?;
    ensure!(
        whole.statement.claim == Claim::Done && whole.statement.falsehood.is_none(),
        "{direction} fails although nothing is cut: {:?}",
        whole.statement
    );
    let cuts = chosen(&whole.passed, every);
    let label = format!("{}: {direction} cut", confiture.version);
    let bar = world.lab.ui.bar(cuts.len() as u64, &label);
    let made = in_parallel(LANES, &cuts, |at| {
        interrupt::check()?;
        let made = cut(&stage, direction, Some(*at));
        bar.advance();
        Ok((*at, made.with_context(|| format!("cut after {at}"))?))
    });
    drop(bar);
    let made: Vec<(usize, Ran)> = made.into_iter().collect::<anyhow::Result<_>>()?;
    let mut claims: BTreeMap<Claim, usize> = BTreeMap::new();
    for (_, ran) in &made {
        *claims.entry(ran.statement.claim).or_default() += 1;
    }
    world.lab.ui.note(&format!(
        "{label} {} times in {} messages, then reported: {claims:?}",
        made.len(),
        whole.passed.len(),
    ));
    let falsehoods: Vec<String> = made
        .into_iter()
        .filter_map(|(at, ran)| Some(format!("cut after {at}: {}", ran.statement.falsehood?)))
        .collect();
    ensure!(falsehoods.is_empty(), "{}", falsehoods.join("\n"));
    Ok(())
}

/// The first messages, every `every`-th, and those that ask for a commit or acknowledge it.
fn chosen(passed: &[Message], every: usize) -> Vec<usize> {
    let wanted = |(at, message): &(usize, &Message)| {
        *at <= NOT_LOGGED_IN || at % every.max(1) == 0 || message.commits
    };
    let numbered = (1..).zip(passed);
    numbered.filter(wanted).map(|(at, _)| at).collect()
}

/// One call, and the facts about it.
struct Ran {
    passed: Vec<Message>,
    statement: Statement,
}

/// Makes the call in a database of its own, through a proxy that cuts after so many messages.
fn cut(stage: &Stage<'_>, direction: Direction, cut_after: Option<usize>) -> anyhow::Result<Ran> {
    let server = &stage.world.server;
    let database: Database<'_> = server.create_unique_copy("cut", &stage.database)?;
    let direct = endpoint(server, database.name(), "")?;
    let interferes = cut_after.map_or(Interferes::Never, Interferes::CutsAfter);
    let proxy = Proxy::start(address(&direct)?, interferes)?;
    let through = Endpoint {
        host: "127.0.0.1".to_owned(),
        port: proxy.port(),
        ..direct.clone()
    };
    let before = state(&database)?;
    let adapter = stage.builder().timeout(ENDS_WITHIN).build();
    let ctx = stage.ctx_with(&through.dsn());
    let result = block_on(direction.migrate(&adapter, &ctx));
    // The server may still be at the commit that it was asked for.
    settle(&direct, 0)?;
    let after = state(&database)?;
    let (changed, all): (Vec<String>, &[&str]) = match direction {
        Direction::Down => {
            let gone = before.iter().filter(|version| !after.contains(version));
            (gone.rev().cloned().collect(), &["003", "002"])
        }
        Direction::Up => (after, &VERSIONS),
    };
    let returned = result
        .as_ref()
        .map_err(|failure| (failure.kind(), failure.state()));
    let mut statement = compare(returned, &changed, all);
    if statement.claim == Claim::Unknown
        && (cut_after.is_some_and(|at| at <= NOT_LOGGED_IN)
            || direction == Direction::Up && changed.len() > 1)
    {
        // A first migration was reported before the next began.
        let known = format!("unknown, although {changed:?} could be known: {result:?}");
        statement.falsehood = Some(known);
    }
    Ok(Ran {
        passed: proxy.passed(),
        statement,
    })
}

#[cfg(test)]
mod tests {
    use super::message::Sender;
    use super::*;

    #[test]
    fn every_commit_is_among_the_cuts() {
        let message = |commits| Message {
            sender: Sender::Client,
            commits,
        };
        let passed = [false, false, false, false, true, false, false].map(message);
        assert_eq!(chosen(&passed, 6), [1, 2, 3, 5, 6]);
        assert_eq!(chosen(&passed, 1), [1, 2, 3, 4, 5, 6, 7]);
    }
}
