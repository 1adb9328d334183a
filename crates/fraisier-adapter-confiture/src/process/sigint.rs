//! Makes sure that children can be interrupted.

use std::io;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};

/// A child inherits an *ignored* interrupt, as a daemon, `nohup` or a shell's `&` leave it, and a
/// Python that inherited it never hears of one. A *handled* signal, though, is back at its default
/// after exec. So where this process ignores the interrupt, it handles it from now on by doing
/// nothing, which is the same to it and not to its children.
///
/// Must be called on a tokio runtime. Only Linux tells what is ignored; elsewhere this does nothing.
pub(super) fn keep_deliverable() -> io::Result<()> {
    if is_ignored() {
        // The handler stays when the stream it feeds is dropped.
        signal(SignalKind::interrupt()).map(drop)?;
    }
    Ok(())
}

/// What a program is started by so that the interrupt is delivered to it, and the arguments before
/// the program; `None` where it is delivered anyway.
///
/// A child inherits a *blocked* interrupt too, as a program leaves it that waits for signals by
/// `sigwait` or `signalfd`. This process must not unblock it, not even for a moment: its own would
/// go astray. The `env` of the GNU coreutils does so for the child alone.
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

/// Whether the interrupt is in this mask of a process or thread.
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
