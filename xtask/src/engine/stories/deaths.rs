//! Calls that end early: by the engine's limit, or because the engine or the program is killed.

use std::time::Duration;

use anyhow::ensure;
use rustix::process::{Pid, Signal, kill_process};

use super::story::{Story, first_deploy, step, step_only};
use crate::engine::look::within;
use crate::engine::stand::Stand;
use crate::engine::way::Way;

/// An `up` that takes longer than the 60 s that the engine gives a program.
pub const OVER_THE_LIMIT: Story = Story {
    name: "over-60-s",
    quick: &[],
    before: Some(first_deploy),
    steps: &[
        step("an up over 60 s", |stand| match stand.way {
            Way::Program => {
                slow(stand, 300)?;
                let deployed = stand.deploy("v2")?;
                deployed.rolled_back("migrate", "")?;
                untouched(stand)
            }
            // A call in process has no limit.
            Way::Shipped | Way::InProcess => {
                slow(stand, 65)?;
                stand.deploy("v2")?.committed()?;
                stand.is_at(&["001", "002"], &["product", "slow"])
            }
        })
        .because(&[(Way::Program, "the engine gives a program 60 s for a call")]),
        step_only(&[Way::Program], "killed at 60 s", |stand| {
            // The adapter's own limit is longer than the engine's, so the program is killed at 60 s.
            stand.env.insert("FRAISIER_CONFITURE_TIMEOUT", "10m".into());
            let deployed = stand.deploy("v2")?;
            deployed.rolled_back("migrate", "")?;
            untouched(stand)
        }),
    ],
};

/// The engine, and the program, killed while a migration runs.
pub const KILLED: Story = Story {
    name: "killed",
    quick: &Way::OURS,
    before: Some(first_deploy),
    steps: &[
        step("engine killed", |stand| {
            slow(stand, 20)?;
            let mut engine = stand.start_deploy("v2")?;
            let asleep = stand.wait_for_sleep();
            engine.kill()?;
            engine.wait()?;
            asleep?;
            if stand.way == Way::Shipped {
                // confiture continues, and commits. Its report remains.
                within(Duration::from_secs(120), || {
                    let (ledger, processes) = (stand.ledger()?, stand.processes());
                    let goes_on = ledger.len() != 2 || !processes.is_empty();
                    Ok(goes_on
                        .then(|| format!("the ledger is {ledger:?}, processes {processes:?}")))
                })?;
                return stand.remove_report();
            }
            untouched(stand)
        })
        .because(&[
            (Way::Program, STOPS_WITH_THE_ENGINE),
            (Way::InProcess, STOPS_WITH_THE_ENGINE),
        ]),
        step_only(&[Way::Program], "program killed", |stand| {
            let mut engine = stand.start_deploy("v2")?;
            let asleep = stand.wait_for_sleep();
            let killed = kill_program(stand);
            let status = engine.wait()?;
            asleep?;
            killed?;
            ensure!(!status.success(), "the engine says that all is well");
            untouched(stand)
        }),
        step_only(&Way::OURS, "deployed after it", |stand| {
            slow(stand, 0)?;
            stand.deploy("v2")?.committed()?;
            stand.is_at(&["001", "002"], &["product", "slow"])
        }),
    ],
};

const STOPS_WITH_THE_ENGINE: &str = "ours stops with the engine; with the shipped adapter confiture \
                                     goes on, commits, and its report stays";

/// The migration `002`: a table, and so many seconds.
fn slow(stand: &Stand<'_>, seconds: u32) -> anyhow::Result<()> {
    stand.project.migration(
        "002_slow",
        &format!("CREATE TABLE slow (id int);\nSELECT pg_sleep({seconds});\n"),
        "DROP TABLE slow;\n",
    )
}

/// Checks that nothing of the call remains, and that it commits nothing, now or later.
fn untouched(stand: &Stand<'_>) -> anyhow::Result<()> {
    stand.nothing_is_left()?;
    stand.is_at(&["001"], &["product"])
}

/// Kills the adapter's program that runs on the stand.
fn kill_program(stand: &Stand<'_>) -> anyhow::Result<()> {
    let programs: Vec<u32> = stand
        .processes()
        .into_iter()
        .filter(|pid| {
            std::fs::read_link(format!("/proc/{pid}/exe"))
                .is_ok_and(|path| path.ends_with(crate::program::PROGRAM))
        })
        .collect();
    ensure!(!programs.is_empty(), "the program does not run");
    for pid in programs {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    Ok(())
}
