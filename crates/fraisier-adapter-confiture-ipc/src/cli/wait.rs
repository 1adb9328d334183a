//! What is printed while a call runs.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use tokio::sync::watch;

use crate::page;

/// Nothing is shown of a call that ends sooner.
const QUIET: Duration = Duration::from_secs(2);

/// Seconds between two lines in a log.
const IN_A_LOG: u64 = 10;

/// Shows how long a call has been running, and how far it is.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    method: &'static str,
    began: Instant,
    on_terminal: bool,
    at: Arc<watch::Sender<String>>,
}

impl Wait {
    pub(super) fn new(method: &'static str) -> Self {
        Self {
            method,
            began: Instant::now(),
            on_terminal: io::stderr().is_terminal(),
            at: Arc::default(),
        }
    }

    /// Shows it during this work: on a terminal in one line that changes and is removed at the end, in a log in
    /// lines.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            done = work => done,
            never = self.show() => match never {},
        };
        if self.on_terminal && self.began.elapsed() >= QUIET {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        done
    }

    async fn show(&self) -> Infallible {
        tokio::time::sleep(QUIET).await;
        for second in 0_u64.. {
            if self.on_terminal {
                let line: String = self.line().chars().take(page::width(true) - 1).collect();
                let _ = write!(io::stderr(), "\r\x1b[K{line}");
            } else if second % IN_A_LOG == 0 {
                let _ = writeln!(io::stderr(), "{}", self.line());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        std::future::pending().await
    }

    fn line(&self) -> String {
        let seconds = self.began.elapsed().as_secs();
        let at = page::printable(&self.at.borrow());
        format!("{} for {seconds} s{at}", self.method)
    }
}

impl Observer for Wait {
    fn event(&self, _: &Call, event: &Event) {
        let at = match event {
            Event::MigrationApplied { revision, name } => format!(", after {revision} {name}"),
            Event::Progress { applied, of, .. } => format!(", {applied} of {of} applied"),
            Event::Interrupted { .. } => ", stopping".into(),
            _ => return,
        };
        self.at.send_replace(at);
    }
}
