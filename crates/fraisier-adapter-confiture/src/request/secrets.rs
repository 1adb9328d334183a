//! The secrets of a context.

use fraisier_adapter_api::AdapterCtx;

use super::{AGAINST_DATABASE_URL, DATABASE_URL};
use crate::redact::Redactor;

/// The secrets of a context that can be read. The child cannot read the others either.
pub(super) struct Secrets {
    dsns: Vec<String>,
    others: Vec<String>,
}

impl Secrets {
    pub(super) fn in_context(ctx: &AdapterCtx) -> Self {
        const DSNS: [&str; 2] = [DATABASE_URL, AGAINST_DATABASE_URL];
        let read = |logical: &str| ctx.secret(logical).ok();
        let declared = ctx.env_secrets.keys().chain(ctx.resolved_secrets.keys());
        Self {
            dsns: DSNS.into_iter().filter_map(read).collect(),
            others: declared
                .filter(|logical| !DSNS.contains(&logical.as_str()))
                .filter_map(|logical| read(logical))
                .collect(),
        }
    }

    pub(super) fn redactor(&self) -> Redactor {
        let others = self.others.iter().map(String::as_str);
        Redactor::new(self.dsns.iter().map(String::as_str), others)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.dsns.iter().chain(&self.others).map(String::as_str)
    }
}

/// Whether a context has a secret of this name.
pub(super) fn is_declared(ctx: &AdapterCtx, logical: &str) -> bool {
    ctx.env_secrets.contains_key(logical) || ctx.resolved_secrets.contains_key(logical)
}
