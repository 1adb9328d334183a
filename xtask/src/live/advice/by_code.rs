//! Failures that need code: programs and environments that change, and calls at the same time.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_lab::command::run;
use contract_lab::confiture::Installed;
use contract_lab::confiture::copy::{Environment, packages};
use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::ConfitureMigration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::follower::Follower;
use crate::live::call::{Direction, Running};
use crate::stage::{WAITS_FOR_LOCK, block_on};

/// A scene: it causes a failure, and follows the advice.
type Play = fn(&Follower<'_>) -> anyhow::Result<()>;

/// The scene that limits the file descriptors of this process.
pub(super) const ALONE: &str = "no descriptors are left";

pub(super) const SCENES: [(&str, Play); 14] = [
    ("the program may not be executed", not_executable),
    ("the variable's program is another", variable_names_another),
    ("the program is being written", being_written),
    (ALONE, no_descriptors),
    ("the builder's program is not there", builder_names_nothing),
    ("the environment's Python is gone", python_is_gone),
    ("the release has no preflight", too_old),
    ("a pre-release", pre_release),
    ("the release does not know an option", unknown_option),
    ("a migration needs a superuser", needs_superuser),
    ("another deploy creates the ledger", ledger_made_by_another),
    ("another deploy holds the lock", lock_is_held),
    ("a session holds what a migration waits for", blocked),
    ("the ledger changes during a rollback", changed_ledger),
];

const MAKES_TWO: &str = "CREATE TABLE two (id int);";
const DROPS_TWO: &str = "DROP TABLE two;";

fn not_executable(stage: &Follower<'_>) -> anyhow::Result<()> {
    let program = stage.wrapper()?;
    let allow = |mode| fs::set_permissions(&program, fs::Permissions::from_mode(mode));
    allow(0o644)?;
    let adapter = ConfitureMigration::with_program(&program);
    stage.up_advises(&adapter, "make it executable")?;
    allow(0o755)?;
    stage.applies(&adapter, &["001"])
}

fn variable_names_another(stage: &Follower<'_>) -> anyhow::Result<()> {
    let another = stage.script("#!/bin/sh\nexit 2\n")?;
    let runs = |what, program| stage.runs(what, [("FRAISIER_CONFITURE_BIN", program)]);
    let says = "set `FRAISIER_CONFITURE_BIN` to confiture";
    stage.advised(runs("describe", &another)?, says)?;
    stage.advised(runs("current", &another)?, "doctor` to diagnose")?;
    let diagnosis = runs("doctor", &another)?.unwrap_or_else(|failed| failed);
    let names = "`--version` of the configured program";
    ensure!(diagnosis.contains(names), "{diagnosis}");
    let followed = runs("current", &stage.confiture.program)?;
    followed.map(drop).map_err(anyhow::Error::msg)
}

fn being_written(stage: &Follower<'_>) -> anyhow::Result<()> {
    let program = stage.wrapper()?;
    let adapter = ConfitureMigration::with_program(&program);
    let writer = OpenOptions::new().append(true).open(&program)?;
    stage.up_advises(&adapter, "wait until it is written")?;
    drop(writer);
    stage.applies(&adapter, &["001"])
}

fn no_descriptors(stage: &Follower<'_>) -> anyhow::Result<()> {
    let before = getrlimit(Resource::Nofile);
    let open = fs::read_dir("/dev/fd")?.count() as u64;
    let (adapter, ctx) = (stage.adapter(), stage.ctx());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let few = Rlimit {
        current: Some(open + 2),
        ..before
    };
    setrlimit(Resource::Nofile, few)?;
    let outcome = runtime.block_on(adapter.up(&ctx, None));
    setrlimit(Resource::Nofile, before)?;
    stage.advised(outcome, "free what is exhausted")?;
    stage.applies(&adapter, &["001"])
}

fn builder_names_nothing(stage: &Follower<'_>) -> anyhow::Result<()> {
    let own = Environment::copy(&stage.confiture.program)?;
    fs::remove_file(own.program())?;
    fs::remove_dir_all(metadata_of(&own, &stage.confiture.version)?)?;
    let adapter = ConfitureMigration::with_program(own.program());
    let advice = stage.up_advises(&adapter, "install it there")?;
    stage.pip_install(own.path(), &advice)?;
    stage.applies(&adapter, &["001"])
}

fn python_is_gone(stage: &Follower<'_>) -> anyhow::Result<()> {
    let own = Environment::copy(&stage.confiture.program)?;
    fs::remove_file(own.program().with_file_name("python"))?;
    let adapter = ConfitureMigration::with_program(own.program());
    stage.up_advises(&adapter, "recreate its virtual environment")?;
    own.renew(&stage.confiture.program)?;
    stage.applies(&adapter, &["001"])
}

fn too_old(stage: &Follower<'_>) -> anyhow::Result<()> {
    let old = stage.world.release("0.20.0")?;
    upgraded(stage, &Environment::copy(&old.program)?)
}

fn pre_release(stage: &Follower<'_>) -> anyhow::Result<()> {
    const NEWER: &str = "99.0.0rc1";
    let own = Environment::copy(&stage.confiture.program)?;
    let Installed { version, .. } = stage.confiture;
    let to = metadata_of(&own, NEWER)?;
    fs::rename(metadata_of(&own, version)?, &to)?;
    for (file, before, after) in [
        ("METADATA", "\nVersion: ", "\n"),
        ("RECORD", "-", ".dist-info/"),
    ] {
        let path = to.join(file);
        let text = fs::read_to_string(&path)?;
        let old = format!("{before}{version}{after}");
        ensure!(text.contains(&old), "{file} does not contain {old:?}");
        fs::write(
            &path,
            text.replace(&old, &format!("{before}{NEWER}{after}")),
        )?;
    }
    upgraded(stage, &own)
}

fn upgraded(stage: &Follower<'_>, own: &Environment) -> anyhow::Result<()> {
    let preflight = || {
        let adapter = ConfitureMigration::with_program(own.program());
        block_on(adapter.preflight(&stage.ctx()))
    };
    let advice = stage.advised(preflight(), "install a release")?;
    stage.pip_install(own.path(), &advice)?;
    preflight().context("the advice was followed")?;
    Ok(())
}

fn unknown_option(stage: &Follower<'_>) -> anyhow::Result<()> {
    let own = Environment::copy(&stage.confiture.program)?;
    let confiture = own.program();
    // What confiture prints about an unknown option, with an option that the adapter passes.
    let older = stage.script(&format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         *--lock-timeout*) exec '{0}' migrate up --no-such-option ;;\n\
         *) exec '{0}' \"$@\" ;;\nesac\n",
        confiture.display()
    ))?;
    let of = |program| {
        let builder = ConfitureMigration::builder().lock_timeout_ms(5000);
        builder.program(program).build()
    };
    let advice = stage.up_advises(&of(older), "install a newer release")?;
    stage.pip_install(own.path(), &advice)?;
    stage.applies(&of(confiture), &["001"])
}

/// Where the metadata of this version of confiture are in an environment.
fn metadata_of(environment: &Environment, version: &str) -> anyhow::Result<PathBuf> {
    let named = format!("fraiseql_confiture-{version}.dist-info");
    Ok(packages(environment.path())?.join(named))
}

fn needs_superuser(stage: &Follower<'_>) -> anyhow::Result<()> {
    let two = "requires_superuser = True\n\
               def up(self):\n    self.execute(\"CREATE TABLE two (id int)\")\n\
               def down(self):\n    self.execute(\"DROP TABLE two\")";
    let project = &stage.project;
    project.python("002_two", two)?;
    project.migration("003_three", "CREATE TABLE three ();", "DROP TABLE three;")?;
    let advice = stage.up_advises(&stage.adapter(), "confiture migrate apply-as")?;
    let command = advice.split('`').nth(1).context("it names no command")?;
    let dsn = stage.database.dsn();
    let roles = format!("database_url: {dsn}\napply_as:\n  root:\n    url: {dsn}\n");
    fs::write(stage.workdir().join("confiture.yaml"), roles)?;
    let command = command.replace("<role>", "root");
    let output = run(Command::new(&stage.confiture.program)
        .args(command.split(' ').skip(1))
        .current_dir(stage.workdir()))?;
    let printed = format!("{}{}", output.stdout, output.stderr);
    ensure!(output.status.success(), "{printed}");
    stage.applies(&stage.adapter(), &["003"])
}

/// Two first deploys at once, with a release that creates the ledger before it takes the lock.
fn ledger_made_by_another(stage: &Follower<'_>) -> anyhow::Result<()> {
    let early = ConfitureMigration::with_program(stage.world.release("0.23.0")?.program);
    let mut another = stage.sql("BEGIN; CREATE TABLE tb_confiture (id int)")?;
    let second = deploy(&early, &stage.ctx());
    stage.comes(WAITS_FOR_LOCK)?;
    another.batch_execute("COMMIT")?;
    stage.advised(second.finish()?, "wait until the other deploy has ended")?;
    // The other deploy ends without a migration.
    another.batch_execute("DROP TABLE tb_confiture")?;
    stage.applies(&early, &["001"])
}

fn lock_is_held(stage: &Follower<'_>) -> anyhow::Result<()> {
    let mut gate = stage.sql("CREATE TABLE gate ()")?;
    gate.batch_execute("BEGIN; LOCK TABLE gate")?;
    let locks = format!("LOCK TABLE gate; {MAKES_TWO}");
    stage.project.migration("002_two", &locks, DROPS_TWO)?;
    let other = deploy(&stage.adapter(), &stage.ctx());
    stage.comes(WAITS_FOR_LOCK)?;
    let hurried = stage.builder().lock_timeout_ms(500).build();
    stage.up_advises(&hurried, "wait until the deploy that holds the lock")?;
    gate.batch_execute("COMMIT")?;
    other.finish()?.context("the other deploy failed")?;
    stage.applies(&hurried, &[])
}

fn blocked(stage: &Follower<'_>) -> anyhow::Result<()> {
    stage.applies(&stage.adapter(), &["001"])?;
    let (up, down) = (
        "ALTER TABLE one ADD name text;",
        "ALTER TABLE one DROP name;",
    );
    stage.project.migration("002_name", up, down)?;
    let holder = stage.sql("BEGIN; LOCK TABLE one")?;
    let hurried = stage.builder().timeout(Duration::from_secs(15)).build();
    let waiting = deploy(&hurried, &stage.ctx());
    let blockers = "SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let blocker: i32 = stage.comes(blockers)?.get(0);
    stage.advised(waiting.finish()?, "find the session that it waits for")?;
    stage.sql(&format!("SELECT pg_terminate_backend({blocker})"))?;
    drop(holder);
    stage.applies(&stage.adapter(), &["002"])
}

/// Another deploy applies a migration during the rollback; a trigger stands in for it.
fn changed_ledger(stage: &Follower<'_>) -> anyhow::Result<()> {
    let project = &stage.project;
    project.migration("002_two", MAKES_TWO, DROPS_TWO)?;
    stage.applies(&stage.adapter(), &["001", "002"])?;
    project.migration("003_m003", "CREATE TABLE three ();", "DROP TABLE three;")?;
    stage.sql("CREATE TABLE three ()")?;
    stage.ledger_grows("003")?;
    stage.advised(
        stage.down_to("001"),
        "decide again what is to be rolled back",
    )?;
    stage.sql("DROP EVENT TRIGGER grow")?;
    stage.is_at_revision("003")?;
    let outcome = stage.down_to("001").context("the advice was followed")?;
    let versions: Vec<&str> = outcome.applied.iter().map(AsRef::as_ref).collect();
    ensure!(versions == ["003", "002"], "they were {versions:?}");
    Ok(())
}

/// An `up` in another thread.
fn deploy(adapter: &ConfitureMigration, ctx: &AdapterCtx) -> Running {
    Running::start(adapter.clone(), ctx.clone(), Direction::Up)
}
