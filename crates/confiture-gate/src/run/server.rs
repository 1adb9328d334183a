//! The database server of a run. If it dies, another is started, once.

use std::sync::{Arc, Mutex};

use contract_lab::postgres::Server;

use super::lanes::lock;

/// Opens a server.
pub type Open<'a> = dyn Fn() -> anyhow::Result<Server> + Sync + 'a;

/// One server for all candidates.
pub struct Servers<'a> {
    open: &'a Open<'a>,
    current: Mutex<Current>,
}

/// The current server.
#[derive(Default)]
struct Current {
    server: Option<Arc<Server>>,
    /// Whether the current server is the second one.
    replaced: bool,
}

impl<'a> Servers<'a> {
    /// No server is opened before it is needed.
    pub fn new(open: &'a Open<'a>) -> Self {
        Self {
            open,
            current: Mutex::default(),
        }
    }

    /// The server.
    pub fn current(&self) -> anyhow::Result<Arc<Server>> {
        let mut current = lock(&self.current);
        if let Some(server) = &current.server {
            return Ok(Arc::clone(server));
        }
        let server = Arc::new((self.open)()?);
        current.server = Some(Arc::clone(&server));
        Ok(server)
    }

    /// The version of the server; none if no server was opened.
    pub fn version(&self) -> Option<String> {
        let server = lock(&self.current).server.clone()?;
        server.version().ok()
    }

    /// The server after `dead`, which another candidate may have opened already. None if `dead` is the
    /// second one.
    pub fn after(&self, dead: &Arc<Server>) -> anyhow::Result<Option<Arc<Server>>> {
        let mut current = lock(&self.current);
        if let Some(server) = current
            .server
            .as_ref()
            .filter(|now| !Arc::ptr_eq(now, dead))
        {
            return Ok(Some(Arc::clone(server)));
        }
        if current.replaced {
            return Ok(None);
        }
        current.replaced = true;
        current.server = None;
        let server = Arc::new((self.open)()?);
        current.server = Some(Arc::clone(&server));
        Ok(Some(server))
    }
}
