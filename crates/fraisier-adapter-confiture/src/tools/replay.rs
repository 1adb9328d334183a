//! What finished commands mean, without running any.
//!
//! The adapter itself goes through this, so a recording is read as a live command is, and is asked
//! for the same follow-ups.
//!
//! ```
//! use fraisier_adapter_confiture::tools::process::{Exit, Output};
//! use fraisier_adapter_confiture::tools::Redactor;
//! use fraisier_adapter_confiture::tools::replay::{Command, CurrentRevision, answer};
//!
//! let revision = answer(&CurrentRevision, &Redactor::default(), |command| {
//!     assert_eq!(command, Command::Operation);
//!     let report = br#"{"revision": "002", "name": "add_email"}"#;
//!     Output::new(Exit::Code(0), Some(report.to_vec()))
//! })?;
//! assert_eq!(revision.expect("one is applied").as_str(), "002");
//! # Ok::<(), fraisier_adapter_api::AdapterError>(())
//! ```

use fraisier_adapter_api::AdapterError;

use crate::boundary;
use crate::failure::NamedBy;
pub use crate::guard::{WINDOW_SAFE_UNPROVEN, guard_recognises};
pub use crate::operation::current::CurrentRevision;
pub use crate::operation::describe::Describe;
pub use crate::operation::down_to::DownTo;
pub use crate::operation::preflight::{NO_MIGRATIONS_AT_HAND, NOT_ALL_CHECKED, Preflight};
pub use crate::operation::reading::{Command, Reading, tell_migrations};
use crate::operation::reading::{Outputs, Unread, next};
pub use crate::operation::up::Up;
pub use crate::operation::verify::Verify;
use crate::process::Output;
use crate::redact::Redactor;
pub use crate::request::environment::{CHILD_ENVIRONMENT, Fate, plain_output, set_variables};
pub use crate::request::verify_files::VerifyFiles;

/// The answer of an operation, when `left` tells what each command that it needs left.
///
/// # Errors
///
/// Those of the operation's method of `MigrationAdapter`, as far as they follow from outputs: a report
/// that says that a migration failed, for example, is `Execution`, and one that cannot be read
/// `InternalError`.
pub fn answer<R: Reading>(
    reading: &R,
    redactor: &Redactor,
    mut left: impl FnMut(Command) -> Output,
) -> Result<R::Answer, AdapterError> {
    let mut outputs = Outputs::new(NamedBy::Default);
    let answer = loop {
        match next(reading, &outputs) {
            Ok(answer) => break Ok(answer),
            Err(Unread::Failed(failure)) => break Err(failure),
            Err(Unread::Needs(command)) => {
                if let Err(failure) = outputs.add(command, Ok(left(command)), redactor) {
                    break Err(failure);
                }
            }
        }
    };
    boundary::result(R::OPERATION, redactor, answer)
}
