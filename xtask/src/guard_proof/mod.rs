//! `cargo xtask guard-proof`: checks what the window guard recognises against PostgreSQL's parser.

mod generate;

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::Context as _;
use contract_lab::command;
use contract_lab::parallel::in_parallel;
use contract_lab::ui::Ui;
use contract_lab::{Lab, LabArgs, interrupt, parser};
use fraisier_adapter_confiture::tools::replay::guard_recognises;
use serde::Deserialize;

use self::generate::Generator;
use crate::exit::Unexpected;

/// The script that judges the files; its head explains it.
const JUDGE: &str = include_str!("judge.py");

/// How many findings are printed.
const PRINTED: usize = 20;

/// The options of the proof.
#[derive(Debug, clap::Args)]
pub struct GuardProofArgs {
    /// How many files are generated
    #[arg(long, default_value_t = 300_000, value_name = "N")]
    files: u64,

    /// Which files: the same seed makes the same ones
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// How many are made and judged at the same time; as many as there are processors by default
    #[arg(long, value_name = "N")]
    jobs: Option<u64>,

    #[command(flatten)]
    lab: LabArgs,
}

/// The judgements of the files that the guard recognised.
#[derive(Debug, Default, Deserialize)]
struct Tally {
    #[serde(skip)]
    recognised: u64,
    /// The version of PostgreSQL whose parser it is.
    parser: String,
    /// How many files PostgreSQL parses.
    read: u64,
    /// How many it does not parse.
    refused: u64,
    /// The statements in them, by their kinds.
    statements: BTreeMap<String, u64>,
    /// A statement that must not be recognised, and the file that contains it.
    findings: Vec<(String, String)>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.parser = other.parser;
        self.recognised += other.recognised;
        self.read += other.read;
        self.refused += other.refused;
        for (kind, count) in other.statements {
            *self.statements.entry(kind).or_default() += count;
        }
        self.findings.extend(other.findings);
    }
}

/// Generates the files and has them judged.
pub fn run(args: GuardProofArgs) -> anyhow::Result<()> {
    let lab = Lab::new(args.lab, Ui::stderr())?;
    let python = parser::provision(&lab)?;
    let processors = thread::available_parallelism().map_or(1, |it| it.get() as u64);
    let jobs = args.jobs.unwrap_or(processors).max(1);
    let task = lab.ui.task("files held against PostgreSQL's parser");
    let began = Instant::now();
    let keywords = keywords(&python)?;
    let jobs: Vec<u64> = (0..jobs).collect();
    let tallies = in_parallel(jobs.len(), &jobs, |job| {
        let count = jobs.len() as u64;
        let files = args.files / count + u64::from(*job < args.files % count);
        let generator = Generator::new(args.seed ^ job.rotate_right(8), keywords.clone());
        hold(&python, files, generator)
    });
    let mut tally = Tally::default();
    for found in tallies {
        tally.add(found?);
    }
    task.finish("files held against PostgreSQL's parser");
    conclude(args.files, args.seed, &tally, began.elapsed().as_secs())
}

fn conclude(files: u64, seed: u64, tally: &Tally, seconds: u64) -> anyhow::Result<()> {
    let Tally {
        read,
        refused,
        statements,
        ..
    } = tally;
    anstream::println!(
        "{files} files from seed {seed} in {seconds} s; the guard recognises {} different ones\n\
         of these, the parser of PostgreSQL {} reads {read} and refuses {refused}",
        tally.recognised,
        tally.parser
    );
    for (kind, count) in statements {
        anstream::println!("  {count:>9}  {kind}");
    }
    anyhow::ensure!(
        read + refused == tally.recognised,
        "the judge counted other files than it was given, so this proves nothing; correct judge.py"
    );
    if tally.findings.is_empty() {
        let none = statements.iter().filter(|(_, count)| **count == 0);
        let none: Vec<&str> = none.map(|(kind, _)| kind.as_str()).collect();
        let text = format!(
            "the guard recognised none of these, so nothing is proved of them: {}. Next: raise --files, \
             or mend the guard or the grammar of the generator",
            none.join(", ")
        );
        let proved = none.is_empty() && !statements.is_empty();
        anyhow::ensure!(proved, Unexpected(text));
        anstream::println!("recognised in error: 0");
        return Ok(());
    }
    let mut findings: Vec<_> = tally.findings.iter().collect();
    findings.sort_by_key(|(_, sql)| sql.len());
    for (finding, sql) in findings.iter().take(PRINTED) {
        anstream::println!("  {finding}: {sql:?}");
    }
    let count = findings.len();
    Err(Unexpected(format!(
        "the guard recognises {count} files that it must not"
    ))
    .into())
}

/// The keywords of the parser's grammar.
fn keywords(python: &Path) -> anyhow::Result<Vec<String>> {
    let output = command::run(Command::new(python).args(["-I", "-c", JUDGE, "keywords"]))?;
    serde_json::from_str(&output.stdout).with_context(|| output.stderr.clone())
}

/// Generates files, and passes those that the guard recognises to a judge of their own.
fn hold(python: &Path, files: u64, mut generator: Generator) -> anyhow::Result<Tally> {
    let mut judge = Command::new(python)
        .args(["-I", "-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", python.display()))?;
    let mut input = BufWriter::new(judge.stdin.take().context("its input")?);
    let mut distinct = HashSet::new();
    for _ in 0..files {
        interrupt::check()?;
        let file = generator.file();
        if guard_recognises(&file) && distinct.insert(hash(&file)) {
            input.write_all(&u32::try_from(file.len())?.to_le_bytes())?;
            input.write_all(file.as_bytes())?;
            generator.remember(file);
        }
    }
    input.flush()?;
    drop(input);
    let judged = judge.wait_with_output()?;
    let failed = || {
        format!(
            "the judge ended with {}; see its output above",
            judged.status
        )
    };
    Ok(Tally {
        recognised: distinct.len() as u64,
        ..serde_json::from_slice(&judged.stdout).with_context(failed)?
    })
}

fn hash(file: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    hasher.finish()
}
