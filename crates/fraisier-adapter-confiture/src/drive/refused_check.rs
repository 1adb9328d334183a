//! A connection that was refused because the server was asked to check for its client.

use std::time::Duration;

use fraisier_adapter_api::AdapterErrorKind;

use crate::failure::{Advice, DatabaseState, Failure, Reader};
use crate::process::Exit;
use crate::report::{Current, Payload, decode};
use crate::request::{is_refused, server_option};

/// The code for a database that cannot be reached, and the status that goes with it.
const UNREACHABLE: (&str, Exit) = ("CONFIG_006", Exit::Code(3));

/// The message of a server or pooler that refused the connection because of the check. Nothing ran
/// over a connection that was never opened.
pub(super) fn said(reader: &Reader<'_>) -> Option<String> {
    let (code, exit) = UNREACHABLE;
    if reader.output.exit != exit || reader.began() {
        return None;
    }
    // Only the envelope matters, which is the same for every operation.
    let Payload::Envelope(envelope) = decode::<Current>(reader.output.report.as_ref()) else {
        return None;
    };
    let refused = envelope.code.as_deref() == Some(code) && is_refused(&envelope.message);
    refused.then_some(envelope.message)
}

/// The failure of a call whose builder demanded the check.
pub(super) fn failure(reader: &Reader<'_>, said: &str) -> Failure {
    let said = said.find("FATAL:").map_or(said, |at| &said[at..]);
    let what = format!(
        "the server or a pooler refused what `server_disconnect_check` asks for: {}",
        said.trim()
    );
    reader.failure(
        AdapterErrorKind::InvalidConfig,
        &what,
        DatabaseState::Untouched,
        Advice::LetPoolerIgnore(server_option(Duration::from_secs(1))),
    )
}
