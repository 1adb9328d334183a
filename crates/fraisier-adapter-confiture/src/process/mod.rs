//! Runs any command, as an [`Invocation`] describes it: in a process group of its own, with a
//! private report file, in bounded memory, and killed when the caller drops the future.
//!
//! A thread of its own owns each command, from its start to the removal of its files. So a run can be
//! awaited on any executor, nothing blocks that executor, and the command is stopped properly also when
//! the executor shuts down.
//!
//! All waiting is by the monotonic clock: setting the time of day shortens or lengthens nothing. A
//! lint keeps the other clock out of this workspace.

mod invocation;
mod output;
mod report;
mod runner;
mod stream;
mod watcher;

pub(crate) use self::invocation::find_program;
pub use self::invocation::{Arg, Environment, Invocation, Links};
pub(crate) use self::output::is_shortage;
pub use self::output::{Captured, Exit, Interruption, Obstacle, Output, RunError, Stream};
pub use self::report::{Report, read_report};
pub use self::runner::{Activity, Listener, Runner};
pub use self::watcher::can_watch;
