//! Connections that are cut in the middle of an `up` or `down_to`, after each of its messages: what
//! is said about the database then, and what is in it.

mod message;
pub(super) mod proxy;
mod statement;

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::Lab;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::parallel::in_parallel;
use contract_lab::postgres::look::{self, ledger};
use contract_lab::postgres::{Database, Server};
use contract_lab::runner::database::{endpoint, settle};
use contract_lab::ui::{self, bad, faint, good, heading};
use contract_tests::connection::Endpoint;
use contract_tests::project::Project;
use contract_tests::release::Release;
use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationOutcome};
use fraisier_adapter_confiture::ConfitureMigration;

use self::message::Message;
use self::proxy::Proxy;
use self::statement::{Said, Statement, compare};
use super::direction::Direction;
use crate::exit::Unexpected;

/// Releases that read a lost connection differently: the second reports what it applied before, the
/// third more of it.
pub const RELEASES: [Release; 3] = [
    Release::new(0, 23, 0),
    Release::new(0, 44, 0),
    Release::new(1, 29, 0),
];

/// How many cuts are made at a time. A call waits for its server as long as it computes.
const LANES: usize = 3;
/// A call that hangs after a cut is stopped, and says what is known then.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// The versions of the project, in order.
const VERSIONS: [&str; 3] = ["001", "002", "003"];

fn project() -> Project {
    Project::empty()
        .migration("001_one", "CREATE TABLE one (id int);", "DROP TABLE one;")
        .migration("002_two", "CREATE TABLE two (id int);", "DROP TABLE two;")
        .migration(
            "003_three",
            "CREATE TABLE three (id int);",
            "DROP TABLE three;",
        )
}

/// Makes every `every`-th cut, and those at a commit, on one release.
///
/// # Errors
/// When something that is needed is missing, or a statement is false.
pub fn run(lab: &Lab, confiture: &Installed, server: &Server, every: usize) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    project().write(directory.path())?;
    let subject = Subject {
        program: &confiture.program,
        project: directory.path(),
        server,
    };
    let applied = server.create_unique_database("cut_applied")?;
    let up = subject.call(Direction::Up, &endpoint(server, applied.name(), "")?)?;
    up.context("the project cannot be applied")?;
    let mut falsehoods = Vec::new();
    for (direction, start) in [(Direction::Up, None), (Direction::Down, Some(&applied))] {
        let whole = subject.run(direction, start, None)?;
        ensure!(
            whole.statement.said == Said::Done && whole.statement.falsehood.is_none(),
            "{} fails although nothing is cut: {:?}",
            direction,
            whole.statement
        );
        let cuts = chosen(&whole.passed, every);
        let bar = lab
            .ui
            .bar(cuts.len() as u64, &format!("cutting {direction}"));
        let made = in_parallel(LANES, &cuts, |cut| {
            interrupt::check()?;
            let ran = subject.run(direction, start, Some(*cut));
            bar.advance();
            Ok((
                *cut,
                ran.with_context(|| format!("cut after message {cut}"))?,
            ))
        });
        drop(bar);
        let made = made?;
        print(confiture, direction, &whole.passed, &made);
        for (cut, ran) in made {
            if let Some(falsehood) = ran.statement.falsehood {
                let version = &confiture.version;
                falsehoods.push(format!(
                    "{version} {direction}, cut after {cut}: {falsehood}"
                ));
            }
        }
    }
    for falsehood in &falsehoods {
        ui::print(&format!("\n{} {falsehood}", bad("FALSE")));
    }
    if !falsehoods.is_empty() {
        let text = format!("{} statements are false", falsehoods.len());
        return Err(Unexpected(text).into());
    }
    Ok(())
}

/// The head of the lines that [`run`] prints.
pub fn print_head() {
    let head = line(
        "cut",
        "call",
        "cuts/of",
        ["done", "none", "exact", "least", "unknown"],
    );
    ui::print(&heading(&format!("{head} false")));
}

fn print(confiture: &Installed, direction: Direction, passed: &[Message], made: &[(usize, Ran)]) {
    let mut said: BTreeMap<Said, usize> = BTreeMap::new();
    let mut falsehoods = 0;
    for (_, ran) in made {
        *said.entry(ran.statement.said).or_default() += 1;
        falsehoods += usize::from(ran.statement.falsehood.is_some());
    }
    let kinds = [
        Said::Done,
        Said::Nothing,
        Said::Exactly,
        Said::AtLeast,
        Said::Unknown,
    ];
    let counts = kinds.map(|kind| said.get(&kind).copied().unwrap_or_default().to_string());
    let cuts = format!("{}/{}", made.len(), passed.len());
    let line = line(
        &confiture.version,
        &direction.to_string(),
        &cuts,
        counts.each_ref().map(String::as_str),
    );
    let last = format!("{falsehoods:>5}");
    let last = if falsehoods == 0 {
        good(&last)
    } else {
        bad(&last)
    };
    ui::print(&format!("{line} {last}"));
}

/// A line without its last column, 60 columns wide with it.
fn line(release: &str, call: &str, cuts: &str, said: [&str; 5]) -> String {
    let [done, none, exact, least, unknown] = said;
    format!(
        "{release:<7} {call:<7} {cuts:>8} {done:>4} {none:>4} {exact:>5} {least:>5} {unknown:>7}"
    )
}

/// What the columns mean.
pub fn print_legend() {
    ui::print(&faint(
        "of: the messages of a whole call. What is said after a cut:\n\
         done; none changed; exactly these; at least these; unknown.\n\
         false: the ledger says otherwise",
    ));
}

/// Every `every`-th message, and those that ask for a commit or acknowledge it.
fn chosen(passed: &[Message], every: usize) -> Vec<usize> {
    let wanted = |(at, message): &(usize, &Message)| at % every.max(1) == 0 || message.commits;
    let numbered = (1..).zip(passed);
    numbered.filter(wanted).map(|(at, _)| at).collect()
}

/// What is called.
struct Subject<'a> {
    program: &'a Path,
    project: &'a Path,
    server: &'a Server,
}

/// One call, and what is true of it.
struct Ran {
    passed: Vec<Message>,
    statement: Statement,
}

impl Subject<'_> {
    /// Makes the call in a database of its own, through a proxy that cuts after so many messages.
    fn run(
        &self,
        direction: Direction,
        start: Option<&Database<'_>>,
        cut_after: Option<usize>,
    ) -> anyhow::Result<Ran> {
        let database = match start {
            Some(template) => self.server.create_unique_copy("cut", template)?,
            None => self.server.create_unique_database("cut")?,
        };
        let direct = endpoint(self.server, database.name(), "")?;
        let proxy = Proxy::start(address(&direct)?, cut_after)?;
        let through = Endpoint {
            host: "127.0.0.1".to_owned(),
            port: proxy.port(),
            ..direct.clone()
        };
        let before = ledger(&mut database.connect()?)?;
        let answer = self.call(direction, &through)?;
        // The server may still be at the commit that it was asked for.
        settle(&direct, 0)?;
        let after = ledger(&mut database.connect()?)?;
        let torn = torn(&database, &after)?;
        let (changed, all): (Vec<String>, &[&str]) = match direction {
            Direction::Down => {
                let gone = before.iter().filter(|version| !after.contains(version));
                (gone.rev().cloned().collect(), &["003", "002"])
            }
            Direction::Up => (after, &VERSIONS),
        };
        let mut statement = compare(direction, &answer, &changed, all)
            .map_err(|message| anyhow::anyhow!("nothing is said about the database: {message}"))?;
        statement.falsehood = statement.falsehood.or(torn);
        Ok(Ran {
            passed: proxy.passed(),
            statement,
        })
    }

    fn call(
        &self,
        direction: Direction,
        endpoint: &Endpoint,
    ) -> anyhow::Result<Result<MigrationOutcome, AdapterError>> {
        let adapter = ConfitureMigration::builder()
            .program(self.program)
            .timeout(ENDS_WITHIN)
            .build();
        let mut ctx =
            AdapterCtx::new("shop", "live").with_resolved_secret("DATABASE_URL", endpoint.dsn());
        ctx.workdir = self.project.into();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(runtime.block_on(direction.migrate(&adapter, &ctx)))
    }
}

fn address(endpoint: &Endpoint) -> anyhow::Result<SocketAddr> {
    let mut addresses = (endpoint.host.as_str(), endpoint.port).to_socket_addrs()?;
    addresses.next().context("the server has no address")
}

/// Which table is there although the ledger has not its migration, or the other way round.
fn torn(database: &Database<'_>, ledger: &[String]) -> anyhow::Result<Option<String>> {
    let mut client = database.connect()?;
    for (version, table) in VERSIONS.iter().zip(["one", "two", "three"]) {
        let there = look::is_there(&mut client, table)?;
        if there != ledger.iter().any(|applied| applied == version) {
            return Ok(Some(format!(
                "the ledger is {ledger:?}, and table {table} differs"
            )));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::message::Sender;
    use super::*;

    #[test]
    fn a_choice_of_cuts_has_every_commit() {
        let message = |commits| Message {
            sender: Sender::Client,
            commits,
        };
        let passed = [false, true, false, false, false].map(message);
        assert_eq!(chosen(&passed, 4), [2, 4]);
        assert_eq!(chosen(&passed, 1), [1, 2, 3, 4, 5]);
    }
}
