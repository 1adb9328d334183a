//! Measures whole deploys with fraisier, compared with those with the adapter that it is shipped with.

use std::fs;

use contract_lab::confiture::Installed;
use contract_lab::files::write_program;

use super::bare;
use super::figures::{Figures, in_turn};
use crate::engine::stand::Stand;
use crate::engine::way::Way;
use crate::harness::World;

/// The stub returns at once the report that confiture wrote for the same subcommand.
const STUB: &str = include_str!("../../stand-ins/confiture.sh");

/// A project and a database for each way. Installs the engine and the program.
pub fn stands<'a>(world: &'a World, confiture: &Installed) -> anyhow::Result<[Stand<'a>; 3]> {
    let [shipped, program, compiled_in] = Way::ALL.map(|way| Stand::new(world, confiture, way));
    Ok([shipped?, program?, compiled_in?])
}

/// The ratio of deploys with our adapter to those with the shipped one: with one migration, and with none
/// and a stub that returns at once.
pub fn measure(
    mut stands: [Stand<'_>; 3],
    rounds: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    compare("a deploy", rounds, figures, &mut stands, |stand, number| {
        let table = format!("t_{number:03}");
        stand.project.migration(
            &format!("{number:03}_table"),
            &format!("CREATE TABLE {table} (id int);\n"),
            &format!("DROP TABLE {table};\n"),
        )
    })?;
    stands.iter().try_for_each(use_stub)?;
    let nothing = |_: &Stand<'_>, _| Ok(());
    compare(
        "a deploy with a stub",
        rounds,
        figures,
        &mut stands,
        nothing,
    )
}

fn compare(
    what: &str,
    rounds: usize,
    figures: &mut Figures,
    stands: &mut [Stand<'_>; 3],
    prepare: fn(&Stand<'_>, usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let [shipped, program, compiled_in] = stands.each_mut().map(|stand| {
        let mut number = 0;
        move || {
            number += 1;
            prepare(stand, number)?;
            stand.deploy(&format!("v{number}"))?.committed()
        }
    });
    let (mut shipped, mut program, mut compiled_in) = (shipped, program, compiled_in);
    let [theirs, program, compiled_in] =
        in_turn(rounds, [&mut shipped, &mut program, &mut compiled_in])?;
    let theirs = ("shipped adapter", &theirs[..]);
    figures.times(&format!("{what}, the program"), &program, theirs);
    figures.times(&format!("{what}, compiled in"), &compiled_in, theirs);
    Ok(())
}

/// Puts the stub in the place of confiture, with the reports of a deploy with nothing to do.
fn use_stub(stand: &Stand<'_>) -> anyhow::Result<()> {
    let (root, program) = (stand.root(), stand.root().join("bin/confiture"));
    fs::create_dir(root.join("reports"))?;
    for subcommand in ["preflight", "current", "up", "verify"] {
        let report = root.join("reports").join(subcommand);
        let dsn = stand.database.dsn();
        bare(&program, &dsn, &stand.project, subcommand, &report)?;
    }
    let stub = STUB.replace("ROOT", &root.display().to_string());
    fs::remove_file(&program)?;
    let stub = stub.replace("RELEASE", &stand.release.to_string());
    Ok(write_program(&program, &stub)?)
}
