//! Replays a recording through the adapter: as a process, and as bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, bail, ensure};
use fraisier_adapter_api::{AdapterError, Revision};
use fraisier_adapter_confiture::Failure;
use fraisier_adapter_confiture::tools::Redactor;
use fraisier_adapter_confiture::tools::ledger;
use fraisier_adapter_confiture::tools::process::{Captured, Exit, Output};
use fraisier_adapter_confiture::tools::replay::set_variables;
use fraisier_adapter_confiture::tools::replay::{self, Command, Preflight, VerifyFiles};
use serde::Serialize;
use serde_json::{Value, json as value};

use crate::ask::{Answer, ask, builder, context, json};
use crate::call::Call;
use crate::case::{Case, Database};
use crate::connection::{CONFITURE_DATABASE_URL, DATABASE_URL, PGPASSWORD};
use crate::front;
use crate::normalise::{Names, normalise};
use crate::project::MIGRATIONS;
use crate::recording::{RecordedCall, Recording};
use crate::release::Release;
use crate::script::{Line, Played, SCRIPT, Script, log_of};
use crate::site::{PASSWORD, Site};
use crate::surface;

/// The recording of a release's `--version`.
pub const VERSION: &str = "surface/version";

/// The results of one replay.
#[derive(Debug)]
pub struct Replayed {
    /// How many of the recorded calls the adapter made, not counting `--version`.
    pub calls: usize,
    /// The adapter's result.
    pub through_process: Answer,
    /// The result of decoding the recorded bytes; `None` for a call that the adapter never makes, which
    /// is read and not replayed.
    pub decoded: Option<Answer>,
    /// The directories and names of this replay alone.
    names: Names,
}

/// One case of one release, ready to be replayed.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// The release.
    pub release: Release,
    /// The case.
    pub case: &'a Case,
    /// Its recording.
    pub recording: &'a Recording,
    /// The release's [`VERSION`].
    pub version: &'a Recording,
}

impl Replay<'_> {
    /// Replays the case both ways, with `stand_in` as the binary.
    pub fn run(&self, stand_in: &Path) -> anyhow::Result<Replayed> {
        let root = tempfile::tempdir()?;
        let site = self.site(root.path());
        let call = &self.case.definition.call;
        if !call.is_operation() && *call != Call::Version {
            let read = surface::read(call, &self.recording.calls[0])?;
            return Ok(Replayed {
                calls: 0,
                through_process: Ok(read),
                decoded: None,
                names: Names::new(),
            });
        }
        self.case.definition.project.write(&site.project)?;
        let program = self.put_in_place(root.path(), &site.names(), stand_in)?;
        let adapter = builder(&program, site.release).build();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let context = context(&self.case.definition, &site);
        let through_process = runtime.block_on(ask(&adapter, call, &context));
        drop(adapter);
        Ok(Replayed {
            calls: calls_made(&program)?,
            through_process,
            decoded: Some(self.decode(&site)),
            names: site.names(),
        })
    }

    /// The adapter's result for the recorded bytes, decoded without a process, and the site of that
    /// replay. There is no answer for a call that the adapter never makes.
    pub fn decoded(&self) -> anyhow::Result<(Option<Answer>, Site)> {
        let root = tempfile::tempdir()?;
        let site = self.site(root.path());
        let call = &self.case.definition.call;
        if !call.is_operation() && *call != Call::Version {
            return Ok((None, site));
        }
        self.case.definition.project.write(&site.project)?;
        Ok((Some(self.decode(&site)), site))
    }

    /// The answer of the replay in the form of a snapshot.
    pub fn snapshot(&self, replayed: &Replayed) -> String {
        #[derive(Serialize)]
        struct Snapshot<'a> {
            calls: usize,
            #[serde(flatten)]
            answer: Shown<'a>,
            /// The decoded answer, where the adapter refuses before it makes the call.
            #[serde(skip_serializing_if = "Option::is_none")]
            unrefused: Option<Shown<'a>>,
        }
        let unrefused = replayed.decoded.as_ref().filter(|decoded| {
            replayed.calls == 0
                && self.case.definition.call.is_operation()
                && **decoded != replayed.through_process
        });
        let snapshot = Snapshot {
            calls: replayed.calls,
            answer: Shown::from(&replayed.through_process),
            unrefused: unrefused.map(Shown::from),
        };
        let text = serde_json::to_string_pretty(&snapshot).expect("an answer has a JSON form");
        let release = self.release;
        let names = replayed.names.clone().with(
            format!(r#""version": "{release}""#),
            r#""version": "<version>""#,
        );
        let names = names.with(format!("confiture {release}"), "confiture <version>");
        normalise(&text, &names) + "\n"
    }

    fn site(&self, root: &Path) -> Site {
        Site::imagined(self.release, root.join("project"), "contract_replay")
    }

    /// Puts the stand-in and its script in place, and returns the name to start it by.
    fn put_in_place(&self, root: &Path, names: &Names, stand_in: &Path) -> anyhow::Result<PathBuf> {
        let endpoint = &self.site(root).endpoint;
        let definition = &self.case.definition;
        let set = set_variables().map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
        let mut env: BTreeMap<String, Option<String>> = set.collect();
        for (name, value) in definition.connection.environment(endpoint) {
            env.insert(name.to_owned(), value);
        }
        if definition.call == Call::PreflightAgainst {
            env.insert(PGPASSWORD.to_owned(), Some(PASSWORD.to_owned()));
        }
        let sees_no_dsn =
            [CONFITURE_DATABASE_URL, DATABASE_URL].map(|name| (name.to_owned(), None));
        let operations = if definition.call.is_operation() {
            &self.recording.calls[..]
        } else {
            &[]
        };
        let script = Script {
            in_order: operations
                .iter()
                .map(|call| played(call, env.clone(), names))
                .collect::<anyhow::Result<_>>()?,
            any_time: vec![played(&self.version.calls[0], sees_no_dsn.into(), names)?],
            ledger: self.ledger(),
            ledger_after: self.ledger_after(),
        };
        let bin = root.join("bin");
        fs::create_dir(&bin)?;
        fs::write(bin.join(SCRIPT), serde_json::to_vec(&script)?)?;
        if script.ledger.is_some() {
            return Ok(front::put_in_place(&bin, stand_in)?);
        }
        // The Python behind this one is not known.
        let program = bin.join("confiture");
        std::os::unix::fs::symlink(stand_in, &program)?;
        Ok(program)
    }

    /// The ledger that the stand-in reports: the recorded one or, for a call that is planned with the
    /// ledger, the one that an `up` of the project before the call has written.
    fn ledger(&self) -> Option<Value> {
        let definition = &self.case.definition;
        if definition.reads_ledger || !definition.call.is_planned() {
            return self.recording.ledger.clone();
        }
        let applied = match &definition.database {
            Database::Applied { project, .. } => Some(project.versions()),
            Database::Fresh | Database::None => None,
        };
        let row =
            |(at, version): (usize, String)| value!([at, version, null, null, true, at, null]);
        let rows: Vec<Value> = applied
            .iter()
            .flatten()
            .cloned()
            .enumerate()
            .map(row)
            .collect();
        let table = applied.as_ref().map(|_| "tb_confiture");
        Some(value!({ "answers": [{ "rows": [[table, false]] }, { "rows": rows }] }))
    }

    /// The same ledger without the migrations that the recorded call reports as rolled back.
    fn ledger_after(&self) -> Option<Value> {
        let mut ledger = self.ledger()?;
        let report: Value = serde_json::from_str(&self.recording.calls[0].report_text()?).ok()?;
        let rolled_back = report.get("rolled_back")?.as_array()?;
        let rows = ledger.pointer_mut("/answers/1/rows")?.as_array_mut()?;
        rows.retain(|row| !rolled_back.contains(&row[1]));
        Some(ledger)
    }

    /// The adapter's result for the recorded bytes, decoded without a process.
    fn decode(&self, site: &Site) -> Answer {
        let definition = &self.case.definition;
        let dsns = [
            definition.connection.dsn(&site.endpoint),
            (definition.call == Call::PreflightAgainst).then(|| site.endpoint.against_dsn()),
        ];
        let redactor = Redactor::new(dsns.iter().flatten().map(String::as_str), []);
        let names = site.names();
        let output_of = |command| {
            let call = match command {
                Command::Version => &self.version.calls[0],
                Command::Current => self
                    .recording
                    .calls
                    .get(1)
                    .unwrap_or(&self.recording.calls[0]),
                _ => &self.recording.calls[0],
            };
            output(call, &names)
        };
        // If the requested directory does not exist, the adapter refuses. The bytes are then read as if
        // it existed.
        let directory = site.project.join(MIGRATIONS);
        let revision = |text: &String| Revision::new(text.clone());
        match &definition.call {
            Call::Current => {
                let by_time = replay::current_revision(&redactor, output_of)?;
                let ledger = self.ledger().map(|ledger| ledger.to_string());
                let rows = ledger.and_then(|ledger| ledger::versions(ledger.as_bytes()));
                let by_row = rows.and_then(|rows| rows.last().map(revision));
                Ok(json(by_row.or(by_time)))
            }
            Call::Up(target) => {
                let target = target.as_ref().map(revision);
                json_of(replay::up(target.as_ref(), &redactor, output_of))
            }
            Call::DownTo(target) => {
                let ledger = self.ledger().unwrap_or_default().to_string();
                match ledger::rollback(ledger.as_bytes(), target) {
                    Ok(rollback) => json_of(replay::roll_back(&rollback, &redactor, output_of)),
                    Err(refused) => Err(refused
                        .expect("the ledger was recorded as it is read")
                        .into()),
                }
            }
            Call::Verify => {
                let files = VerifyFiles::in_directory(&directory)
                    .expect("a project has a migrations directory");
                json_of(replay::verify(Some(&files), &redactor, output_of))
            }
            Call::Preflight | Call::PreflightAgainst => {
                let against = definition.call == Call::PreflightAgainst;
                let preflight = Preflight::of_directory(&directory, against)
                    .expect("a project has a migrations directory");
                json_of(replay::preflight(&preflight, &redactor, output_of))
            }
            Call::Version => {
                let version = |_| output(&self.version.calls[0], &names);
                json_of(replay::describe(&redactor, version))
            }
            Call::ExitCodes | Call::Help(_) => unreachable!("the adapter never asks this"),
        }
    }
}

/// A result of the adapter as the JSON that its caller gets.
fn json_of<T: Serialize>(result: Result<T, Failure>) -> Answer {
    Ok(json(result?))
}

/// The two sides of an answer as a snapshot shows them.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown<'a> {
    Result(&'a Value),
    Error(&'a AdapterError),
}

impl<'a> From<&'a Answer> for Shown<'a> {
    fn from(answer: &'a Answer) -> Self {
        match answer {
            Ok(value) => Self::Result(value),
            Err(error) => Self::Error(error),
        }
    }
}

fn played(
    call: &RecordedCall,
    env: BTreeMap<String, Option<String>>,
    names: &Names,
) -> anyhow::Result<Played> {
    Ok(Played {
        argv: call.argv.iter().map(|text| names.expand(text)).collect(),
        links: call.links.clone(),
        env,
        exit: u8::try_from(call.exit).context("an exit status fits eight bits")?,
        report: call.report_text().map(|text| names.expand(&text)),
        stdout: names.expand(&call.stdout.to_string()),
        stderr: names.expand(&call.stderr.to_string()),
    })
}

/// A recorded call as the process layer would have returned it.
fn output(call: &RecordedCall, names: &Names) -> Output {
    let bytes = |text: String| names.expand(&text).into_bytes();
    Output {
        stdout: Captured::from(bytes(call.stdout.to_string())),
        stderr: Captured::from(bytes(call.stderr.to_string())),
        ..Output::new(Exit::Code(call.exit), call.report_text().map(bytes))
    }
}

/// How many recorded calls were made, by the log beside `program`.
fn calls_made(program: &Path) -> anyhow::Result<usize> {
    let text = match fs::read_to_string(log_of(program)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let mut made = 0;
    for line in text.lines() {
        match serde_json::from_str(line)? {
            Line::InOrder => made += 1,
            Line::AnyTime => {}
            Line::NotAllowed(why) => bail!("the adapter's call was not as recorded: {why}"),
        }
    }
    Ok(made)
}

/// Checks that the process and the decoded bytes give the same answer, if the adapter made the recorded
/// call.
pub fn agree(replayed: &Replayed) -> anyhow::Result<()> {
    let text = |answer: &Answer| {
        let shown = serde_json::to_string_pretty(&Shown::from(answer));
        shown.map(|text| normalise(&text, &replayed.names))
    };
    let Some(decoded) = &replayed.decoded else {
        return Ok(());
    };
    let process = text(&replayed.through_process)?;
    let decoded = text(decoded)?;
    ensure!(
        replayed.calls == 0 || process == decoded,
        "the process path gives\n{process}\nand decoding gives\n{decoded}",
    );
    Ok(())
}
