//! Makes children of this process take `SIGINT`, also where this process ignores or blocks it.

use std::io;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};

/// Where this process ignores `SIGINT`, handles it from now on by doing nothing.
///
/// A daemon, `nohup` or a shell's `&` may have left it ignored. A child inherits that, and its Python
/// then takes no interrupt. A *handled* signal is back at its default in the child. To this process
/// the two are the same.
///
/// Must be called on a tokio runtime. Only Linux tells what is ignored; elsewhere this does nothing.
pub(super) fn keep_deliverable() -> io::Result<()> {
    if is_ignored() {
        // The handler stays when the stream it feeds is dropped.
        signal(SignalKind::interrupt()).map(drop)?;
    }
    Ok(())
}

/// The program and its option by which a child is started so that `SIGINT` is not blocked there;
/// `None` where this process does not block it, or nothing can unblock it.
///
/// A program that waits for signals by `sigwait` or `signalfd` blocks them, and a child inherits that.
/// This process must not unblock it, not even for a moment: a signal that is meant for the program
/// would be lost. The `env` of the GNU coreutils unblocks it in the child alone.
pub(super) fn unblocked_by() -> Option<(&'static str, &'static str)> {
    const ENV: (&str, &str) = ("/usr/bin/env", "--default-signal=INT");
    static WORKS: OnceLock<bool> = OnceLock::new();
    if !is_set("/proc/thread-self/status", "SigBlk:") {
        return None;
    }
    let works = *WORKS.get_or_init(|| {
        let (env, option) = ENV;
        let tried = Command::new(env)
            .args([option, "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let works = tried.is_ok_and(|status| status.success());
        if !works {
            tracing::warn!(
                "this process blocks SIGINT and there is no {env} that unblocks it for a child: \
                 what is to be interrupted is killed at the end of the grace"
            );
        }
        works
    });
    works.then_some(ENV)
}

fn is_ignored() -> bool {
    is_set("/proc/self/status", "SigIgn:")
}

/// Whether `SIGINT` is in this mask of a process or thread.
fn is_set(status: &str, mask: &str) -> bool {
    std::fs::read_to_string(status).is_ok_and(|status| has_interrupt(&status, mask))
}

fn has_interrupt(status: &str, mask: &str) -> bool {
    let bit = 1 << (SignalKind::interrupt().as_raw_value() - 1);
    status
        .lines()
        .find_map(|line| line.strip_prefix(mask))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::has_interrupt;

    #[test]
    fn the_mask_is_read_by_its_second_bit() {
        let status = |mask| format!("SigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\nSigCgt:\t0\n");
        let ignored = |mask| has_interrupt(&status(mask), "SigIgn:");
        assert!(ignored("0000000000000002"));
        assert!(ignored("0000000000001003"));
        assert!(!ignored("0000000000001001"));
        assert!(has_interrupt(&status("0"), "SigBlk:"));
        assert!(!has_interrupt("Name:\tx\n", "SigIgn:"));
    }
}
