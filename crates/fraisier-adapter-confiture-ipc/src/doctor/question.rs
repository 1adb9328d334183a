//! A question to the server, in a transaction that only reads and is rolled back.

use std::error::Error;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::finding::Finding;

/// How long a question may take. The server gives it up a little earlier.
const PATIENCE: Duration = Duration::from_secs(5);

const LIMITS: &str = "SET LOCAL statement_timeout = 4000";

/// Rows of texts.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// A connection that is not used any more once an answer has failed to come.
pub(super) struct Database {
    client: Option<Client>,
}

impl Database {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client: Some(client),
        }
    }

    pub(super) async fn ask(&mut self, sql: &str, columns: usize) -> Result<Rows, String> {
        let Some(client) = &mut self.client else {
            return Err("not made: the connection is lost".into());
        };
        let answer = timeout(PATIENCE, async {
            let transaction = client.build_transaction().read_only(true).start().await?;
            transaction.batch_execute(LIMITS).await?;
            // Without a prepared statement: in a pooler, it would stay behind for others.
            let none: &[(&(dyn ToSql + Sync), Type)] = &[];
            let rows = transaction.query_typed(sql, none).await?;
            transaction.rollback().await?;
            Ok::<_, tokio_postgres::Error>(rows)
        });
        match answer.await {
            Ok(Ok(rows)) => {
                let text = |row: &tokio_postgres::Row| {
                    (0..columns)
                        .map(|at| row.try_get(at).ok().flatten())
                        .collect()
                };
                Ok(rows.iter().map(text).collect())
            }
            Ok(Err(why)) => {
                if client.is_closed() {
                    self.client = None;
                }
                Err(chain(&why))
            }
            Err(_) => {
                self.client = None;
                Err(format!("no answer within {PATIENCE:?}"))
            }
        }
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The first row of an answer, or the finding that there is none.
pub(super) fn first_row(
    check: &'static str,
    answer: Result<Rows, String>,
) -> Result<Vec<String>, Finding> {
    match answer {
        Ok(rows) => match rows.into_iter().next() {
            Some(row) => Ok(row.into_iter().map(Option::unwrap_or_default).collect()),
            None => Err(Finding::unknown(check, "the server gave no row")),
        },
        Err(why) => Err(Finding::unknown(check, why)),
    }
}
