//! Exit statuses, one meaning each, and the errors that lead to them.

use std::process::ExitCode;

use contract_lab::interrupt::Interrupted;

/// The status table as `--help` shows it. Usage errors (2) are clap's.
pub const TABLE: &str = "\
Exit status:
  0    done, and everything checked was as expected
  1    it ran, and something checked was not as expected
  2    the command line was not understood
  3    it could not run: something it needs is missing;
       the message names it and the remedy
  130  it was interrupted, and has cleaned up";

/// What was checked is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unexpected(pub String);

/// Prints `error` as one sentence and returns its status.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let status = status(error);
    if error.is::<Interrupted>() {
        anstream::eprintln!("interrupted");
    } else {
        anstream::eprintln!("{}: {error:#}", contract_lab::ui::bad("error"));
    }
    ExitCode::from(status)
}

fn status(error: &anyhow::Error) -> u8 {
    if error.is::<Interrupted>() {
        130
    } else if error.is::<Unexpected>() {
        1
    } else {
        3
    }
}

#[cfg(test)]
mod tests {
    use contract_lab::trouble::Trouble;

    use super::*;
    use anyhow::Context as _;

    #[test]
    fn the_exit_status_survives_added_context() {
        let wrapped = Err::<(), _>(Interrupted).context("installing").unwrap_err();
        assert_eq!(status(&wrapped), 130);
        let wrapped = Err::<(), _>(Unexpected("no".into()))
            .context("demo")
            .unwrap_err();
        assert_eq!(status(&wrapped), 1);
        assert_eq!(status(&Trouble::new("no Python", "install one").into()), 3);
    }
}
