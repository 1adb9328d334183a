//! What confiture's own contract test pins from its side, pinned from ours: on every recorded
//! release, from the one that introduced it.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use contract_tests::case::FLOOR;
use contract_tests::catalogue::catalogue;
use contract_tests::expectation::issue_codes;
use contract_tests::fixtures::{Fixtures, default_root};
use contract_tests::recording::{RecordedCall, Recording};
use contract_tests::release::Release;
use contract_tests::surface::{ExitCodes, offered};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// The recordings of one release.
struct Recorded<'a> {
    release: Release,
    fixtures: &'a Fixtures,
}

impl Recorded<'_> {
    fn case(&self, name: &str) -> &Recording {
        let recording = self.fixtures.recording(self.release, name);
        recording.expect("a case that the release has")
    }

    fn call(&self, name: &str) -> &RecordedCall {
        &self.case(name).calls[0]
    }

    fn report(&self, name: &str) -> Result<Value, Failed> {
        let report = self.call(name).report_value();
        report.ok_or_else(|| format!("{name} has no report").into())
    }

    fn exit_codes(&self) -> Result<ExitCodes, Failed> {
        let document = ExitCodes::read(self.call("surface/exit-codes"));
        let document = document.map_err(|error| Failed::from(format!("{error:#}")))?;
        document.ok_or_else(|| "there is no such document".into())
    }
}

type Pinned = fn(&Recorded<'_>) -> Result<(), Failed>;

/// One thing that is pinned, and the release it starts at.
const PINNED: &[(&str, Release, Pinned)] = &[
    (
        "subcommands-take-what-is-passed",
        FLOOR,
        subcommands_take_what_is_passed,
    ),
    (
        "preflight-takes-output",
        Release::new(0, 22, 0),
        preflight_takes_output,
    ),
    (
        "migrations-dir-is-not-for-current",
        FLOOR,
        migrations_dir_is_not_for_current,
    ),
    (
        "exit-code-universe",
        Release::new(0, 38, 0),
        exit_code_universe,
    ),
    (
        "exit-code-classes",
        Release::new(0, 38, 0),
        exit_code_classes,
    ),
    ("no-ledger-code", Release::new(0, 38, 0), no_ledger_code),
    (
        "exits-stay-in-the-universe",
        FLOOR,
        exits_stay_in_the_universe,
    ),
    ("precon-1001-is-2", FLOOR, precon_1001_is_2),
    ("config-010-is-5", FLOOR, config_010_is_5),
    ("lock-1300-is-6", FLOOR, lock_1300_is_6),
    (
        "replica-namespace",
        Release::new(0, 23, 0),
        replica_namespace,
    ),
    (
        "replica-namespace-of-objects",
        Release::new(0, 44, 0),
        replica_namespace_of_objects,
    ),
    (
        "replica-codes-have-the-prefix",
        Release::new(0, 22, 0),
        replica_codes_have_the_prefix,
    ),
    (
        "add-column-is-window-safe",
        Release::new(0, 23, 0),
        add_column_is_window_safe,
    ),
    (
        "drop-column-is-not-window-safe",
        Release::new(0, 23, 0),
        drop_column_is_not_window_safe,
    ),
    ("version-is-numeric", FLOOR, version_is_numeric),
    ("flow-current-on-fresh", FLOOR, flow_current_on_fresh),
    ("flow-up", FLOOR, flow_up),
    ("flow-current-at-head", FLOOR, flow_current_at_head),
    ("flow-verify", FLOOR, flow_verify),
    ("flow-preflight", Release::new(0, 22, 0), flow_preflight),
    (
        "flow-preflight-states-window-safe",
        Release::new(0, 23, 0),
        flow_preflight_states_window_safe,
    ),
    ("flow-down-to", FLOOR, flow_down_to),
    (
        "environment-is-the-only-source",
        FLOOR,
        environment_is_the_only_source,
    ),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let fixtures = match Fixtures::load(&default_root(), &catalogue()) {
        Ok(fixtures) => Arc::new(fixtures),
        Err(error) => {
            eprintln!("the recordings are not sound: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    let mut skipped = 0;
    for release in fixtures.releases() {
        for (name, since, pinned) in PINNED {
            if release < *since {
                skipped += 1;
                continue;
            }
            let fixtures = Arc::clone(&fixtures);
            let run = move || {
                pinned(&Recorded {
                    release,
                    fixtures: &fixtures,
                })
            };
            trials.push(Trial::test(format!("{release}/{name}"), run));
        }
    }
    let (releases, tests) = (fixtures.releases().count(), trials.len());
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !listing {
        println!(
            "{releases} releases, {} pinned things, {tests} tests, {skipped} skipped because a \
             later release introduced the thing",
            PINNED.len(),
        );
    }
    conclusion.exit_code()
}

fn ensure(holds: bool, found: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(found().into()) }
}

/// Exit status and error code of a case.
fn fails_with(recorded: &Recorded<'_>, case: &str, exit: i32, code: &str) -> Result<(), Failed> {
    let found = (recorded.call(case).exit, recorded.report(case)?);
    let found_code = found.1.pointer("/error/code").and_then(Value::as_str);
    ensure((found.0, found_code) == (exit, Some(code)), || {
        format!("{found:?}")
    })
}

fn subcommands_take_what_is_passed(recorded: &Recorded<'_>) -> Result<(), Failed> {
    for subcommand in ["current", "up", "down-to", "verify", "preflight"] {
        let page = recorded.call(&format!("surface/help-{subcommand}"));
        ensure(page.exit == 0, || format!("{subcommand} does not exist"))?;
        let offered = offered(page);
        let mut needed = vec!["--no-config", "--format"];
        if subcommand != "preflight" {
            needed.push("--output");
        }
        for option in needed {
            ensure(offered.contains(option), || {
                format!("{subcommand} lacks {option}")
            })?;
        }
    }
    Ok(())
}

fn preflight_takes_output(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let offered = offered(recorded.call("surface/help-preflight"));
    ensure(offered.contains("--output"), || format!("{offered:?}"))
}

fn migrations_dir_is_not_for_current(recorded: &Recorded<'_>) -> Result<(), Failed> {
    for subcommand in ["current", "up", "down-to", "verify", "preflight"] {
        let offered = offered(recorded.call(&format!("surface/help-{subcommand}")));
        let takes = offered.contains("--migrations-dir");
        ensure(takes == (subcommand != "current"), || {
            format!("{subcommand}: {offered:?}")
        })?;
    }
    Ok(())
}

fn exit_code_universe(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let document = recorded.exit_codes()?;
    let statuses: Vec<i32> = document.exit_codes.into_keys().collect();
    ensure(statuses == (0..=8).collect::<Vec<_>>(), || {
        format!("{statuses:?}")
    })
}

fn exit_code_classes(recorded: &Recorded<'_>) -> Result<(), Failed> {
    const CLASSES: [&str; 9] = [
        "ok",
        "internal_error",
        "precondition_failed",
        "db_unreachable",
        "schema_error",
        "invalid_config",
        "lock_contention",
        "git_error",
        "irreversible_rollback",
    ];
    let document = recorded.exit_codes()?;
    ensure(document.classes == CLASSES, || {
        format!("{:?}", document.classes)
    })?;
    let of_status: Vec<&String> = document
        .exit_codes
        .values()
        .map(|code| &code.class)
        .collect();
    ensure(of_status == CLASSES, || format!("{of_status:?}"))
}

fn no_ledger_code(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let document = recorded.exit_codes()?;
    let under_two = &document.exit_codes[&2].symbolic_codes;
    ensure(
        document.no_ledger_error_code == "PRECON_1001"
            && under_two.iter().any(|code| code == "PRECON_1001"),
        || format!("{document:?}"),
    )
}

fn exits_stay_in_the_universe(recorded: &Recorded<'_>) -> Result<(), Failed> {
    for (name, recording) in recorded.fixtures.shown_by(recorded.release) {
        for call in &recording.calls {
            ensure((0..=8).contains(&call.exit), || {
                format!("{name} exits {}", call.exit)
            })?;
        }
    }
    Ok(())
}

fn precon_1001_is_2(recorded: &Recorded<'_>) -> Result<(), Failed> {
    fails_with(recorded, "current/fresh", 2, "PRECON_1001")
}

fn config_010_is_5(recorded: &Recorded<'_>) -> Result<(), Failed> {
    fails_with(recorded, "current/no-dsn", 5, "CONFIG_010")
}

fn lock_1300_is_6(recorded: &Recorded<'_>) -> Result<(), Failed> {
    fails_with(recorded, "up/lock-held", 6, "LOCK_1300")
}

/// Each code is reported by the case of its statement.
fn reports_each(recorded: &Recorded<'_>, expected: &[(&str, &str)]) -> Result<(), Failed> {
    for (case, code) in expected {
        let codes = issue_codes(Some(&recorded.report(case)?));
        let code = format!("PFLIGHT_REPLICA_{code}");
        ensure(codes.contains(&code), || {
            format!("{case}: no {code} in {codes:?}")
        })?;
    }
    Ok(())
}

fn replica_namespace(recorded: &Recorded<'_>) -> Result<(), Failed> {
    reports_each(
        recorded,
        &[
            ("preflight/add-column-not-null", "ADD_COLUMN"),
            ("preflight/add-constraint", "ADD_CONSTRAINT"),
            ("preflight/change-type", "CHANGE_TYPE"),
            ("preflight/create-index", "CREATE_INDEX"),
            ("preflight/drop-column", "DROP_COLUMN"),
            ("preflight/rename-column", "RENAME_COLUMN"),
            ("preflight/python-migration", "UNCLASSIFIED"),
        ],
    )
}

fn replica_namespace_of_objects(recorded: &Recorded<'_>) -> Result<(), Failed> {
    reports_each(
        recorded,
        &[
            ("preflight/drop-view", "DROP_OBJECT"),
            ("preflight/drop-table", "DROP_TABLE"),
            ("preflight/rename-table", "RENAME_OBJECT"),
            ("preflight/replace-function", "REPLACE_OBJECT"),
            ("preflight/revoke", "REVOKE"),
            ("preflight/set-not-null", "SET_NOT_NULL"),
            ("preflight/truncate", "TRUNCATE"),
        ],
    )
}

/// What denies window-safety is in the namespace, and nothing else of preflight's is.
fn replica_codes_have_the_prefix(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let preflights = recorded.fixtures.shown_by(recorded.release);
    let mut seen = BTreeSet::new();
    for (name, recording) in preflights.filter(|(name, _)| name.starts_with("preflight/")) {
        let Some(report) = recording.calls[0].report_value() else {
            continue;
        };
        let codes = issue_codes(Some(&report));
        for code in &codes {
            ensure(code.starts_with("PFLIGHT_"), || format!("{name}: {code}"))?;
        }
        let denies = codes
            .iter()
            .any(|code| code.starts_with("PFLIGHT_REPLICA_"));
        if report.get("window_safe") == Some(&Value::Bool(true)) {
            ensure(!denies, || format!("{name} is window-safe with {codes:?}"))?;
        }
        seen.extend(codes);
    }
    ensure(!seen.is_empty(), || {
        "no preflight found anything".to_owned()
    })
}

fn window_safe(recorded: &Recorded<'_>, case: &str, expected: bool) -> Result<(), Failed> {
    let report = recorded.report(case)?;
    let found = report.get("window_safe");
    ensure(found == Some(&Value::Bool(expected)), || {
        format!("{found:?}")
    })
}

fn add_column_is_window_safe(recorded: &Recorded<'_>) -> Result<(), Failed> {
    window_safe(recorded, "preflight/add-column", true)
}

fn drop_column_is_not_window_safe(recorded: &Recorded<'_>) -> Result<(), Failed> {
    window_safe(recorded, "preflight/drop-column", false)
}

fn version_is_numeric(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let stdout = recorded.call("surface/version").stdout.to_string();
    let mut words = stdout.split_whitespace();
    // A recording has its placeholder exactly where the release printed its own number.
    let starts = [words.next(), words.next(), words.next()];
    ensure(
        starts == [Some("confiture"), Some("version"), Some("<version>")],
        || format!("{stdout:?}"),
    )
}

fn flow_current_on_fresh(recorded: &Recorded<'_>) -> Result<(), Failed> {
    fails_with(recorded, "current/fresh", 2, "PRECON_1001")
}

fn flow_up(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let report = recorded.report("up/all")?;
    let applied = report.get("applied").and_then(Value::as_array);
    let version = |migration: &Value| Some(migration.get("version")?.as_str()?.to_owned());
    let versions: Vec<String> = applied.into_iter().flatten().filter_map(version).collect();
    ensure(versions == ["001", "002", "003"], || format!("{report}"))
}

fn flow_current_at_head(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let report = recorded.report("current/at-head")?;
    ensure(report.get("revision") == Some(&Value::from("003")), || {
        format!("{report}")
    })
}

fn flow_verify(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let report = recorded.report("verify/true")?;
    ensure(report.get("failed_count") == Some(&Value::from(0)), || {
        format!("{report}")
    })?;
    let results = report.get("results").and_then(Value::as_array);
    let results = results.filter(|results| !results.is_empty());
    for result in results.ok_or("there are no results")? {
        for field in ["version", "name", "status", "error"] {
            ensure(result.get(field).is_some(), || {
                format!("{result} lacks {field}")
            })?;
        }
    }
    Ok(())
}

fn flow_preflight(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let exit = recorded.call("preflight/nothing-pending").exit;
    let report = recorded.report("preflight/nothing-pending")?;
    ensure([0, 7].contains(&exit), || format!("exit {exit}"))?;
    ensure(report.get("ok").is_some_and(Value::is_boolean), || {
        format!("{report}")
    })
}

fn flow_preflight_states_window_safe(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let report = recorded.report("preflight/nothing-pending")?;
    ensure(
        report.get("window_safe").is_some_and(Value::is_boolean),
        || format!("{report}"),
    )
}

fn flow_down_to(recorded: &Recorded<'_>) -> Result<(), Failed> {
    let report = recorded.report("down-to/first")?;
    let rolled_back = serde_json::json!(["003", "002"]);
    ensure(
        report.get("to") == Some(&Value::from("001"))
            && report.get("rolled_back") == Some(&rolled_back),
        || format!("{report}"),
    )
}

/// Without a DSN in the environment there is none; with one, that one is used.
fn environment_is_the_only_source(recorded: &Recorded<'_>) -> Result<(), Failed> {
    fails_with(recorded, "current/no-dsn", 5, "CONFIG_010")?;
    let state = recorded.case("up/all").after.clone().unwrap_or_default();
    ensure(state.revision.as_deref() == Some("003"), || {
        format!("{state:?}")
    })
}
