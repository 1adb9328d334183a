//! What the gate says: of a case, of a candidate, of a run. The JSON report is this, field by field.

mod case;
mod class;
mod judgement;
mod report;
mod status;
#[cfg(test)]
mod tests;
mod verdict;

pub use case::{CaseResult, Finding};
pub use class::Class;
pub use judgement::{CUT_SHORT, Capability, Cause, Judgement};
pub use report::{FORMAT_VERSION, Report};
pub use status::{STATUSES, WrongUsage};
pub use verdict::Verdict;
