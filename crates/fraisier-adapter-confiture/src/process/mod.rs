//! Runs any command, as an [`Invocation`] describes it: in a process group of its own, with a
//! private report file, in bounded memory, and stopped when the caller gives up.
//!
//! Every child belongs to a thread of the [`Runner`], not to the caller's runtime. So a run can be
//! awaited on any executor, and it is stopped properly also when that executor is shutting down.
//!
//! All waiting is by the monotonic clock: setting the time of day shortens or lengthens nothing. A
//! lint keeps the other clock out of this workspace.

mod capture;
mod conduct;
mod error;
mod group;
mod invocation;
mod launch;
mod life;
mod listener;
mod options;
mod output;
mod printed;
mod report;
mod report_dir;
mod run;
mod runner;
mod supervisor;
mod watcher;

pub use self::error::{Obstacle, RunError};
pub use self::invocation::{Arg, Environment, Invocation};
pub(crate) use self::launch::find_program;
pub use self::listener::{Listener, Stream};
pub use self::options::Options;
pub use self::output::{Captured, Exit, Interruption, Output};
pub use self::report::{Report, ReportProblem, read_report};
pub use self::runner::{RunContext, Runner};
