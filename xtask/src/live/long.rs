//! Very many calls by an engine that counts what it holds, and what is left of them on the server.

use std::time::Duration;

use super::engine::start;
use super::slow_project::{Sleep, SlowProject, wait};
use crate::exit::Unexpected;
use contract_lab::confiture::Installed;
use contract_lab::interrupt;
use contract_lab::postgres::Server;
use contract_lab::scratch::Scratch;
use contract_lab::ui::good;

/// How soon nothing may be left.
const LIMIT: Duration = Duration::from_secs(5);

/// Runs an engine for one release, and looks at the server after it.
pub fn run(confiture: &Installed, server: &Server, calls: usize) -> anyhow::Result<()> {
    anstream::println!("long, confiture {}", confiture.version);
    let mut project = SlowProject::new(server, None, Sleep::InStatement)?;
    let tmp = Scratch::new()?;
    let ended = start::command(&confiture.program, &project.ctx(), tmp.path())?
        .args(["long", &calls.to_string()])
        .status()?;
    interrupt::check()?;
    let clean = wait(LIMIT, || {
        Ok(project.sessions()? == 0 && project.locks()? == 0)
    })?;
    let mut faults = Vec::new();
    if clean.is_none() {
        faults.push("sessions or locks are left on the server".to_owned());
    }
    faults.extend(project.damage(3)?);
    if !ended.success() {
        faults.push("the engine found something".to_owned());
    }
    if faults.is_empty() {
        anstream::println!("  {}", good("nothing is left on the server"));
        return Ok(());
    }
    Err(Unexpected(faults.join("; ")).into())
}
