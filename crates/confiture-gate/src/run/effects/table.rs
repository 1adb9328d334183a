//! The options, and the case that shows the effect of each.

use std::time::Duration;

use contract_catalogue::call::Call;
use contract_catalogue::case::{Case, Circumstance, case as new_case};
use contract_catalogue::connection::Connection;
use contract_catalogue::expectation::Fact;
use contract_catalogue::expectation::Fact::{
    Code, Exit, NoTable, Report, ReportHas, Revision, Table, Untouched,
};
use contract_catalogue::project::Project;
use contract_catalogue::release::Release;
use contract_lab::runner::Prepared;
use fraisier_adapter_confiture::capability::Need;
use serde_json::{Value, json};

/// The file that confiture reads by default.
const CONFIGURATION: &str = "db/environments/local.yaml";

/// A configuration with a port where nothing listens.
const LEADS_ELSEWHERE: &str = "name: local\n\
    database_url: postgresql://nobody@127.0.0.1:1/elsewhere\n\
    include_dirs: [db/schema]\n";

/// The directory of the project inside the project.
const ELSEWHERE: &str = "elsewhere";
const MIGRATIONS_ELSEWHERE: &str = "elsewhere/db/migrations";

/// How long confiture waits for a lock by default.
const WAITS_OTHERWISE: Duration = Duration::from_secs(30);

/// An option, and the case that shows its effect.
#[derive(Debug)]
pub(crate) struct Effect {
    /// The case; its expectations are the effect of the option.
    pub(crate) case: Case,
    /// The option.
    pub(super) option: &'static str,
    /// Facts that show that the option had no effect; one of them is enough.
    pub(super) without: Vec<Fact>,
    /// How long the call waits for a lock without the option, if the option limits that.
    pub(super) waits: Option<Duration>,
    /// The engine's configuration.
    settings: Vec<(&'static str, Value)>,
    /// A file that the project has beside its migrations.
    file: Option<(&'static str, &'static str)>,
    /// A project inside the project, whose migrations differ from those in the usual place.
    elsewhere: Option<Project>,
    /// What it means for fraisier when the option is ignored.
    pub(super) meaning: &'static str,
}

impl Effect {
    fn new(option: &'static str, case: Case, without: Vec<Fact>, meaning: &'static str) -> Self {
        Self {
            case,
            option,
            without,
            waits: None,
            settings: Vec::new(),
            file: None,
            elsewhere: None,
            meaning,
        }
    }

    fn setting(mut self, key: &'static str, value: Value) -> Self {
        self.settings.push((key, value));
        self
    }

    /// Prepares what the option needs in addition to the case.
    pub(super) fn arrange(&self, place: &mut Prepared<'_>) -> std::io::Result<()> {
        let project = &place.site.project;
        if let Some((path, text)) = self.file {
            let path = project.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(project))?;
            std::fs::write(path, text)?;
        }
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.write(&project.join(ELSEWHERE))?;
        }
        let settings = self.settings.iter().cloned();
        place.settings = settings
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        Ok(())
    }
}

/// All effects.
pub(crate) fn effects() -> Vec<Effect> {
    let mut all: Vec<Effect> = [
        ("current/no-config", Call::Current, "CONFIG_006"),
        ("up/no-config", Call::Up(None), "CONFIG_006"),
        (
            "down-to/no-config",
            Call::DownTo("001".into()),
            "CONFIG_006",
        ),
        ("verify/no-config", Call::Verify, "CONFIG_001"),
    ]
    .map(|(name, call, code)| no_config(name, call, code))
    .into();
    all.extend([
        down_to_elsewhere(),
        verify_elsewhere(),
        preflight_elsewhere(),
        lock_timeout(),
        require_reversible(),
        allow_destructive(),
    ]);
    all
}

/// The usual configuration file names another database. If no variable has a connection string, confiture
/// must fail instead of reading the file; its code shows whether it read one.
fn no_config(name: &'static str, call: Call, code: &'static str) -> Effect {
    let about = "A configuration file leads to another database; no variable names one.";
    let case = new_case(name, about, call)
        .project(one())
        .without_database()
        .connection(Connection::Absent)
        .expect([Code("CONFIG_010")]);
    let meaning = "may work on the database of a file that lies in the project";
    Effect {
        file: Some((CONFIGURATION, LEADS_ELSEWHERE)),
        ..Effect::new("--no-config", case, vec![Code(code)], meaning)
    }
}

const OTHER_MIGRATIONS: &str = "runs the migrations of another directory than the deploy's";

fn down_to_elsewhere() -> Effect {
    let usual = two().with("002_two.down.sql", "CREATE TABLE usual ();");
    let about = "The migrations are not in the usual place, where others are.";
    let case = new_case("down-to/migrations-dir", about, Call::DownTo("001".into()))
        .applied(&two())
        .project(usual)
        .migrations_dir(MIGRATIONS_ELSEWHERE)
        .expect([Revision(Some("001")), NoTable("public.two")]);
    let without = vec![Table("public.usual")];
    Effect {
        elsewhere: Some(two()),
        ..Effect::new("--migrations-dir", case, without, OTHER_MIGRATIONS)
    }
}

fn verify_elsewhere() -> Effect {
    let check = |holds: &str| two().with("001_one.verify.sql", &format!("SELECT {holds};"));
    let about = "The checks are not in the usual place, where one does not hold.";
    let case = new_case("verify/migrations-dir", about, Call::Verify)
        .applied(&two())
        .project(check("false"))
        .migrations_dir(MIGRATIONS_ELSEWHERE)
        .expect([Report("/failed_count", json!(0))]);
    let without = vec![Report("/failed_count", json!(1))];
    let meaning = "verifies by the checks of another directory than the deploy's";
    Effect {
        elsewhere: Some(check("true")),
        ..Effect::new("--migrations-dir", case, without, meaning)
    }
}

fn preflight_elsewhere() -> Effect {
    let checked = |count: u8| Report("/summary/migrations_checked", json!(count));
    let about = "The migration is not in the usual place, where two others are.";
    let case = new_case("preflight/migrations-dir", about, Call::Preflight)
        .project(two())
        .without_database()
        .migrations_dir(MIGRATIONS_ELSEWHERE)
        .since(minimum(Need::Preflight))
        .expect([checked(1)]);
    let meaning = "lets a deploy pass whose migrations were not examined";
    Effect {
        elsewhere: Some(one()),
        ..Effect::new("--migrations-dir", case, vec![checked(2)], meaning)
    }
}

fn lock_timeout() -> Effect {
    let about = "Another deploy holds the migration lock, and the setting allows a second.";
    let case = new_case("up/lock-timeout", about, Call::Up(None))
        .project(one())
        .while_(Circumstance::LockHeld)
        .expect([Code("LOCK_1300"), Untouched]);
    let meaning = "waits longer for a lock than the deploy allows";
    Effect {
        waits: Some(WAITS_OTHERWISE),
        ..Effect::new("--lock-timeout", case, Vec::new(), meaning)
    }
    .setting("lock_timeout_ms", json!(1000))
}

fn require_reversible() -> Effect {
    // Without the option, an irreversible migration fails when it is loaded: from 1.2.0 on before
    // anything is applied, in earlier releases after the first migration.
    let about = "The setting asks for a way back, and the second of two migrations has none.";
    let case = new_case("up/require-reversible", about, Call::Up(None))
        .project(two().without("002_two.down.sql"))
        .expect([NoTable("public.one"), ReportHas("/errors/0")]);
    let meaning = "begins a deploy that cannot be rolled back, against the setting";
    let without = vec![Table("public.one"), Code("MIGR_001")];
    Effect::new("--require-reversible", case, without, meaning)
        .setting("require_reversible", json!(true))
}

fn allow_destructive() -> Effect {
    let destructive = one().migration(
        "002_drop",
        "-- confiture:destructive\nDROP TABLE one;",
        "CREATE TABLE one ();",
    );
    let about = "A migration is marked as losing data, and the setting allows it.";
    let case = new_case("up/allow-destructive", about, Call::Up(None))
        .project(destructive)
        .since(minimum(Need::AllowDestructive))
        .expect([Revision(Some("002")), NoTable("public.one")]);
    let meaning = "fails every deploy whose setting allows a loss of data";
    let without = vec![Code("VALID_002")];
    Effect::new("--allow-destructive", case, without, meaning)
        .setting("allow_destructive", json!(true))
}

/// The minimum version of a capability.
fn minimum(need: Need) -> Release {
    let (major, minor, patch) = need.floor().since;
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Release::new(number(major), number(minor), number(patch))
}

fn one() -> Project {
    Project::empty().migration("001_one", "CREATE TABLE one ();", "DROP TABLE one;")
}

fn two() -> Project {
    one().migration("002_two", "CREATE TABLE two ();", "DROP TABLE two;")
}

/// Recorded cases that show whether an option has an effect: the case, the option, and the facts that
/// hold if it has none.
pub(super) fn shown_by_recorded() -> [(&'static str, &'static str, Vec<Fact>); 3] {
    [
        ("up/target", "--target", vec![Revision(Some("003"))]),
        (
            "up/missing-directory",
            "--migrations-dir",
            vec![Revision(Some("003"))],
        ),
        (
            "preflight/against-live-fails",
            "--against",
            vec![Exit(0), Report("/ok", json!(true))],
        ),
    ]
}
