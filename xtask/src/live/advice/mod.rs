//! Follows what a message advises, and sees whether it helps.
//!
//! Each scene gets into trouble, reads what stands behind `Next:`, does that, and has to get on. An
//! advice that no scene was given is a fault too.

mod configuration;
mod environment;
mod migrations;
mod program;
mod rollback;
mod stage;

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::ensure;
use fraisier_adapter_confiture::tools::every_advice;

use self::stage::Stage;
use crate::exit::Unexpected;
use crate::program::build;
use contract_lab::Lab;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::scratch::Scratch;
use contract_lab::ui::{self, bad, good};

/// What gets into trouble, and out of it.
type Scene = (&'static str, fn(&Stage<'_>) -> anyhow::Result<()>);

/// The beginning of the advice that another topic follows, which has what it takes.
const FOLLOWED_BY_POOLER: &str = "let the pooler ignore it";

/// Runs every scene with this confiture.
///
/// # Errors
/// When something that is needed is missing, when an advice does not help, or when none was given.
pub fn run(lab: &Lab, confiture: &Installed, server: &Server) -> anyhow::Result<()> {
    ui::print(&format!("advice, with confiture {}", confiture.version));
    let program = build(lab.ui)?;
    let environments = Scratch::new()?;
    let told = RefCell::new(BTreeSet::new());
    let scenes = [
        configuration::SCENES,
        program::SCENES,
        environment::SCENES,
        migrations::SCENES,
        rollback::SCENES,
    ]
    .concat();
    let mut wrong = 0;
    for (name, play) in &scenes {
        interrupt::check()?;
        let stage = Stage::new(lab, confiture, &program, environments.path(), server, &told)?;
        match play(&stage) {
            Ok(()) => ui::print(&format!("  {}  {name}", good("ok"))),
            Err(why) => {
                wrong += 1;
                ui::print(&format!("  {}  {name}: {why:#}", bad("no")));
            }
        }
    }
    let told = told.into_inner();
    let untried: Vec<String> = every_advice()
        .into_iter()
        .filter(|advice| !told.contains(advice) && !advice.starts_with(FOLLOWED_BY_POOLER))
        .collect();
    ensure!(
        wrong == 0,
        Unexpected(format!(
            "{wrong} of {} scenes are not as expected",
            scenes.len()
        ))
    );
    ensure!(
        untried.is_empty(),
        Unexpected(format!("no scene was told: {}", untried.join("; ")))
    );
    Ok(())
}
