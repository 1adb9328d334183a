//! A second process, which outlives this one just long enough to clean up.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::binaries::Program;
use super::connection::{connect_to, drop_database};
use super::embedded::Embedded;
use crate::command::wait_for;
use crate::interrupt;

/// The hidden subcommand that [`serve`]s.
pub const SUBCOMMAND: &str = "clean-up";

/// What to look after. It is sent through a pipe, because a command line would show the secrets in it.
#[derive(Serialize, Deserialize)]
pub enum Duty {
    /// Start a server; stop and remove it at the end.
    Server {
        /// What to start.
        program: Program,
        /// The superuser's password.
        password: String,
        /// Settings that follow the lab's own.
        settings: Vec<(String, String)>,
        /// Whether it is a standby, which waits for a primary.
        standby: bool,
    },
    /// Drop all databases of a server whose names begin with the prefix, at the end.
    Databases {
        /// The server.
        url: String,
        /// The beginning of their names.
        prefix: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    Ready { port: u16 },
    Failed { message: String },
}

/// This process's handle: the cleaner works as long as the handle lives, and dropping it waits until
/// everything is removed.
#[derive(Debug)]
pub struct Cleaner {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Cleaner {
    /// Starts a cleaner with `duty`, and returns the server's port, or 0 if the duty has no server.
    pub fn start(duty: &Duty) -> anyhow::Result<(Self, u16)> {
        let mut child = Command::new(own_program()?)
            .arg(SUBCOMMAND)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start this program a second time")?;
        let stdout = child.stdout.take();
        let mut cleaner = Self {
            stdin: child.stdin.take(),
            child,
        };
        let mut line = serde_json::to_vec(duty)?;
        line.push(b'\n');
        if let Some(stdin) = &mut cleaner.stdin {
            stdin.write_all(&line)?;
        }
        let reply = std::thread::spawn(move || {
            let mut reply = String::new();
            if let Some(stdout) = stdout {
                let _ = BufReader::new(stdout).read_line(&mut reply);
            }
            reply
        });
        while !reply.is_finished() {
            interrupt::check()?;
            std::thread::sleep(Duration::from_millis(10));
        }
        let reply = reply.join().unwrap_or_default();
        match serde_json::from_str(&reply) {
            Ok(Reply::Ready { port }) => Ok((cleaner, port)),
            Ok(Reply::Failed { message }) => anyhow::bail!(message),
            Err(_) => anyhow::bail!(
                "the process that looks after it ended without an answer; run it again, and where \
                 that does not help, give a server with --database-url"
            ),
        }
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The cleaner limits the time of each of its steps. This limit is for a cleaner that is stuck.
        if !wait_for(&mut self.child, Duration::from_secs(30)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The file of this program, even if it was rebuilt or removed since the start.
fn own_program() -> anyhow::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        return Ok(running);
    }
    Ok(std::env::current_exe()?)
}

/// The cleaner itself: does the duty that it reads from standard input, until standard input closes.
pub fn serve() -> anyhow::Result<()> {
    let mut input = BufReader::new(std::io::stdin());
    let mut line = String::new();
    input.read_line(&mut line)?;
    let duty = serde_json::from_str(&line)
        .context("the other commands start this one; it is not for a person")?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut input, &mut std::io::sink());
        interrupt::raise();
    });
    match duty {
        Duty::Server {
            program,
            password,
            settings,
            standby,
        } => match Embedded::start(&program, &password, &settings, standby) {
            Ok(mut server) => {
                answer(&Reply::Ready { port: server.port })?;
                wait_while(|| server.runs());
            }
            Err(error) => answer(&Reply::Failed {
                message: format!("{error:#}"),
            })?,
        },
        Duty::Databases { url, prefix } => {
            answer(&Reply::Ready { port: 0 })?;
            wait_while(|| true);
            drop_all(&url, &prefix)?;
        }
    }
    Ok(())
}

fn answer(reply: &Reply) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", serde_json::to_string(reply)?)?;
    Ok(stdout.flush()?)
}

fn wait_while(mut going: impl FnMut() -> bool) {
    while !interrupt::raised() && going() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn drop_all(url: &str, prefix: &str) -> anyhow::Result<()> {
    let mut client = connect_to(url)?;
    let query = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)";
    for row in client.query(query, &[&prefix])? {
        drop_database(&mut client, row.get(0))?;
    }
    Ok(())
}
