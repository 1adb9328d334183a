//! Observes one case: the adapter makes the call, and the wrapper captures what confiture does.

use std::time::{Duration, Instant};

use contract_catalogue::ask::{self, Answer};
use contract_catalogue::call::Call;
use contract_catalogue::case::{Case, Circumstance};
use contract_catalogue::recording::State;
use contract_catalogue::site::Site;
use contract_lab::interrupt;
use contract_lab::runner::{Prepared, call_by};

use super::settings::Setup;
use crate::change::Change;
use crate::judge::Symptom;
use crate::result::Finding;
use crate::wrapper::{Seen, Task, Wrapper};

/// The observations of one case.
pub(crate) struct Observed {
    /// The adapter's result; none for a call that it never makes.
    pub(crate) outcome: Option<Answer>,
    /// Whether the adapter made the call.
    pub(crate) called: bool,
    /// The ledger as it was reported, if the adapter read it.
    pub(crate) ledger: Option<String>,
    /// The calls of the adapter, or the direct call if the adapter refuses.
    pub(crate) seen: Vec<Seen>,
    /// The database before it.
    pub(crate) before: Option<State>,
    /// The database after the adapter's call.
    pub(crate) after: Option<State>,
    /// The database after the observed calls.
    pub(crate) after_calls: Option<State>,
    /// Differences that the recording of these calls does not show.
    pub(crate) findings: Vec<Finding>,
    /// Everything wrong, whatever its cause.
    pub(crate) symptoms: Vec<Symptom>,
}

/// Runs the case through the adapter. A call that the adapter does not make is made directly.
pub(crate) fn observe(
    setup: &Setup<'_>,
    case: &Case,
    place: &Prepared<'_>,
) -> anyhow::Result<Observed> {
    let definition = &case.definition;
    let direct = matches!(definition.call, Call::ExitCodes | Call::Help(_));
    let before = place.state()?;
    let wrapper = Wrapper::new(setup.myself, &task(setup, case, &place.site))?;
    let limit = setup.limit();
    let began = Instant::now();
    let outcome = if direct {
        None
    } else {
        Some(through_adapter(&wrapper, case, place, limit)?)
    };
    let elapsed = began.elapsed();
    let seen = calls(&wrapper, case)?;
    let after = place.state()?;
    let hung = !direct && elapsed >= limit && wrapper.is_unfinished();
    let mut observed = Observed {
        outcome,
        called: !seen.is_empty() || hung,
        ledger: wrapper.ledger(),
        seen,
        before,
        after_calls: after.clone(),
        after,
        findings: Vec::new(),
        symptoms: Vec::new(),
    };
    if hung {
        setup.count_hung();
        observed.findings.push(hangs(limit));
    } else if !observed.called {
        // The adapter refuses, or never makes, this call. It is made directly, because its result may
        // have drifted.
        if observed.before != observed.after {
            observed.symptoms.push(touched(&observed));
        }
        let program = wrapper.program();
        let made_directly = call_by(&program, &place.site, definition, &definition.call, limit);
        // A call that an interrupt stopped is unfinished too.
        interrupt::check()?;
        observed.seen = calls(&wrapper, case)?;
        if wrapper.is_unfinished() {
            setup.count_hung();
            observed.findings.push(hangs(limit));
        } else if observed.seen.is_empty() {
            // A call that a signal ended was still observed.
            made_directly?;
        }
        observed.after_calls = place.state()?;
    }
    if setup.records {
        let missing = observed.seen.len().saturating_sub(1);
        for call in definition.then.iter().skip(missing) {
            call_by(&wrapper.program(), &place.site, definition, call, limit)?;
        }
        observed.seen = calls(&wrapper, case)?;
    }
    Ok(observed)
}

/// The wrapper's task in this case.
pub(crate) fn task(setup: &Setup<'_>, case: &Case, site: &Site) -> Task {
    let about_version = case.definition.call == Call::Version;
    let judged_as = setup.judged_as.to_string();
    Task {
        program: setup.program.to_owned(),
        version: setup.version.clone().filter(|_| !about_version),
        says: (setup.says != judged_as).then(|| (setup.says.to_owned(), judged_as)),
        project: site.project.clone(),
        unwritable_report: case.definition.circumstance == Some(Circumstance::UnwritableReport),
    }
}

/// The observed calls so far, without the adapter's calls of `--version`.
fn calls(wrapper: &Wrapper, case: &Case) -> anyhow::Result<Vec<Seen>> {
    let mut seen = wrapper.seen()?;
    if case.definition.call != Call::Version {
        seen.retain(|call| !call.asks_version());
    }
    Ok(seen)
}

/// Makes the call through the adapter. An interrupt drops it, which stops confiture.
fn through_adapter(
    wrapper: &Wrapper,
    case: &Case,
    place: &Prepared<'_>,
    limit: Duration,
) -> anyhow::Result<Answer> {
    let builder = ask::builder(&wrapper.program(), place.site.release);
    let adapter = builder.timeout(limit).build();
    let mut context = ask::context(&case.definition, &place.site);
    context.settings.extend(place.settings.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let call = ask::ask(&adapter, &case.definition.call, &context);
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
    let what = "state after a call that the adapter refused".to_owned();
    let shown = |state: &Option<State>| format!("{state:?}");
    Finding::breaks(Change::Database { what })
        .with(shown(&observed.before), shown(&observed.after))
        .meaning("assumes that the database is unchanged")
        .into()
}
