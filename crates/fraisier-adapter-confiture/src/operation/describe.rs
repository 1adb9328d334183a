//! `describe`: which release is installed, and what the adapter can do with it.

use fraisier_adapter_api::{AdapterDescription, PROTOCOL_VERSION};

use crate::failure::{ADAPTER, Reader};
use crate::operation::reading::{Outputs, Reading, Unread};
use crate::operation::{Operation, version};
use crate::release::capability;

/// Reads a `describe`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Describe;

impl Reading for Describe {
    type Answer = AdapterDescription;
    const OPERATION: Operation = Operation::Describe;

    fn read(&self, reader: &Reader<'_>, outputs: &Outputs) -> Result<Self::Answer, Unread> {
        let version = outputs.version_in(reader.output)?;
        version::usable(&version)?;
        Ok(AdapterDescription {
            name: ADAPTER.into(),
            capabilities: capability::advertised(&version),
            version: version.as_str().into(),
            protocol_version: PROTOCOL_VERSION,
        })
    }
}
