//! Reads the ledger for a call.

use fraisier_adapter_api::AdapterErrorKind;

use super::status::{listed, status};
use super::{LIMITS, Ledger, OrderedBy, STATEMENTS, Unread};
use crate::database::{self, SqlError};
use crate::failure::{Advice, DatabaseState, Fault};
use crate::operation::Call;

/// The ledger in the order of its rows, or else as `migrate status` lists it.
///
/// `migrate status` creates the ledger where there is none. So it runs only where `migrate current`
/// found one.
pub(crate) async fn read(call: &Call<'_>) -> Result<Ledger, Fault> {
    match rows(call).await {
        Ok(ledger) => return Ok(ledger.unwrap_or_default()),
        Err(Unread::Refused(error)) if error.is_lock_timeout() => return Err(locked(&error)),
        Err(why) => {
            let why = call.request.masked(&why);
            tracing::debug!("the rows of the ledger are not known: {why}");
        }
    }
    if call.current().await?.is_none() {
        return Ok(Ledger::default());
    }
    list(call).await
}

/// The ledger after a rollback, read as it was before.
pub(crate) async fn read_again(call: &Call<'_>, before: &Ledger) -> Result<Ledger, Fault> {
    match before.ordered_by {
        OrderedBy::Row => read(call).await,
        OrderedBy::Version => list(call).await,
    }
}

async fn list(call: &Call<'_>) -> Result<Ledger, Fault> {
    listed(&call.look(status(call.request)).await?)
}

/// The rows of the ledger; `None` where there is no such table.
pub(crate) async fn rows(call: &Call<'_>) -> Result<Option<Ledger>, Unread> {
    let answers = database::query(call, LIMITS, &STATEMENTS, None).await;
    Ledger::read(&answers.map_err(Unread::Unavailable)?)
}

fn locked(error: &SqlError) -> Fault {
    let what = format!(
        "another session locks the ledger, so it cannot be read: {}",
        error.message.trim()
    );
    let kind = AdapterErrorKind::LockContention;
    Fault::new(
        kind,
        what,
        DatabaseState::Unchanged,
        Advice::wait_for_lock(),
    )
}
