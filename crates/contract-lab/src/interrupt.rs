//! Ctrl-C, SIGTERM and SIGHUP set a flag, which long waits check.

use std::sync::atomic::{AtomicBool, Ordering};

static FLAG: AtomicBool = AtomicBool::new(false);

/// A signal asked this process to stop.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// What a further signal does once the flag is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Further {
    /// Ends the process at once; the cleaners of servers and databases clean up.
    Ends,
    /// Does nothing: this process is such a cleaner.
    Nothing,
}

/// Makes the signals set the flag.
pub fn install(further: Further) -> anyhow::Result<()> {
    ctrlc::set_handler(move || {
        if FLAG.swap(true, Ordering::SeqCst) && further == Further::Ends {
            super::ui::clear();
            std::process::exit(130);
        }
    })?;
    Ok(())
}

/// Sets the flag, as a signal would.
pub fn raise() {
    FLAG.store(true, Ordering::SeqCst);
}

/// Whether the flag is set.
pub fn raised() -> bool {
    FLAG.load(Ordering::SeqCst)
}

/// `Err` once the flag is set: `interrupt::check()?` between two steps is all a command needs.
pub fn check() -> Result<(), Interrupted> {
    if raised() { Err(Interrupted) } else { Ok(()) }
}
