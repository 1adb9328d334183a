//! The secrets of a call.

use fraisier_adapter_api::AdapterCtx;

use super::{AGAINST_DATABASE_URL, DATABASE_URL, Dsn};
use crate::redact::Redactor;

/// The secrets of a call that can be read. The child cannot read the others either.
pub(super) struct Secrets {
    dsns: Vec<String>,
    others: Vec<String>,
}

impl Secrets {
    /// The values of the variables that no child receives.
    pub(super) fn withheld(values: impl IntoIterator<Item = String>) -> Self {
        // The host and the user of a connection string are no secrets.
        let (dsns, others) = values
            .into_iter()
            .partition(|value| Dsn::new("withheld", value.clone()).is_ok());
        Self { dsns, others }
    }

    /// These secrets and those of a context.
    pub(super) fn and_of_context(mut self, ctx: &AdapterCtx) -> Self {
        const DSNS: [&str; 2] = [DATABASE_URL, AGAINST_DATABASE_URL];
        let read = |logical: &str| ctx.secret(logical).ok();
        let declared = ctx.env_secrets.keys().chain(ctx.resolved_secrets.keys());
        self.dsns.extend(DSNS.into_iter().filter_map(read));
        self.others.extend(
            declared
                .filter(|logical| !DSNS.contains(&logical.as_str()))
                .filter_map(|logical| read(logical)),
        );
        self
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
