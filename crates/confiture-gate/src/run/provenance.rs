//! How a report was made.

use super::server::Servers;
use crate::result::Provenance;

/// The provenance of a run that ends now on these servers.
pub fn provenance(servers: &Servers<'_>) -> Provenance {
    let version = env!("CARGO_PKG_VERSION");
    Provenance {
        date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        gate: match option_env!("GATE_REVISION") {
            Some(revision) => format!("{version} ({revision})"),
            None => version.to_owned(),
        },
        postgresql: servers.version(),
    }
}
