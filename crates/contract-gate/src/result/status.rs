//! The exit statuses: what they mean, and what makes the command line wrong.

/// The exit statuses as `--help` shows them.
pub const STATUSES: &str = "Exit status:
  0    yes: fraisier can live with every candidate
  1    no: a candidate breaks fraisier
  2    wrong usage: the command line was not understood,
       what it names is not there, or a difference that
       --accept names no longer occurs
  3    unknown: it could not run, or a case was not judged
  130  interrupted; the report holds what was known";

/// The command line is wrong, whatever the machine and the network.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct WrongUsage(pub anyhow::Error);
