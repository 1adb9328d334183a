//! Makes sure that children can be interrupted.

use std::io;

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

fn is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_interrupt(&status))
}

fn ignores_interrupt(status: &str) -> bool {
    let bit = 1 << (SignalKind::interrupt().as_raw_value() - 1);
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::ignores_interrupt;

    #[test]
    fn the_mask_is_read_by_its_second_bit() {
        let status = |mask| format!("SigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\nSigCgt:\t0\n");
        assert!(ignores_interrupt(&status("0000000000000002")));
        assert!(ignores_interrupt(&status("0000000000001003")));
        assert!(!ignores_interrupt(&status("0000000000001001")));
        assert!(!ignores_interrupt("Name:\tx\n"));
    }
}
