//! The parts of steps that need code.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{bail, ensure};
use contract_lab::files::write_program;
use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::ConfitureMigration;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::process::{Pid, Signal, kill_process};
use sha2::Sha256;

use super::stand::{ADMIN, Stand};
use crate::cargo::PROGRAM;
use crate::harness::Skip;
use crate::live::call::{Direction, Running};
use crate::project::Project;
use crate::stage::{kill_when, within};

type Code = fn(&mut Stand<'_>) -> anyhow::Result<()>;

const CODE: [(&str, Code); 10] = [
    ("the engine is killed", engine_is_killed),
    ("confiture continues, and commits", confiture_continues),
    ("the program is killed", program_is_killed),
    ("the traffic goes to the old version", old_version_is_active),
    ("another deploy holds the lock", lock_is_held),
    ("the project has no migrations", |stand| {
        Ok(fs::remove_dir_all(stand.project.root().join("db"))?)
    }),
    ("the engine may write to /etc", etc_is_writable),
    (
        "the engine gets the administrator's connection string",
        |stand| {
            stand.env.insert(ADMIN.to_owned(), stand.admin.clone());
            Ok(())
        },
    ),
    ("the engine is hidden from the program", engine_is_hidden),
    ("a signed request deploys v1", signed_request),
];

/// The code with this name.
pub fn named(name: &str) -> Option<Code> {
    let code = CODE.iter().find(|(known, _)| *known == name);
    code.map(|(_, code)| *code)
}

fn engine_is_killed(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    kill_when(stand.start_deploy("v2")?, || stand.wait_for_sleep())
}

/// Its report remains.
fn confiture_continues(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    within(Duration::from_secs(120), || {
        let (ledger, processes) = (stand.ledger()?, stand.processes());
        let goes_on = ledger.len() != 2 || !processes.is_empty();
        Ok(goes_on.then(|| format!("the ledger is {ledger:?}, processes {processes:?}")))
    })?;
    let names = stand.temporary()?;
    let [name] = &names[..] else {
        bail!("the temporary files are {names:?}, not a report");
    };
    Ok(fs::remove_file(stand.root().join("tmp").join(name))?)
}

fn program_is_killed(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    let mut engine = stand.start_deploy("v2")?;
    let asleep = stand.wait_for_sleep();
    let mut programs = stand.processes();
    programs.retain(|pid| {
        let program = fs::read_link(format!("/proc/{pid}/exe"));
        program.is_ok_and(|path| path.ends_with(PROGRAM))
    });
    for pid in &programs {
        if let Some(pid) = Pid::from_raw(*pid) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let status = engine.wait()?;
    asleep?;
    ensure!(!programs.is_empty(), "the program does not run");
    ensure!(!status.success(), "the engine reports success");
    Ok(())
}

fn old_version_is_active(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    let blue = stand.root().join("lb/blue.upstream.conf");
    fs::write(&blue, "upstream shop {\n    server 127.0.0.1:8001;\n}\n")?;
    Ok(symlink(&blue, stand.root().join("lb/active.upstream"))?)
}

fn lock_is_held(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    let other = Project::empty()?;
    stand.project.copy_to(&other)?;
    other.migration("900_long", "SELECT pg_sleep(600);", "SELECT 1;")?;
    let mut ctx = AdapterCtx::new("shop", "elsewhere")
        .with_resolved_secret("DATABASE_URL", stand.database.dsn());
    ctx.workdir = other.root().into();
    let confiture = ConfitureMigration::with_program(stand.root().join("bin/confiture"));
    let elsewhere = Running::start(confiture, ctx, Direction::Up);
    stand.wait_for_sleep()?;
    stand.write("002_stock")?;
    // Before an older release takes the lock, it changes the ledger and waits for every session that reads
    // it. Only the limit of the command ends this wait.
    let (limit, value, words) = if stand.holds("0.48.0")? {
        ("FRAISIER_CONFITURE_LOCK_TIMEOUT_MS", "1500", "lock")
    } else {
        ("FRAISIER_CONFITURE_TIMEOUT", "30s", "timeout of 30s")
    };
    stand.env.insert(limit.to_owned(), value.to_owned());
    let deployed = stand.deploy("v2");
    stand.env.clear();
    elsewhere.cancel()?;
    let deployed = deployed?;
    deployed.rolled_back("migrate")?;
    ensure!(deployed.detail.contains(words), "{}", deployed.detail);
    Ok(())
}

/// The engine writes a file there that is named for the project, wherever it runs.
fn etc_is_writable(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    let etc = PathBuf::from("/etc").join(stand.database.name());
    if let Err(why) = fs::create_dir(&etc) {
        return Err(Skip(format!("{} cannot be created: {why}", etc.display())).into());
    }
    let flag = etc.join("staging.refreshed.env").display().to_string();
    stand.outside = Some(etc);
    Ok(fs::write(stand.root().join("flag"), flag)?)
}

/// The engine is not a parent process of the program, as if it ran on another host.
fn engine_is_hidden(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    /// Runs the program as an orphan, and waits for its end.
    const ORPHANED: &str = include_str!("../../stand-ins/orphaned.sh");
    let program = stand.root().join("bin").join(PROGRAM);
    fs::rename(&program, stand.root().join("program"))?;
    Ok(write_program(&program, &stand.filled(ORPHANED))?)
}

const SECRET: &str = "the secret of the webhook";

fn signed_request(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    stand
        .env
        .insert("SHOP_WEBHOOK_SECRET".to_owned(), SECRET.to_owned());
    let server = WebhookServer::start(stand)?;
    let response = server.post(br#"{"version": "v1"}"#)?;
    ensure!(response.contains("deploy committed"), "{response}");
    Ok(())
}

/// A running server of the engine; dropping it ends it.
struct WebhookServer {
    process: Child,
    address: SocketAddr,
}

impl WebhookServer {
    fn start(stand: &Stand<'_>) -> anyhow::Result<Self> {
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = stand
            .engine(&["webhook-server", "--listen", &address.to_string()])?
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { process, address };
        within(Duration::from_secs(30), || {
            let refused = TcpStream::connect(address).err();
            Ok(refused.map(|why| format!("the server does not listen: {why}")))
        })?;
        Ok(server)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the engine compares it with the time of day"
    )]
    fn timestamp() -> anyhow::Result<u64> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(now.as_secs())
    }

    /// The response to a request that is signed as the engine requires.
    fn post(&self, body: &[u8]) -> anyhow::Result<String> {
        let timestamp = Self::timestamp()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
        mac.update(format!("{timestamp}.").as_bytes());
        mac.update(body);
        let mut signature = String::new();
        for byte in mac.finalize().into_bytes() {
            write!(signature, "{byte:02x}")?;
        }
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(240)))?;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nConnection: close\r\n\
             X-Fraisier-Timestamp: {timestamp}\r\nX-Fraisier-Signature: sha256={signature}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    }
}

impl Drop for WebhookServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
