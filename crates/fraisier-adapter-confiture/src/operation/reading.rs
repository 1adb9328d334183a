//! Reads the outputs of one call into its answer, and says which command has to be run for that.
//!
//! The adapter and the replay of recordings both go through [`next`], so what follows an output is
//! decided here and nowhere else.

use fraisier_adapter_api::{MigrationOutcome, Revision};

use crate::failure::{Failure, NamedBy, Reader};
use crate::observe::{Announcer, Event};
use crate::operation::{Operation, revision, version};
use crate::process::{Output, Report};
use crate::redact::{Redact, Redactor};
use crate::release::ConfitureVersion;
use crate::release::capability::Need;

/// A command that a call may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// That of the operation itself.
    Operation,
    /// `confiture --version`, to know the release.
    Version,
    /// `confiture migrate current`, to know the revision after the operation.
    Current,
}

/// Why there is no answer yet, or no result.
#[derive(Debug)]
pub enum Unread {
    /// This command has to be run before there is an answer.
    Needs(Command),
    /// The answer is an error.
    Failed(Failure),
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How an operation's outputs are read.
pub trait Reading: Send + Sync + 'static {
    /// What the operation gives.
    type Answer: Redact + Send + 'static;

    /// The operation.
    #[doc(hidden)]
    const OPERATION: Operation;

    /// Whether reading opens files of the project, which may take a while.
    #[doc(hidden)]
    const READS_FILES: bool = false;

    /// The revision that was asked for.
    #[doc(hidden)]
    fn target(&self) -> Option<&Revision> {
        None
    }

    /// What has to be known before the operation's own command is run.
    #[doc(hidden)]
    fn before(&self, _: &Outputs) -> Result<(), Unread> {
        Ok(())
    }

    /// What the report says of migrations, one event each.
    #[doc(hidden)]
    fn migrations(&self, _: &Reader<'_>) -> Vec<Event> {
        Vec::new()
    }

    /// What an answer says of the database.
    #[doc(hidden)]
    #[must_use]
    fn summary(_: &Self::Answer) -> Summary {
        Summary::default()
    }

    /// Reads what the operation's own command left.
    #[doc(hidden)]
    fn read(&self, reader: &Reader<'_>, outputs: &Outputs) -> Result<Self::Answer, Unread>;
}

/// What an answer says of the database, for the log.
#[derive(Debug, Default)]
pub struct Summary {
    /// The revision before.
    pub(crate) from: Option<Revision>,
    /// The revision after.
    pub(crate) to: Option<Revision>,
    /// How many migrations were applied, or rolled back.
    pub(crate) applied: usize,
}

impl From<&MigrationOutcome> for Summary {
    fn from(outcome: &MigrationOutcome) -> Self {
        Self {
            from: outcome.from.clone(),
            to: outcome.to.clone(),
            applied: outcome.applied.len(),
        }
    }
}

impl Redact for Summary {
    fn redact(&mut self, redactor: &Redactor) {
        self.from.redact(redactor);
        self.to.redact(redactor);
    }
}

/// The release of confiture, or what `--version` left.
#[derive(Debug, Clone)]
enum Release {
    /// It was known without running anything.
    Known(ConfitureVersion),
    /// What `--version` left, or why it could not be run.
    Asked(Result<Output, Failure>),
}

/// What the commands of a call have left so far.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// What named the program that left them.
    named_by: NamedBy,
    operation: Option<Output>,
    release: Option<Release>,
    current: Option<Result<Output, Failure>>,
}

impl Outputs {
    /// Nothing has been run yet.
    pub(crate) const fn new(named_by: NamedBy) -> Self {
        Self {
            named_by,
            operation: None,
            release: None,
            current: None,
        }
    }

    /// The release that `--version` told.
    pub(crate) fn version_in(&self, output: &Output) -> Result<ConfitureVersion, Failure> {
        version::read(output, self.named_by)
    }

    /// Adds the release, known without running anything.
    pub(crate) fn know(&mut self, release: ConfitureVersion) {
        self.release = Some(Release::Known(release));
    }

    /// Adds what a command left. What may be half of a secret, where output was cut, goes.
    ///
    /// # Errors
    ///
    /// When the operation's own command could not be run. The failure of a follow-up is kept for the
    /// operation to read.
    pub(crate) fn add(
        &mut self,
        command: Command,
        left: Result<Output, Failure>,
        redactor: &Redactor,
    ) -> Result<(), Failure> {
        let left = left.map(|mut output| {
            uncut(&mut output, redactor);
            output
        });
        match command {
            Command::Operation => self.operation = Some(left?),
            Command::Version => self.release = Some(Release::Asked(left)),
            Command::Current => self.current = Some(left),
        }
        Ok(())
    }

    /// Whether reading may take a while.
    pub(crate) fn is_large(&self) -> bool {
        let report = self.operation.as_ref().and_then(|it| it.report.as_ref());
        report.is_some_and(Report::is_large)
    }

    /// The release that answers.
    pub(crate) fn version(&self) -> Result<ConfitureVersion, Unread> {
        match &self.release {
            None => Err(Unread::Needs(Command::Version)),
            Some(Release::Known(version)) => Ok(version.clone()),
            Some(Release::Asked(Err(failure))) => Err(failure.clone().into()),
            Some(Release::Asked(Ok(output))) => Ok(self.version_in(output)?),
        }
    }

    /// Whether the release is known, and can do this.
    pub(crate) fn meet(&self, need: Need) -> bool {
        self.version().is_ok_and(|version| need.is_met_by(&version))
    }

    /// The revision after the operation.
    pub(crate) fn current(&self, operation: Operation) -> Result<Option<Revision>, Unread> {
        match &self.current {
            None => Err(Unread::Needs(Command::Current)),
            Some(Err(failure)) => Err(failure.clone().into()),
            Some(Ok(output)) => {
                let reader = Reader { operation, output };
                self.usage(&reader)?;
                Ok(revision::read(&reader)?)
            }
        }
    }

    /// Explains a command that was not understood.
    fn usage(&self, reader: &Reader<'_>) -> Result<(), Unread> {
        if !reader.is_like_a_usage_error() {
            return Ok(());
        }
        let version = match self.version() {
            Ok(version) => version,
            Err(Unread::Failed(_)) if !reader.speaks_of_usage() => return Ok(()),
            Err(other) => return Err(other),
        };
        version::usable(&version)?;
        if reader.speaks_of_usage() {
            return Err(reader.usage_error(&version).into());
        }
        Ok(())
    }
}

/// Takes away what may be half of a secret at the place where output was cut.
pub(crate) fn uncut(output: &mut Output, redactor: &Redactor) {
    for stream in [&mut output.stdout, &mut output.stderr] {
        redactor.uncut(stream);
    }
}

/// Words the failures of what a command of this operation left.
pub(crate) fn reader<R: Reading>(output: &Output) -> Reader<'_> {
    Reader {
        operation: R::OPERATION,
        output,
    }
}

/// Tells what the report of the operation's own command says of migrations.
pub fn tell_migrations<R: Reading>(reading: &R, output: &Output, announcer: &Announcer) {
    for event in reading.migrations(&reader::<R>(output)) {
        announcer.tell(event);
    }
}

/// The answer, or the command to run before there can be one.
pub(crate) fn next<R: Reading>(reading: &R, outputs: &Outputs) -> Result<R::Answer, Unread> {
    let Some(output) = &outputs.operation else {
        reading.before(outputs)?;
        return Err(Unread::Needs(Command::Operation));
    };
    let reader = reader::<R>(output);
    outputs.usage(&reader)?;
    reading.read(&reader, outputs)
}

#[cfg(test)]
mod tests;
