//! What `--help` says beside the options.

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
  The commands make the calls that fraisier makes, with the same defaults, and show what it would \
get. The connection string comes from a variable, never from an argument. A migration that takes \
longer than fraisier waits can be applied this way, with FRAISIER_CONFITURE_TIMEOUT=off.";

/// After `-h`.
pub(super) fn short() -> String {
    format!("{EXAMPLES}\n\n`--help` has the variables and the exit statuses.")
}

/// After `--help`.
pub(super) fn long() -> String {
    format!(
        "{ABOUT}\n\n{}\n\n{}\n\n{EXAMPLES}",
        variables(),
        exit::table()
    )
}

/// The table of variables, with the defaults of this program.
fn variables() -> String {
    let mut text = String::from("Variables (one that is empty counts as not set):");
    for variable in VARIABLES {
        let own = DEFAULTS.iter().find(|(name, _)| *name == variable.name);
        let default = own.map_or(variable.default, |(_, default)| default);
        let _ = write!(
            text,
            "\n  {}\n      {}\n      takes {}\n      default: {default}",
            variable.name,
            capitalised(variable.does),
            variable.takes,
        );
    }
    let _ = write!(
        text,
        "\n  {}\n      What is logged to standard error, such as `debug`\n      default: `warn`",
        log::VARIABLE
    );
    text.replace('`', "")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
