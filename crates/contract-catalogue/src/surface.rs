//! What the adapter uses of what a binary prints about itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use fraisier_adapter_confiture::tools::classify;
use fraisier_adapter_confiture::tools::process::Exit;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Call;
use crate::project::MIGRATIONS;
use crate::recording::RecordedCall;

/// The document that `--exit-codes-json` prints.
#[derive(Debug, Deserialize)]
pub struct ExitCodes {
    /// The names of all classes.
    pub classes: Vec<String>,
    /// Each exit status.
    pub exit_codes: BTreeMap<i32, ExitCode>,
    /// The code of a missing ledger.
    pub no_ledger_error_code: String,
}

/// What the document says about one exit status.
#[derive(Debug, Deserialize)]
pub struct ExitCode {
    /// Its class.
    pub class: String,
    /// Its symbolic codes.
    pub symbolic_codes: Vec<String>,
}

impl ExitCodes {
    /// Reads the document; `None` for a release that has none.
    pub fn read(call: &RecordedCall) -> anyhow::Result<Option<Self>> {
        if call.exit != 0 {
            return Ok(None);
        }
        let document = serde_json::from_str(&call.stdout.to_string());
        document.context("the exit codes cannot be read").map(Some)
    }
}

/// The options that a `--help` page offers, by their long names.
pub fn offered(page: &RecordedCall) -> BTreeSet<String> {
    let page = page.stdout.to_string();
    let words = page.lines().flat_map(str::split_whitespace);
    let long = words.filter(|word| word.starts_with("--"));
    long.map(str::to_owned).collect()
}

/// What the adapter uses of it: of a help page, which of the options that it passes are offered; of the
/// exit codes, how it classifies each of them.
pub fn read(call: &Call, recorded: &RecordedCall) -> anyhow::Result<Value> {
    match call {
        Call::Help(subcommand) => {
            let offered = offered(recorded);
            let (has, lacks): (BTreeSet<_>, BTreeSet<_>) = passed_to(subcommand)
                .into_iter()
                .partition(|option| offered.contains(option));
            Ok(json!({ "passes": has, "lacks": lacks }))
        }
        Call::ExitCodes => {
            let Some(document) = ExitCodes::read(recorded)? else {
                return Ok(Value::Null);
            };
            let mut read: BTreeMap<String, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
            for (status, documented) in document.exit_codes {
                for code in documented.symbolic_codes {
                    let kind = classify(Exit::Code(status), Some(&code), false);
                    let class = format!("{status} {}", documented.class);
                    let of_kind = read.entry(class).or_default().entry(kind.as_str());
                    of_kind.or_default().push(code);
                }
            }
            Ok(json!(read))
        }
        _ => bail!("{call:?} is nothing a binary says of itself"),
    }
}

/// The long options that the adapter passes to a subcommand.
pub fn passed_to(subcommand: &str) -> BTreeSet<String> {
    let example = "001".to_owned();
    let call = match subcommand {
        "current" => Call::Current,
        "up" => Call::Up(Some(example)),
        "down-to" => Call::DownTo(example),
        "verify" => Call::Verify,
        _ => Call::PreflightAgainst,
    };
    let argv = call.argv(MIGRATIONS);
    let long = argv
        .iter()
        .filter(|word| word.len() > 2 && word.starts_with("--"));
    long.filter_map(|word| Some(word.split('=').next()?.to_owned()))
        .collect()
}
