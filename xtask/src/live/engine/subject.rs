//! What the parts of the long run call, and what each came to.

use std::sync::Arc;

use contract_lab::ui::Ui;
use fraisier_adapter_api::{AdapterCtx, AdapterError, MigrationAdapter as _};
use fraisier_adapter_confiture::ConfitureMigration;
use tokio::task::JoinSet;

/// What is called.
pub(super) struct Subject<'a> {
    pub(super) adapter: &'a ConfitureMigration,
    pub(super) ctx: &'a AdapterCtx,
}

/// What a part came to.
pub(super) struct Seen {
    pub(super) text: String,
    pub(super) faults: Vec<String>,
}

/// What calls of `current_revision` at once come to.
pub(super) fn current(
    subject: &Subject<'_>,
    calls: usize,
) -> anyhow::Result<Vec<Result<(), AdapterError>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let bar = Arc::new(Ui::stderr().bar(calls as u64, "calls at once"));
    let answers = runtime.block_on(async {
        let mut running = JoinSet::new();
        for _ in 0..calls {
            let (adapter, ctx) = (subject.adapter.clone(), subject.ctx.clone());
            let bar = Arc::clone(&bar);
            running.spawn(async move {
                let answer = adapter.current_revision(&ctx).await;
                bar.advance();
                answer
            });
        }
        running.join_all().await
    });
    answers
        .into_iter()
        .map(|answer| match answer {
            Ok(Some(revision)) if revision.0 == "003" => Ok(Ok(())),
            Ok(other) => anyhow::bail!("the revision is 003, and was said to be {other:?}"),
            Err(error) => Ok(Err(error)),
        })
        .collect()
}
