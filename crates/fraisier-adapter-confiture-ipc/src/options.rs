//! The adapter that the program runs: the library's, with the defaults that the engine asks for.

use std::sync::Arc;

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::observe::Observer;
use fraisier_adapter_confiture::{Builder, ConfitureMigration, MissingMigrations};

use crate::limit::{self, Limit};

/// The defaults of this program, by variable, where they are not those of the library.
pub const DEFAULTS: [(&str, &str); 2] = [
    ("FRAISIER_CONFITURE_TIMEOUT", "`50s`"),
    ("FRAISIER_CONFITURE_MISSING_MIGRATIONS", "`ask`"),
];

/// The builder with the defaults of the program, before the variables. fraisier asks `verify` and
/// `preflight` where the migrations need not be.
fn defaults() -> Builder {
    ConfitureMigration::builder()
        .timeout(limit::DEFAULT)
        .missing_migrations(MissingMigrations::AskConfiture)
}

/// The adapter that the environment configures, and the limit of a call of it.
///
/// # Errors
///
/// `InvalidConfig` when a variable holds what it does not take.
pub fn adapter(observer: Arc<dyn Observer>) -> Result<(ConfitureMigration, Limit), AdapterError> {
    let builder = defaults().overridden_by_env()?.observer(observer);
    let adapter = builder.build();
    let limit = Limit(adapter.timeout());
    Ok((adapter, limit))
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_confiture::VARIABLES;

    use super::*;

    #[test]
    fn a_default_that_is_told_is_the_one_that_holds() {
        for (name, _) in DEFAULTS {
            assert!(VARIABLES.iter().any(|variable| variable.name == name));
        }
        assert_eq!(limit::DEFAULT.as_secs(), 50);
        assert_eq!(defaults().build().timeout(), Some(limit::DEFAULT));
        assert!(!Limit(Some(limit::DEFAULT)).is_beyond_the_engine());
    }
}
