//! The result of running one case.

use contract_catalogue::case::Case;

use crate::delivery::Shown;
use crate::result::{CaseResult, Finding};

/// A case that was run and judged, or not.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) result: CaseResult,
    pub(crate) shown: Option<Shown>,
    /// Whether it was not judged for a reason outside the candidate that may be temporary.
    pub(crate) retry: bool,
}

impl Ran {
    /// A case that was judged by these findings alone.
    pub(crate) fn judged(case: &Case, findings: Vec<Finding>) -> Self {
        Self {
            result: CaseResult::judged(case.name, case.about, findings),
            shown: None,
            retry: false,
        }
    }

    /// A case that was not judged; `retry` if the reason may be temporary.
    pub(crate) fn unjudged(case: &Case, why: impl Into<String>, retry: bool) -> Self {
        Self {
            result: CaseResult::not_judged(case.name, case.about, why),
            shown: None,
            retry,
        }
    }
}
