//! The context of commands that are run without a call.

use std::sync::Arc;

use fraisier_adapter_confiture::tools::Announcer;
use fraisier_adapter_confiture::tools::process::RunContext;

/// The context of a command that nobody listens to.
pub fn unheard() -> RunContext {
    let announcer = Announcer::new("bench", Arc::default(), None);
    RunContext {
        timeout: None,
        span: announcer.span(None),
        listener: Arc::new(announcer),
    }
}
