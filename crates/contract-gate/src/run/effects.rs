//! Options whose effect no recording shows. Each is passed where confiture would do something else
//! without it: one that is accepted and ignored breaks, by what was done and not by a help page.

use std::time::{Duration, Instant};

use contract_lab::runner::Prepared;
use contract_tests::call::Call;
use contract_tests::case::{Case, Circumstance, case as new_case};
use contract_tests::connection::Connection;
use contract_tests::expectation::Fact::{
    Code, Exit, NoTable, Report, ReportHas, Revision, Table, Untouched,
};
use contract_tests::expectation::{Expectation, Fact, violations};
use contract_tests::project::Project;
use contract_tests::recording::{Recording, State};
use contract_tests::release::Release;
use contract_tests::site::Site;
use fraisier_adapter_confiture::capability::Need;
use serde_json::{Map, Value, json};

use super::assess::{recording, without_secret};
use super::case::{Bench, Ran};
use super::observe::{Place, observe};
use crate::change::Change;
use crate::drift::refusal;
use crate::judge::words;
use crate::result::{CaseResult, Finding};

/// How long confiture waits for a lock that it was given no time for.
const WAITS_OTHERWISE: Duration = Duration::from_secs(30);

/// Where the file is that confiture reads when nobody tells it not to.
const CONFIGURATION: &str = "db/environments/local.yaml";
/// It leads to a port where nothing listens.
const LEADS_ELSEWHERE: &str = "name: local\n\
    database_url: postgresql://nobody@127.0.0.1:1/elsewhere\n\
    include_dirs: [db/schema]\n";

/// Below it is a project whose migrations differ from those in the usual place.
const ELSEWHERE: &str = "elsewhere";
const MIGRATIONS_ELSEWHERE: &str = "elsewhere/db/migrations";

/// An option, and the case that shows its effect.
#[derive(Debug)]
pub(crate) struct Effect {
    /// The case; its expectations are what the option makes so.
    pub(crate) case: Case,
    /// The option.
    option: &'static str,
    /// What is so where the option has no effect; one of them is enough.
    without: Vec<Fact>,
    /// How soon the call ends with the option, where that is the effect.
    within: Option<Duration>,
    /// What the engine's configuration says.
    settings: Vec<(&'static str, Value)>,
    /// A file that the project has beside its migrations.
    file: Option<(&'static str, &'static str)>,
    /// A project inside the project.
    elsewhere: Option<Project>,
    /// What it means for fraisier when the option is ignored.
    meaning: &'static str,
}

impl Effect {
    fn new(option: &'static str, case: Case, without: Vec<Fact>, meaning: &'static str) -> Self {
        Self {
            case,
            option,
            without,
            within: None,
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
}

/// All of them.
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

/// A configuration lies in the usual place and leads to another database. Where no variable names
/// one, confiture fails instead of reading it, and with another code where it looked for one.
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
    let check = |holds: &str| one().with("001_one.verify.sql", &format!("SELECT {holds};"));
    let about = "The checks are not in the usual place, where one does not hold.";
    let case = new_case("verify/migrations-dir", about, Call::Verify)
        .applied(&one())
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
    let (major, minor, patch) = Need::Preflight.floor().since;
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let about = "The migration is not in the usual place, where two others are.";
    let case = new_case("preflight/migrations-dir", about, Call::Preflight)
        .project(two())
        .without_database()
        .migrations_dir(MIGRATIONS_ELSEWHERE)
        .since(Release::new(number(major), number(minor), number(patch)))
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
    let meaning = "waits for a lock longer than the deploy allows";
    Effect {
        within: Some(WAITS_OTHERWISE),
        ..Effect::new("--lock-timeout", case, Vec::new(), meaning)
    }
    .setting("lock_timeout_ms", json!(1000))
}

fn require_reversible() -> Effect {
    // Without the option, what has no way back fails as it is loaded: from 1.2.0 on before anything
    // is applied, below after the first migration.
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
        .since(Release::new(1, 2, 0))
        .expect([Revision(Some("002")), NoTable("public.one")]);
    let meaning = "fails every deploy whose setting allows a loss of data";
    let without = vec![Code("VALID_002")];
    Effect::new("--allow-destructive", case, without, meaning)
        .setting("allow_destructive", json!(true))
}

fn one() -> Project {
    Project::empty().migration("001_one", "CREATE TABLE one ();", "DROP TABLE one;")
}

fn two() -> Project {
    one().migration("002_two", "CREATE TABLE two ();", "DROP TABLE two;")
}

/// A case put in place as its option needs it.
struct Arranged<'a> {
    prepared: Prepared<'a>,
    settings: Map<String, Value>,
}

impl<'a> Arranged<'a> {
    fn new(effect: &Effect, prepared: Prepared<'a>) -> std::io::Result<Self> {
        let project = &prepared.site.project;
        if let Some((path, text)) = effect.file {
            let path = project.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(project))?;
            std::fs::write(path, text)?;
        }
        if let Some(elsewhere) = &effect.elsewhere {
            elsewhere.write(&project.join(ELSEWHERE))?;
        }
        let settings = effect.settings.iter().cloned();
        Ok(Self {
            prepared,
            settings: settings
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        })
    }
}

impl Place for Arranged<'_> {
    fn site(&self) -> &Site {
        &self.prepared.site
    }

    fn state(&self, _: bool) -> anyhow::Result<Option<State>> {
        self.prepared.state()
    }

    fn settings(&self) -> Map<String, Value> {
        self.settings.clone()
    }
}

/// Runs and judges the case of an effect.
///
/// # Errors
/// When it cannot be run.
pub(crate) fn run(
    bench: &Bench<'_>,
    effect: &Effect,
    prepared: Prepared<'_>,
) -> anyhow::Result<Ran> {
    let case = &effect.case;
    let place = Arranged::new(effect, prepared)?;
    let began = Instant::now();
    let observed = observe(bench, case, &place)?;
    let took = began.elapsed();
    let seen = recording(case, place.site(), &observed);
    let findings = if observed.findings.is_empty() {
        judge(effect, bench.judged_as, &seen, took)
    } else {
        let breaks = |finding: Finding| Finding {
            class: crate::result::Class::Breaks,
            ..finding
        };
        observed.findings.into_iter().map(breaks).collect()
    };
    Ok(Ran {
        result: CaseResult {
            seen: Some(without_secret(&seen.to_file(), place.site())),
            ..CaseResult::judged(case.name, case.about, findings)
        },
        shown: None,
        again: false,
    })
}

/// What is other than the option makes it.
fn judge(effect: &Effect, release: Release, seen: &Recording, took: Duration) -> Vec<Finding> {
    let call = &seen.calls[0];
    let text = format!("{}\n{}", call.stderr, call.stdout);
    let refused = refusal(&text).filter(|_| call.exit == 2 && !call.has_report());
    if let Some((what, line)) = refused {
        let finding = Finding::breaks(Change::Refused { what }).with("accepted", line);
        return vec![finding.meaning(effect.meaning)];
    }
    let ignored = || {
        Finding::breaks(Change::Ignored {
            what: effect.option.to_owned(),
        })
        .meaning(effect.meaning)
    };
    if let Some(within) = effect.within.filter(|within| took >= *within) {
        let seconds = |time: Duration| format!("{} s", time.as_secs());
        let before = format!("it ends in less than {}", seconds(within));
        return vec![ignored().with(before, seconds(took))];
    }
    let broken = violations(&effect.case.expectations, release, seen);
    let Some(first) = broken.first() else {
        return Vec::new();
    };
    let (before, now) = (words(&first.fact), first.found.clone());
    if effect.without.iter().any(|fact| holds(fact, release, seen)) {
        return vec![ignored().with(before, now)];
    }
    let change = Change::Expectation {
        fact: before.clone(),
    };
    vec![Finding::breaks(change).with(before, now)]
}

fn holds(fact: &Fact, release: Release, seen: &Recording) -> bool {
    violations(&[Expectation::always(fact.clone())], release, seen).is_empty()
}

/// What a recorded case shows that an option has no effect: the case, the option, and what is so
/// then.
fn shown_by_recorded() -> [(&'static str, &'static str, Vec<Fact>); 3] {
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

/// An option that a recorded case shows to be ignored.
pub(crate) fn ignored(case: &Case, release: Release, seen: &Recording) -> Option<Finding> {
    let shown = shown_by_recorded();
    let (_, option, without) = shown.iter().find(|(name, ..)| *name == case.name)?;
    let is_so = without.iter().all(|fact| holds(fact, release, seen));
    is_so.then(|| {
        Finding::differs(Change::Ignored {
            what: (*option).to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use contract_tests::catalogue::catalogue;

    use super::*;
    use crate::testing::{call_of, recording};

    fn effect(name: &str) -> Effect {
        let found = effects()
            .into_iter()
            .find(|effect| effect.case.name == name);
        found.unwrap()
    }

    fn ids(effect: &Effect, seen: &Recording, seconds: u64) -> Vec<String> {
        let took = Duration::from_secs(seconds);
        let findings = judge(effect, Release::new(1, 29, 0), seen, took);
        findings.iter().map(|finding| finding.change.id()).collect()
    }

    fn after(tables: &[&str], revision: Option<&str>) -> Recording {
        Recording {
            after: Some(State {
                revision: revision.map(str::to_owned),
                tables: tables.iter().map(ToString::to_string).collect(),
                advisory_locks: 0,
            }),
            ..recording(&call_of(0, Some("{}"), ""))
        }
    }

    #[test]
    fn an_option_without_effect_is_named_and_another_failure_is_not_taken_for_it() {
        let effect = effect("down-to/migrations-dir");
        let one = ["public.one"];
        assert!(ids(&effect, &after(&one, Some("001")), 1).is_empty());
        let usual = after(&["public.one", "public.two", "public.usual"], Some("001"));
        assert_eq!(ids(&effect, &usual, 1), ["ignored:--migrations-dir"]);
        let nothing = after(&["public.one", "public.two"], Some("002"));
        assert_eq!(
            ids(&effect, &nothing, 1),
            ["expectation:the database is at 001"]
        );
    }

    #[test]
    fn a_lock_timeout_is_judged_by_the_clock() {
        let effect = effect("up/lock-timeout");
        let held = r#"{"ok": false, "error": {"code": "LOCK_1300", "message": "held"}}"#;
        let held = Recording {
            before: Some(State::default()),
            after: Some(State::default()),
            ..recording(&call_of(6, Some(held), ""))
        };
        assert!(ids(&effect, &held, 3).is_empty());
        assert_eq!(ids(&effect, &held, 31), ["ignored:--lock-timeout"]);
    }

    #[test]
    fn a_refused_option_is_refused() {
        let mut call = call_of(2, None, "");
        call.stderr = "Error: No such option: --require-reversible".into();
        let seen = recording(&call);
        let effect = effect("up/require-reversible");
        assert_eq!(ids(&effect, &seen, 1), ["refused:--require-reversible"]);
    }

    #[test]
    fn recorded_cases_that_show_an_effect_are_cases() {
        let catalogue = catalogue();
        for (name, ..) in shown_by_recorded() {
            assert!(catalogue.iter().any(|case| case.name == name), "{name}");
        }
    }
}
