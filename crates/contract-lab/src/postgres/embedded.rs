//! One server in a temporary directory, from `initdb` to its removal. Runs in the cleaner.

use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::account::Account;
use super::binaries::Program;
use super::reach::{base_directory, within_reach};
use crate::command::{run, wait_for};
use crate::interrupt;
use crate::trouble::Trouble;

/// Nothing here has to survive a crash, so nothing is flushed to the disk. Sockets and shared memory stay
/// inside the data directory.
const SETTINGS: [(&str, &str); 9] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("dynamic_shared_memory_type", "mmap"),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "32MB"),
    ("max_connections", "300"),
    ("log_timezone", "UTC"),
];

/// How often another port is tried, because another process may take the free one first.
const PORT_TRIES: u32 = 5;

/// A running server; dropping it stops the server and removes its directory.
#[derive(Debug)]
pub(super) struct Embedded {
    /// The port it listens on.
    pub port: u16,
    process: Process,
    // Declared after the process: fields are dropped in order, and the directory is removed when no
    // process uses it.
    _directory: TempDir,
}

impl Embedded {
    /// Initialises and starts a server, and waits until it accepts `password`.
    pub(super) fn start(
        program: &Program,
        password: &str,
        settings: &[(String, String)],
        standby: bool,
    ) -> anyhow::Result<Self> {
        let account = Account::choose()?;
        let base = base_directory(account)?;
        let directory = tempfile::Builder::new()
            .prefix("fraisier-xtask-")
            .tempdir_in(&base)
            .with_context(|| format!("cannot make a directory in {}", base.display()))?;
        let root = directory.path();
        if account != Account::Own {
            fs::set_permissions(root, Permissions::from_mode(0o711))?;
        }
        let program = within_reach(program, account, root)?;
        let data = initialise(&program, account, root, password)?;
        if standby {
            // This file makes the server a standby.
            let signal = data.join("standby.signal");
            fs::write(&signal, "")?;
            account.give(&signal)?;
        }

        for _ in 0..PORT_TRIES {
            let port = free_port()?;
            configure(&data, port, settings)?;
            let mut process = Process::spawn(&program, account, root, &data)?;
            if process.wait_ready(port, password)? {
                return Ok(Self {
                    port,
                    process,
                    _directory: directory,
                });
            }
            let log = fs::read_to_string(root.join("log")).unwrap_or_default();
            if !log.contains("Address already in use") {
                let last = log.lines().rfind(|line| line.contains("FATAL"));
                let last = last.or(log.lines().next_back()).unwrap_or("no message");
                return Err(Trouble::new(
                    format!("the server ended at once: {last}"),
                    "correct that, or give a server with --database-url",
                )
                .into());
            }
        }
        Err(Trouble::new(
            format!("{PORT_TRIES} ports of 127.0.0.1 were taken before the server had them"),
            "run it again, or give a server with --database-url",
        )
        .into())
    }

    /// Whether the server still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.process.0.try_wait(), Ok(None))
    }
}

#[derive(Debug)]
struct Process(Child);

impl Process {
    fn spawn(
        program: &Program,
        account: Account,
        root: &Path,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let log = File::create(root.join("log"))?;
        let mut command = Command::new(program.bin("postgres"));
        command.arg("-D").arg(data).current_dir(data);
        account.apply(&mut command);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("cannot start postgres")?;
        Ok(Self(child))
    }

    /// Waits until the server accepts a client; false if the server ended instead.
    fn wait_ready(&mut self, port: u16, password: &str) -> anyhow::Result<bool> {
        let end = Instant::now() + Duration::from_secs(60);
        let mut config = postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(port)
            .user("postgres")
            .password(password)
            .connect_timeout(Duration::from_secs(5));
        while self.0.try_wait()?.is_none() {
            if config.connect(postgres::NoTls).is_ok() {
                return Ok(true);
            }
            interrupt::check()?;
            if Instant::now() > end {
                return Err(Trouble::new(
                    "the server did not accept a connection within a minute",
                    "run it again when the machine is less busy, or give a server with --database-url",
                )
                .into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }

    fn signal(&self, signal: Signal) {
        // This cannot reach another process, because the child has not been waited for yet.
        if let Some(pid) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fast shutdown, then immediate shutdown, then SIGKILL.
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            self.signal(signal);
            if wait_for(&mut self.0, Duration::from_secs(5)) {
                return;
            }
        }
    }
}

fn initialise(
    program: &Program,
    account: Account,
    root: &Path,
    password: &str,
) -> anyhow::Result<PathBuf> {
    let data = root.join("data");
    fs::create_dir(&data)?;
    fs::set_permissions(&data, Permissions::from_mode(0o700))?;
    account.give(&data)?;
    let secret = root.join("password");
    fs::write(&secret, "")?;
    fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
    fs::write(&secret, password)?;
    account.give(&secret)?;
    let mut initdb = Command::new(program.bin("initdb"));
    initdb
        .args(["--username=postgres", "--auth=scram-sha-256"])
        .args(["--encoding=UTF8", "--locale=C", "--no-sync"])
        .args(["--no-instructions", "--pgdata"])
        .arg(&data)
        .arg("--pwfile")
        .arg(&secret)
        .current_dir(&data)
        .env("TZ", "UTC");
    account.apply(&mut initdb);
    let output = run(&mut initdb)?;
    fs::remove_file(&secret)?;
    if !output.status.success() {
        let last = output.stderr.lines().find(|line| line.contains("error:"));
        return Err(Trouble::new(
            format!(
                "initdb failed: {}",
                last.unwrap_or(output.stderr.trim_end())
            ),
            "correct that, or give a server with --database-url",
        )
        .into());
    }
    Ok(data)
}

/// Appends the lab's settings, and then `settings`, to what `initdb` wrote.
fn configure(data: &Path, port: u16, settings: &[(String, String)]) -> anyhow::Result<()> {
    let mut text = String::new();
    let own = SETTINGS.iter().map(|&(name, value)| (name, value));
    let extra = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.chain(extra) {
        writeln!(text, "{name} = '{}'", value.replace('\'', "''"))?;
    }
    writeln!(text, "port = {port}")?;
    // `initdb` wrote the file as the other account; appending does not change its owner.
    let mut file = File::options()
        .append(true)
        .open(data.join("postgresql.conf"))?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| {
        Trouble::new(
            format!("no port of 127.0.0.1 can be opened: {error}"),
            "allow it, or give a server with --database-url",
        )
    })?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_settings_win_and_quotes_are_doubled() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("postgresql.conf");
        fs::write(&file, "# initdb's\n").unwrap();
        let extra = [("fsync".to_owned(), "it's".to_owned())];
        configure(data.path(), 5, &extra).unwrap();
        let written = fs::read_to_string(&file).unwrap();
        assert!(written.starts_with("# initdb's\nlisten_addresses = '127.0.0.1'\n"));
        assert!(written.ends_with("fsync = 'it''s'\nport = 5\n"));
    }
}
