//! `describe`: which release is installed, and what the adapter can do with it.

use fraisier_adapter_api::capability::PENDING_SCOPE;
use fraisier_adapter_api::{AdapterDescription, PROTOCOL_VERSION};

use super::Call;
use super::version;
use crate::failure::{ADAPTER, Fault};
use crate::release::capability;

/// What the adapter can do with the installed release.
pub(crate) async fn describe(call: &Call<'_>) -> Result<AdapterDescription, Fault> {
    let version = call.version().await?;
    version::usable(&version)?;
    let mut capabilities = capability::advertised(&version);
    if !call.request.config.pending_only {
        capabilities.retain(|it| it != PENDING_SCOPE);
    }
    Ok(AdapterDescription {
        name: ADAPTER.into(),
        capabilities,
        version: version.as_str().into(),
        protocol_version: PROTOCOL_VERSION,
    })
}
