//! What an error says of its cause: the machine, which a confiture cannot be blamed for, or time.

use std::sync::LazyLock;

use regex::Regex;

/// What a text says of a machine that is in trouble.
pub(crate) fn external(text: &str) -> Option<&'static str> {
    static SIGNS: LazyLock<[(Regex, &'static str); 4]> = LazyLock::new(|| {
        [
            (r"No space left on device|could not extend file", "the disk is full"),
            (
                r"server closed the connection unexpectedly|error connecting to server|terminating connection due to|the database system is|Connection refused.*(?:port [2-9]|port 1\d)",
                "the database server died",
            ),
            (r"Cannot allocate memory|MemoryError", "the machine has no memory left"),
            (r"Too many open files|Resource temporarily unavailable", "the machine is out of resources"),
        ]
        .map(|(pattern, why)| (Regex::new(pattern).expect("the pattern is part of this file"), why))
    });
    let found = SIGNS.iter().find(|(pattern, _)| pattern.is_match(text));
    found.map(|(_, why)| *why)
}

/// Whether it says that a call was ended at its limit, in the words of `contract_lab::command`.
pub(crate) fn ran_out_of_time(text: &str) -> bool {
    text.contains("did not end in time")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use contract_lab::command::run_within;

    use super::*;

    #[test]
    fn trouble_of_the_machine_is_no_fault_of_the_candidate() {
        assert_eq!(
            external("OSError: [Errno 28] No space left on device"),
            Some("the disk is full")
        );
        assert_eq!(
            external("server closed the connection unexpectedly"),
            Some("the database server died")
        );
        assert_eq!(external("relation \"x\" does not exist"), None);
    }

    #[test]
    fn a_call_that_is_ended_at_its_limit_says_so() {
        let mut sleeps = Command::new("sleep");
        let ended = run_within(sleeps.arg("60"), Duration::from_millis(10));
        assert!(ran_out_of_time(&ended.unwrap_err().to_string()));
    }
}
