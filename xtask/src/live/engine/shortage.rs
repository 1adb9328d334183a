//! Calls where descriptors run short.

use std::fs::File;

use fraisier_adapter_api::{AdapterError, AdapterErrorKind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::subject::{Seen, Subject, current};
use contract_lab::interrupt;

/// How many descriptors there are while these are short.
const DESCRIPTORS: u64 = 256;
/// How many of them are free at most; from none, in steps of four.
const SPARE: usize = 48;

/// Counts answers and refusals.
#[derive(Default)]
struct Tally {
    answered: usize,
    refused: usize,
    faults: Vec<String>,
}

impl Tally {
    fn add(&mut self, answers: Vec<Result<(), AdapterError>>) {
        for answer in answers {
            match answer {
                Ok(()) => self.answered += 1,
                Err(error) if is_shortage(&error) => self.refused += 1,
                Err(error) => self.faults.push(error.to_string()),
            }
        }
    }

    fn seen(mut self) -> Seen {
        let Self {
            answered, refused, ..
        } = self;
        if answered == 0 || refused == 0 {
            self.faults
                .push("it was never, or always, short".to_owned());
        }
        self.faults.truncate(1);
        Seen {
            text: format!("{answered} answered, {refused} refused"),
            faults: self.faults,
        }
    }
}

/// Whether the error says what one of a shortage must.
fn is_shortage(error: &AdapterError) -> bool {
    error.kind == AdapterErrorKind::Execution && error.message.contains("try again")
}

/// Calls while so few descriptors are free that some cannot be made.
pub(super) fn few_descriptors(subject: &Subject<'_>, _: usize) -> anyhow::Result<Seen> {
    let before = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: Some(DESCRIPTORS),
        ..before
    };
    let mut tally = Tally::default();
    setrlimit(Resource::Nofile, limit)?;
    for spare in (0..=SPARE).step_by(4) {
        interrupt::check()?;
        let mut held: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        // One is for what the calls are made with.
        held.truncate(held.len().saturating_sub(spare + 1));
        let answers = current(subject, 4);
        drop(held);
        tally.add(answers?);
    }
    setrlimit(Resource::Nofile, before)?;
    Ok(tally.seen())
}
