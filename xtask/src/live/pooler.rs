//! A pooler between confiture and the server, which takes no start options.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fraisier_adapter_api::{AdapterErrorKind, MigrationAdapter as _};
use fraisier_adapter_confiture::ConfitureMigration;

use postgres::{Client, NoTls};

use super::call::block_on;
use super::slow_project::{Sleep, SlowProject, wait};
use crate::exit::Unexpected;
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::postgres::Server;
use contract_lab::scratch::Scratch;
use contract_lab::ui::{bad, good, warn};
use contract_tests::release::Release;

/// The releases it is shown on, beside the newest.
pub const RELEASES: [Candidate; 3] = [
    Candidate::Release(Release::new(0, 23, 0)),
    Candidate::Release(Release::new(0, 44, 0)),
    Candidate::Newest,
];

const PROGRAM: &str = "pgbouncer";

/// What a message advises to set: of the pooler, and for the role.
const IGNORES: &str = "ignore_startup_parameters = options";
const CHECKS: &str = "client_connection_check_interval=1000ms";

/// How long the pooler may take to come up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks one release behind the pooler; says so where there is none.
pub fn run(confiture: &Installed, server: &Server) -> anyhow::Result<()> {
    anstream::println!("pooler, confiture {}", confiture.version);
    let Some(program) = find() else {
        let advice = "install it, for example: apt-get install pgbouncer";
        anstream::println!("  {}", warn(&format!("NOT RUN: no {PROGRAM}; {advice}")));
        return Ok(());
    };
    let project = SlowProject::new(server, None, Sleep::InStatement)?;
    let mut ctx = project.ctx();
    let dsn = ctx.secret("DATABASE_URL")?;
    let pooler = Pooler::start(&program, &dsn, "")?;
    ctx = ctx.with_resolved_secret("DATABASE_URL", pooler.dsn(&dsn)?);

    let mut faults = Vec::new();
    let mut expect = |what: &str, so: bool, found: String| {
        let mark = if so { good("ok") } else { bad(&found) };
        anstream::println!("  {what:<66} {mark}");
        if !so {
            faults.push(what.to_owned());
        }
    };
    let builder = || ConfitureMigration::builder().program(&confiture.program);
    let demanding = builder()
        .server_disconnect_check(Duration::from_secs(1))
        .build();
    let outcome = block_on(demanding.up(&ctx, None))?;
    let refused = outcome.as_ref().is_err_and(|error| {
        error.kind == AdapterErrorKind::InvalidConfig
            && error.message.contains(&format!("`{IGNORES}`"))
            && error.message.contains(&format!("`{CHECKS}`"))
    });
    let what = "a check that is demanded: refused, and the way out named";
    expect(what, refused, format!("{outcome:?}"));

    let adapter = builder().build();
    let outcome = block_on(adapter.up(&ctx, None))?;
    let applied = outcome.as_ref().is_ok_and(|it| it.applied.len() == 3);
    let what = "the default: every migration is applied";
    expect(what, applied, format!("{outcome:?}"));
    let outcome = block_on(adapter.current_revision(&ctx))?;
    let head = matches!(&outcome, Ok(Some(revision)) if revision.as_str() == "003");
    expect(
        "… and the next call goes through",
        head,
        format!("{outcome:?}"),
    );

    drop(pooler);
    let (pooler, direct) = (Pooler::start(&program, &dsn, IGNORES)?, dsn.as_str());
    let ctx = ctx.with_resolved_secret("DATABASE_URL", pooler.dsn(direct)?);
    let (name, value) = CHECKS.split_once('=').unwrap_or_default();
    Client::connect(direct, NoTls)?.batch_execute(&format!(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET {name} = %L', current_user,
         current_database(), '{value}'); END $$"
    ))?;
    let outcome = block_on(demanding.down_to(&ctx, "001".into()))?;
    let followed = outcome.as_ref().is_ok_and(|it| it.applied.len() == 2);
    let what = "one that is demanded, once that way out is taken: rolled back";
    expect(what, followed, format!("{outcome:?}"));

    drop(pooler);
    if !faults.is_empty() {
        return Err(Unexpected(format!("behind a pooler: {}", faults.join("; "))).into());
    }
    Ok(())
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(sbin);
    places.find_map(|dir| Some(dir.join(PROGRAM)).filter(|file| file.is_file()))
}

/// A running pooler; dropping it ends it.
struct Pooler {
    child: Child,
    port: u16,
    _dir: Scratch,
}

impl Pooler {
    /// Starts one with this setting, that passes every connection on to the server of `dsn`.
    fn start(program: &Path, dsn: &str, setting: &str) -> anyhow::Result<Self> {
        let server: postgres::Config = dsn
            .parse()
            .map_err(|_| anyhow::anyhow!("the server's DSN cannot be read"))?;
        let (Some(postgres::config::Host::Tcp(host)), Some(server_port)) =
            (server.get_hosts().first(), server.get_ports().first())
        else {
            anyhow::bail!("the pooler needs a server that is reached by TCP");
        };
        let password = String::from_utf8_lossy(server.get_password().unwrap_or_default());
        let user = server.get_user().unwrap_or("postgres");
        let dir = Scratch::new()?;
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let users = dir.path().join("users");
        std::fs::write(&users, format!("\"{user}\" \"{password}\"\n"))?;
        let config = dir.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = session\n{setting}\n",
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
            for path in [dir.path(), &users, &config] {
                chown(path, Some(NOBODY), Some(NOBODY))?;
            }
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700))?;
            command.uid(NOBODY).gid(NOBODY);
        }
        let pooler = Self {
            child: command.spawn()?,
            port,
            _dir: dir,
        };
        let up = wait(PATIENCE, || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        anyhow::ensure!(up.is_some(), "{PROGRAM} did not come up on port {port}");
        Ok(pooler)
    }

    /// The DSN with the pooler in the server's place.
    fn dsn(&self, dsn: &str) -> anyhow::Result<String> {
        let (before, after) = dsn
            .split_once('@')
            .and_then(|(before, after)| Some((before, after.split_once('/')?.1)))
            .ok_or_else(|| anyhow::anyhow!("the server's DSN is not a URL with a user"))?;
        Ok(format!("{before}@127.0.0.1:{}/{after}", self.port))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
