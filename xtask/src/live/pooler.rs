//! A pooler between confiture and the server, which accepts no start options.

use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use contract_catalogue::connection::Endpoint;
use contract_lab::trouble::Trouble;
use fraisier_adapter_api::AdapterErrorKind;
use fraisier_adapter_confiture::NoDisconnectCheck;
use fraisier_adapter_confiture::observe::{Call, Event, Observer};
use tempfile::TempDir;

use super::{Group, on_stages};
use crate::stage::{Stage, block_on, failed, wait};

pub const GROUP: Group = Group {
    name: "pooler",
    releases: &["0.23.0", "0.44.0", "newest"],
    scenes: |_, _| {
        on_stages(&SCENES, |stage, play| {
            let program = find()?;
            for version in ["001", "002", "003"] {
                stage.project.table(version)?;
            }
            play(stage, &program)
        })
    },
};

const PROGRAM: &str = "pgbouncer";

/// What a message advises to set: in the pooler, and for the role.
const IGNORES: &str = "ignore_startup_parameters = options";
const CHECKS: &str = "client_connection_check_interval=1000ms";

/// How long the pooler may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);

type PlayWith = fn(&Stage<'_>, &Path) -> anyhow::Result<()>;

const SCENES: [(&str, PlayWith); 2] = [
    ("the default", by_default),
    ("a check that is demanded", demanded),
];

/// Checks that each call succeeds, and reports that the check was refused.
fn by_default(stage: &Stage<'_>, program: &Path) -> anyhow::Result<()> {
    let pooler = Pooler::start(program, stage.endpoint()?, "")?;
    let ctx = stage.ctx_with(&pooler.reached.dsn());
    let refusals = Arc::new(Refusals::default());
    let adapter = stage.builder().observer(refusals.clone()).build();
    block_on(adapter.up(&ctx, None))?;
    stage.is_at(&["001", "002", "003"])?;
    let head = block_on(adapter.current_revision(&ctx))?;
    ensure!(
        head.as_ref().is_some_and(|it| it.as_str() == "003"),
        "{head:?}"
    );
    let reported = refusals.0.load(Ordering::Relaxed);
    ensure!(reported == 2, "the refusal was reported {reported} times");
    Ok(())
}

/// Counts the calls without the check because it was refused.
#[derive(Default)]
struct Refusals(AtomicUsize);

impl Observer for Refusals {
    fn event(&self, _: &Call, event: &Event) {
        let why = NoDisconnectCheck::Refused;
        if *event == (Event::NoDisconnectCheck { why }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Checks that the call is refused, and that the advised setting helps.
fn demanded(stage: &Stage<'_>, program: &Path) -> anyhow::Result<()> {
    let interval = Duration::from_secs(1);
    let demanding = stage.builder().server_disconnect_check(interval).build();
    let pooler = Pooler::start(program, stage.endpoint()?, "")?;
    let ctx = stage.ctx_with(&pooler.reached.dsn());
    let refused = block_on(demanding.up(&ctx, None));
    let error = failed(refused, AdapterErrorKind::InvalidConfig, &[])?;
    for setting in [IGNORES, CHECKS] {
        let advised = error.advice().contains(&format!("`{setting}`"));
        ensure!(advised, "{error}");
    }
    drop(pooler);
    let pooler = Pooler::start(program, stage.endpoint()?, IGNORES)?;
    let ctx = stage.ctx_with(&pooler.reached.dsn());
    let (name, value) = CHECKS.split_once('=').unwrap_or_default();
    stage.sql(&format!(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET {name} = %L', current_user,
         current_database(), '{value}'); END $$"
    ))?;
    block_on(demanding.up(&ctx, None)).context("the advice was followed")?;
    stage.is_at(&["001", "002", "003"])
}

pub(super) fn find() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(sbin);
    let found = places.find_map(|dir| Some(dir.join(PROGRAM)).filter(|file| file.is_file()));
    let remedy = "install it, for example: apt-get install pgbouncer";
    found.ok_or_else(|| Trouble::new(format!("there is no {PROGRAM}"), remedy).into())
}

/// A running pooler; dropping it ends it.
pub(super) struct Pooler {
    child: Child,
    /// Where clients reach it.
    pub(super) reached: Endpoint,
    _directory: TempDir,
}

impl Pooler {
    /// Starts one with this setting, which passes every connection on to this server.
    pub(super) fn start(program: &Path, server: Endpoint, setting: &str) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let users = directory.path().join("users");
        std::fs::write(
            &users,
            format!("\"{}\" \"{}\"\n", server.user, server.password),
        )?;
        let config = directory.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = session\n{setting}\n",
            server.host,
            server.port,
            users.display()
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(program);
        command
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if rustix::process::geteuid().is_root() {
            // It refuses to run as root, as PostgreSQL does.
            const NOBODY: u32 = 65534;
            for path in [directory.path(), &users, &config] {
                chown(path, Some(NOBODY), Some(NOBODY))?;
            }
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700))?;
            command.uid(NOBODY).gid(NOBODY);
        }
        let pooler = Self {
            child: command.spawn()?,
            reached: Endpoint {
                host: "127.0.0.1".to_owned(),
                port,
                ..server
            },
            _directory: directory,
        };
        let up = wait(PATIENCE, || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        ensure!(up, "{PROGRAM} did not come up on port {port}");
        Ok(pooler)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
