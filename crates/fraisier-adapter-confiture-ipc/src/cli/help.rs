//! What `--help` prints beside the options.

use std::fmt::Write as _;

use fraisier_adapter_confiture::VARIABLES;

use crate::exit;
use crate::log;
use crate::options::DEFAULTS;

const EXAMPLES: &str = "\
Examples:
  fraisier-adapter-confiture-ipc doctor
  fraisier-adapter-confiture-ipc -C /srv/shop preflight
  fraisier-adapter-confiture-ipc --database-url-env SHOP_DSN current --json";

const ABOUT: &str = "\
Under fraisier:
  Put it on PATH and set `[migration] adapter = \"confiture-ipc\"`. Started without arguments and not \
on a terminal, it answers one request: JSON-RPC 2.0 after `Content-Length` and an empty line, on \
standard input. The response is the only thing on standard output. It refuses to migrate for `fraisier \
backup drill`, which would migrate the live database this way.

By hand:
  The commands make the calls that fraisier makes and show what it would get. The connection string \
comes from a variable, never from an argument. There are two differences: no call is ended after 50 s, \
so that a migration that takes longer than fraisier waits can be applied this way; and `verify` and \
`preflight` refuse a migrations directory that does not exist.";

/// After `-h`.
pub(super) fn short() -> String {
    format!("{EXAMPLES}\n\n`--help` lists the variables and the exit statuses.")
}

/// After `--help`.
pub(super) fn long() -> String {
    format!(
        "{ABOUT}\n\n{}\n\n{}\n\n{EXAMPLES}",
        variables(),
        exit::table()
    )
}

/// After `--help` of a subcommand that makes a call.
pub(super) fn of_a_call() -> String {
    limited(
        "No time limit, unless FRAISIER_CONFITURE_TIMEOUT sets one for each command of confiture, such as \
         `10m`. fraisier's own calls end after 50 s. Ctrl-C stops confiture; completed migrations remain \
         applied.",
    )
}

/// After `--help` of `doctor`.
pub(super) fn of_doctor() -> String {
    limited(
        "It ends within a minute: confiture has 20 s to print its version, the files 20 s to be read, and \
         the database 40 s. Nothing is changed and no migration lock is acquired.",
    )
}

fn limited(limits: &str) -> String {
    format!("Limits:\n  {limits}\n\n{}", exit::table()).replace('`', "")
}

/// The table of variables, with the defaults of this program.
fn variables() -> String {
    let mut text = String::from("Variables (an empty one counts as not set):");
    for variable in VARIABLES {
        let own = DEFAULTS.iter().find(|(name, _)| *name == variable.name);
        let default = own.map_or(variable.default, |(_, default)| default);
        let _ = write!(
            text,
            "\n  {}\n      {}\n      takes {}\n      default: {default}",
            variable.name, variable.does, variable.takes,
        );
    }
    let _ = write!(
        text,
        "\n  {}\n      what is logged to standard error, such as `debug`\n      default: `warn`",
        log::VARIABLE
    );
    text.replace('`', "")
}
