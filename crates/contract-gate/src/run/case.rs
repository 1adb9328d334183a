//! One case, run with the candidate.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use contract_lab::interrupt;
use contract_lab::stage::capture::Capture;
use contract_lab::stage::{Left, Set, Spoilt, Stage};
use contract_tests::call::Call;
use contract_tests::case::{Case, Circumstance};
use contract_tests::drive::{self, Outcome};
use contract_tests::expectation::violations;
use contract_tests::judge::{names_the_revision, no_secret, verdict};
use contract_tests::normalise::normalise;
use contract_tests::recording::{RecordedCall, Recording, State};
use contract_tests::release::Release;
use contract_tests::surface;
use fraisier_adapter_confiture::ConfitureMigration;
use regex::Regex;

use super::baseline::Baseline;
use crate::change::Change;
use crate::delivery::Shown;
use crate::drift::refusal;
use crate::judge::{Evidence, Symptom, is_direct, judge};
use crate::result::{CaseResult, Finding};
use crate::self_test::tamper::Tamper;
use crate::verdict::Said;
use crate::wrapper::{Seen, Task, Wrapper};

/// What every case of one candidate has in common.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) program: &'a Path,
    /// This program, which is also the wrapper.
    pub(crate) myself: &'a Path,
    pub(crate) judged_as: Release,
    pub(crate) baseline: &'a Baseline,
    /// What `--version` prints, once it is known.
    pub(crate) version: Option<String>,
    /// The version it says it has, which is shown to the adapter as the release it is judged as.
    pub(crate) says: &'a str,
    /// How long one call may take.
    pub(crate) limit: Duration,
    /// What a self-test changes.
    pub(crate) tamper: Option<Tamper>,
}

/// A case that was run and judged, or not.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) result: CaseResult,
    pub(crate) shown: Option<Shown>,
    /// Whether it was not judged for a reason that is not the candidate's, and may pass.
    pub(crate) again: bool,
}

/// Runs and judges `case`. Nothing that happens is an error: what the candidate spoils breaks the
/// case, and what else goes wrong leaves it unjudged.
pub(crate) fn run(bench: &Bench<'_>, stage: &Stage<'_>, case: &Case) -> Ran {
    let started = Instant::now();
    let mut ran = match attempt(bench, stage, case) {
        Ok(ran) => ran,
        Err(error) => match error.downcast_ref::<Spoilt>() {
            Some(spoilt) if external(&spoilt.why).is_none() => spoilt_case(case, spoilt),
            _ => unjudged(case, format!("{error:#}"), !interrupt::raised()),
        },
    };
    ran.result.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    ran
}

fn unjudged(case: &Case, why: impl Into<String>, again: bool) -> Ran {
    Ran {
        result: CaseResult::not_judged(case.name, case.about, why),
        shown: None,
        again,
    }
}

fn spoilt_case(case: &Case, spoilt: &Spoilt) -> Ran {
    let finding = match refusal(&spoilt.why) {
        Some((what, line)) => Finding::breaks(Change::Refused { what }).with("accepted", line),
        None => Finding::breaks(Change::Preparation {
            step: spoilt.step.to_owned(),
        })
        .with("it succeeds", one_line(&spoilt.why))
        .meaning("cannot do what this case rests on"),
    };
    Ran {
        result: CaseResult::judged(case.name, case.about, vec![finding]),
        shown: None,
        again: false,
    }
}

/// Signs of a machine that is in trouble: nothing that a confiture could be blamed for.
fn external(text: &str) -> Option<&'static str> {
    static SIGNS: LazyLock<[(Regex, &'static str); 4]> = LazyLock::new(|| {
        [
            (r"No space left on device|could not extend file", "the disk is full"),
            (
                r"server closed the connection unexpectedly|terminating connection due to|the database system is|Connection refused.*(?:port [2-9]|port 1\d)",
                "the database server died",
            ),
            (r"Cannot allocate memory|MemoryError", "the machine has no memory left"),
            (r"Too many open files|Resource temporarily unavailable", "the machine is out of resources"),
        ]
        .map(|(pattern, why)| (Regex::new(pattern).expect("the pattern is part of this file"), why))
    });
    let found = SIGNS.iter().find(|(pattern, _)| pattern.is_match(text));
    found.map(|(_, why)| *why)
}

/// What was seen of one case.
struct Observed {
    /// What the adapter made of it; none for a call that it never makes.
    outcome: Option<Outcome>,
    /// Whether the adapter let it come to a call.
    called: bool,
    /// The calls: the adapter's, or the one that it refuses to make.
    seen: Vec<Seen>,
    before: Option<State>,
    /// The database after what the adapter did.
    after: Option<State>,
    /// The database after the calls that were seen.
    after_calls: Option<State>,
    findings: Vec<Finding>,
    symptoms: Vec<Symptom>,
}

fn attempt(bench: &Bench<'_>, stage: &Stage<'_>, case: &Case) -> anyhow::Result<Ran> {
    interrupt::check()?;
    if !bench.baseline.cases.contains_key(case.name) {
        let release = bench.baseline.release;
        let why = format!("{release} has no recording of it to compare with");
        return Ok(unjudged(case, why, false));
    }
    let set = stage.set(&case.definition)?;
    let observed = observe(bench, stage, case, &set)?;
    if expects_a_server(case) {
        let mut texts = observed.seen.iter().flat_map(|call| {
            let report = call.report.as_deref().unwrap_or_default();
            [call.stdout.as_str(), call.stderr.as_str(), report]
        });
        if let Some(why) = texts.find_map(external) {
            return Ok(unjudged(case, why, true));
        }
    }
    Ok(assess(bench, case, &set, observed))
}

/// Runs the case through the adapter; a call that the adapter does not make is made without it.
fn observe(
    bench: &Bench<'_>,
    stage: &Stage<'_>,
    case: &Case,
    set: &Set<'_>,
) -> anyhow::Result<Observed> {
    let definition = &case.definition;
    let direct = is_direct(&definition.call);
    let before = set.state()?;
    let wrapper = Wrapper::new(bench.myself, &task(bench, case))?;
    let began = Instant::now();
    let outcome = if direct {
        None
    } else {
        Some(through_adapter(bench, &wrapper, case, set)?)
    };
    let elapsed = began.elapsed();
    let after = set.state()?;
    let seen = calls(&wrapper, case)?;
    let hung = !direct && seen.is_empty() && elapsed >= bench.limit;
    let mut observed = Observed {
        outcome,
        called: !seen.is_empty() || hung,
        seen,
        before,
        after_calls: after.clone(),
        after,
        findings: Vec::new(),
        symptoms: Vec::new(),
    };
    if hung {
        observed.findings.push(hangs(bench.limit));
    } else if !observed.called {
        // The adapter refuses, or never makes this call. What would have become of it is drift.
        if observed.before != observed.after {
            observed.symptoms.push(touched(&observed));
        }
        let program = wrapper.program();
        match stage.call_by(&program, &set.scene, definition, &definition.call) {
            Ok(_) => {}
            Err(error) if format!("{error:#}").contains("did not end in time") => {
                observed.findings.push(hangs(bench.limit));
            }
            Err(error) => return Err(error),
        }
        observed.seen = calls(&wrapper, case)?;
        observed.after_calls = set.state()?;
    }
    Ok(observed)
}

/// Judges what was seen.
fn assess(bench: &Bench<'_>, case: &Case, set: &Set<'_>, observed: Observed) -> Ran {
    let (recorded, said_before) = &bench.baseline.cases[case.name];
    let recording = recording(case, set, &observed);
    let files = observed.seen.iter().flat_map(|call| call.files.iter());
    let mut findings = observed.findings;
    findings.extend(files.map(|path| Finding::differs(Change::File { path: path.clone() })));

    let mut symptoms = observed.symptoms;
    let after = observed.after.as_ref();
    let said_now = match &observed.outcome {
        Some(outcome) => {
            symptoms.extend(checked(bench, case, outcome, observed.called, after));
            if no_secret(outcome, &set.scene.endpoint.password).is_err() {
                symptoms.push(leaks());
            }
            Said::new(outcome, observed.called)
        }
        None => documented(&case.definition.call, &recording),
    };
    let said_now = normalised(&said_now, set, bench.judged_as);
    let first = recording.calls.first();
    let shown = Shown {
        said: said_now.clone(),
        argv: first.map(|call| call.argv.clone()).unwrap_or_default(),
        revision: after.and_then(|state| state.revision.clone()),
    };
    let result = judge(Evidence {
        case,
        recorded,
        said_before,
        seen: &recording,
        said_now: &said_now,
        violations: &violations(&case.expectations, bench.judged_as, &recording),
        observed: findings,
        symptoms,
    });
    let result = CaseResult {
        recorded: Some(recorded.to_file()),
        seen: Some(without_secret(&recording.to_file(), set)),
        ..result
    };
    Ran {
        result,
        shown: Some(shown),
        again: false,
    }
}

fn leaks() -> Symptom {
    Symptom {
        change: Change::Secret,
        field: None,
        before: "no password in what the adapter says".to_owned(),
        now: "the password is in it".to_owned(),
        consequence: Some("prints the password of the database".to_owned()),
    }
}

fn task(bench: &Bench<'_>, case: &Case) -> Task {
    let about_version = case.definition.call == Call::Version;
    let judged_as = bench.judged_as.to_string();
    Task {
        program: bench.program.to_owned(),
        version: bench.version.clone().filter(|_| !about_version),
        says: (bench.says != judged_as).then(|| (bench.says.to_owned(), judged_as)),
        unwritable_report: case.definition.circumstance == Some(Circumstance::UnwritableReport),
        tamper: bench.tamper.clone(),
    }
}

/// What was seen so far, without the questions for the version that the adapter asks on the way.
fn calls(wrapper: &Wrapper, case: &Case) -> anyhow::Result<Vec<Seen>> {
    let mut seen = wrapper.seen()?;
    if case.definition.call != Call::Version {
        seen.retain(|call| call.argv != ["--version"]);
    }
    Ok(seen)
}

/// Makes the call through the adapter. An interrupt drops it, which stops confiture.
fn through_adapter(
    bench: &Bench<'_>,
    wrapper: &Wrapper,
    case: &Case,
    set: &Set<'_>,
) -> anyhow::Result<Outcome> {
    let adapter = ConfitureMigration::builder()
        .program(wrapper.program())
        .timeout(bench.limit)
        .grace(Duration::from_secs(2))
        .build();
    let context = drive::context(&case.definition, &set.scene);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let call = drive::drive(&adapter, &case.definition.call, &context);
        let mut call = std::pin::pin!(call);
        loop {
            match tokio::time::timeout(Duration::from_millis(100), &mut call).await {
                Ok(outcome) => return Ok(outcome),
                Err(_) => interrupt::check()?,
            }
        }
    })
}

fn hangs(limit: Duration) -> Finding {
    let change = Finding::differs(Change::Hangs);
    change.with(
        "it ends",
        format!("still running after {} s", limit.as_secs()),
    )
}

fn touched(observed: &Observed) -> Symptom {
    Symptom {
        change: Change::Database {
            what: "state, by a call that the adapter refused".to_owned(),
        },
        field: None,
        before: format!("{:?}", observed.before),
        now: format!("{:?}", observed.after),
        consequence: Some("believes the database untouched".to_owned()),
    }
}

/// Whether trouble with the server is trouble of the machine, and not what the case is about.
fn expects_a_server(case: &Case) -> bool {
    use contract_tests::connection::Connection;
    case.definition.connection == Connection::Valid
}

/// The recording that what was seen makes.
fn recording(case: &Case, set: &Set<'_>, observed: &Observed) -> Recording {
    let left = |seen: &Seen| Left {
        exit: seen.exit,
        report: seen.report.clone(),
        stdout: seen.stdout.clone(),
        stderr: seen.stderr.clone(),
    };
    let seen = &observed.seen;
    let capture = Capture {
        scene: set.scene.clone(),
        before: observed.before.clone(),
        calls: seen.iter().map(left).collect(),
        after: observed.after_calls.clone(),
    };
    let names = set.scene.names();
    let mut recording = capture.recording(case);
    for (call, seen) in recording.calls.iter_mut().zip(seen) {
        call.argv = seen
            .argv
            .iter()
            .map(|argument| normalise(argument, &names))
            .collect();
    }
    if recording.calls.is_empty() {
        // Nothing was seen of a call that hangs.
        recording.calls.push(RecordedCall {
            argv: case.definition.call.argv(case.definition.migrations_dir),
            env: case
                .definition
                .call
                .recorded_environment(case.definition.connection),
            exit: 137,
            report: None,
            report_not_json: None,
            stdout: "".into(),
            stderr: "(it did not end)".into(),
        });
    }
    recording
}

/// What the adapter makes of what a binary says of itself.
fn documented(call: &Call, recording: &Recording) -> Said {
    match surface::read(call, &recording.calls[0]) {
        Ok(value) => Said::Result(value),
        Err(error) => Said::Error {
            kind: "internal_error".to_owned(),
            message: format!("{error:#}"),
        },
    }
}

/// What was said, with the placeholders of a snapshot.
fn normalised(said: &Said, set: &Set<'_>, judged_as: Release) -> Said {
    let Said::Result(value) = said else {
        return said.clone();
    };
    let names = set.scene.names().with(
        format!(r#""version": "{judged_as}""#),
        r#""version": "<version>""#,
    );
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let read = serde_json::from_str(&normalise(&text, &names));
    read.map_or_else(|_| said.clone(), Said::Result)
}

/// What the catalogue expects of the adapter, and what the database says to it.
fn checked(
    bench: &Bench<'_>,
    case: &Case,
    outcome: &Outcome,
    called: bool,
    after: Option<&State>,
) -> Vec<Symptom> {
    let mut symptoms = Vec::new();
    if let Err(error) = verdict(&case.expectations, bench.judged_as, outcome, called) {
        let text = one_line(&format!("{error:#}"));
        symptoms.push(Symptom {
            change: Change::Expectation {
                fact: "the adapter's verdict".to_owned(),
            },
            field: None,
            before: "as the catalogue expects".to_owned(),
            now: text,
            consequence: None,
        });
    }
    if let Ok(result) = outcome
        && let Err(error) = names_the_revision(&case.definition.call, result, after)
    {
        symptoms.push(Symptom {
            change: Change::FalseSafe {
                what: "the adapter names another revision than the ledger".to_owned(),
            },
            field: None,
            before: "adapter and ledger agree".to_owned(),
            now: one_line(&format!("{error:#}")),
            consequence: Some("believes the database to be where it is not".to_owned()),
        });
    }
    symptoms
}

fn without_secret(text: &str, set: &Set<'_>) -> String {
    text.replace(&set.scene.endpoint.password, "<password>")
}

/// A text in one bounded line.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_the_machine_is_no_fault_of_the_candidate() {
        assert_eq!(
            external("OSError: [Errno 28] No space left on device"),
            Some("the disk is full")
        );
        assert_eq!(
            external("server closed the connection unexpectedly"),
            Some("the database server died")
        );
        assert_eq!(external("relation \"x\" does not exist"), None);
    }
}
