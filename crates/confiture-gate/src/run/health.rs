//! Whether the server and the machine work. The gate checks them itself, and ignores what the candidate
//! says about them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use contract_lab::postgres::Server;
use postgres::Client;

/// How many bytes are written to check for free space.
const PROBE_BYTES: usize = 1 << 20;

/// A session that lives as long as the server does.
pub(crate) struct Watch<'a> {
    server: &'a Server,
    session: Option<Client>,
}

impl<'a> Watch<'a> {
    /// Starts watching the server.
    pub(crate) fn begin(server: &'a Server) -> Self {
        Self {
            server,
            session: server.connect().ok(),
        }
    }

    /// Why events since then say nothing about the candidate; none if the server and the machine work.
    pub(crate) fn trouble(mut self) -> Option<String> {
        let lived = match &mut self.session {
            Some(session) => session.simple_query("SELECT 1").is_ok(),
            None => false,
        };
        if !lived {
            return Some("the database server died".to_owned());
        }
        let written = self.server.connect().and_then(|mut client| {
            let probe = format!("CREATE TEMP TABLE probe AS SELECT repeat('x', {PROBE_BYTES})");
            Ok(client.batch_execute(&probe)?)
        });
        written
            .context("the database server cannot write")
            .and_then(|()| machine())
            .err()
            .map(|error| format!("{error:#}"))
    }
}

/// Whether this machine can write a file and start a program.
fn machine() -> anyhow::Result<()> {
    let written = tempfile::tempfile().and_then(|mut file| file.write_all(&vec![0; PROBE_BYTES]));
    written.context("this machine cannot write a temporary file")?;
    // An absolute path, because `PATH` may contain nothing but an environment.
    let started = std::env::current_exe().and_then(|gate| {
        let mut command = Command::new(gate);
        command.arg("--version");
        command.stdout(Stdio::null()).stderr(Stdio::null()).status()
    });
    started.context("this machine cannot start a program")?;
    Ok(())
}
