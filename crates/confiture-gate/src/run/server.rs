//! The database server of a run. If it dies, another is started, once.

use std::sync::{Arc, Mutex};

use contract_lab::postgres::Server;

use super::lanes::lock;
use crate::result::Provenance;

/// Opens a server.
pub type Open<'a> = dyn Fn() -> anyhow::Result<Server> + Sync + 'a;

/// One server for all candidates.
pub struct Servers<'a> {
    open: &'a Open<'a>,
    /// Those that were opened; the last is in use.
    opened: Mutex<Vec<Arc<Server>>>,
}

impl<'a> Servers<'a> {
    /// No server is opened before it is needed.
    pub fn new(open: &'a Open<'a>) -> Self {
        Self {
            open,
            opened: Mutex::default(),
        }
    }

    /// The server.
    pub fn current(&self) -> anyhow::Result<Arc<Server>> {
        let mut opened = lock(&self.opened);
        if opened.is_empty() {
            opened.push(Arc::new((self.open)()?));
        }
        Ok(Arc::clone(&opened[opened.len() - 1]))
    }

    /// How a report of a run that ends now on these servers was made.
    pub fn provenance(&self) -> Provenance {
        let version = env!("CARGO_PKG_VERSION");
        let server = lock(&self.opened).last().cloned();
        Provenance {
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            gate: match option_env!("GATE_REVISION") {
                Some(revision) => format!("{version} ({revision})"),
                None => version.to_owned(),
            },
            postgresql: server.and_then(|server| server.version().ok()),
        }
    }

    /// The server after `dead`, which another candidate may have opened already. None if `dead` is the
    /// second one.
    pub fn after(&self, dead: &Arc<Server>) -> anyhow::Result<Option<Arc<Server>>> {
        let mut opened = lock(&self.opened);
        let is_last = opened.last().is_some_and(|last| Arc::ptr_eq(last, dead));
        if is_last && opened.len() > 1 {
            return Ok(None);
        }
        if is_last {
            opened.push(Arc::new((self.open)()?));
        }
        Ok(opened.last().cloned())
    }
}
