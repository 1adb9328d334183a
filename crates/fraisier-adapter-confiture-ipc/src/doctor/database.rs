//! What the server says, check by check.

use super::connection::Connected;
use super::files::Files;
use super::finding::Finding;
use super::question::Database;
use super::target::Target;
use super::{history, ledger, server, sessions};

pub(super) const CHECKS: [&str; 9] = [
    server::SERVER,
    server::BETWEEN,
    server::WRITABLE,
    ledger::RIGHTS,
    ledger::LEDGER,
    sessions::LOCK,
    sessions::BLOCKING,
    sessions::INDEXES,
    history::CHECK,
];

pub(super) async fn examine(
    connected: Option<Connected>,
    target: &Target,
    files: &Files,
    checks: &mut Vec<Finding>,
) {
    let Some(Connected {
        client,
        takes_options,
    }) = connected
    else {
        let why = "not made: there is no connection";
        checks.extend(CHECKS.map(|check| Finding::unknown(check, why)));
        return;
    };
    let mut database = Database::new(client);
    checks.push(server::release(&mut database).await);
    checks.push(server::between(&mut database, target, takes_options).await);
    checks.push(server::writable(&mut database).await);
    let ledgers = ledger::find(&mut database).await;
    checks.push(ledger::rights(&mut database, &ledgers).await);
    checks.push(ledger::visible(&ledgers));
    checks.push(sessions::lock(&mut database).await);
    checks.push(sessions::blocking(&mut database).await);
    checks.push(sessions::indexes(&mut database).await);
    checks.push(ledger::history(&mut database, &ledgers, files).await);
}
