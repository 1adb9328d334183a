//! The way to the server: its name, its port, its login.

use std::time::Duration;

use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::target::Target;
use super::{Finding, Status};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked of the server as the adapter does.
const ASKS: &str = "-c client_connection_check_interval=1000ms";

pub(super) const CHECKS: [&str; 3] = ["resolve", "connect", "login"];

/// A connection, and whether its server took the option that the adapter sends.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) takes_options: bool,
}

/// Makes the three checks, and gives the connection that the last one made.
pub(super) async fn examine(target: &Target, checks: &mut Vec<Finding>) -> Option<Connected> {
    if let Some(why) = &target.beyond {
        let evidence = format!("not made: {why}");
        let next = "`current` goes the way of confiture, which can";
        checks.extend(CHECKS.map(|check| Finding::new(check, Status::Unknown, &*evidence, next)));
        return None;
    }
    checks.push(resolve(target).await);
    let reached = connect(target).await;
    let is_reached = reached.status != Status::Fail;
    checks.push(reached);
    if !is_reached {
        checks.push(Finding::unknown("login", "not made: no host answers"));
        return None;
    }
    let login = match login(target, true).await {
        Err(Refused::Options) => login(target, false).await,
        login => login,
    };
    match login {
        Ok(connected) => {
            let evidence = format!("as {} to the database {}", target.user, target.database);
            checks.push(Finding::ok("login", evidence));
            Some(connected)
        }
        Err(Refused::Options) => None,
        Err(Refused::Otherwise(finding)) => {
            checks.push(finding);
            None
        }
    }
}

fn is_socket(host: &str) -> bool {
    host.starts_with(['/', '@'])
}

async fn resolve(target: &Target) -> Finding {
    let mut told = Vec::new();
    let mut failed = 0;
    for (host, port) in &target.hosts {
        if is_socket(host) {
            told.push(format!("{host} is a socket"));
            continue;
        }
        told.push(
            match timeout(PATIENCE, lookup_host((host.as_str(), *port))).await {
                Ok(Ok(found)) => {
                    let mut addresses: Vec<_> = found.map(|found| found.ip().to_string()).collect();
                    addresses.dedup();
                    format!("{host} is {}", addresses.join(", "))
                }
                Ok(Err(why)) => {
                    failed += 1;
                    format!("{host}: {why}")
                }
                Err(_) => {
                    failed += 1;
                    format!("{host} did not resolve within {PATIENCE:?}")
                }
            },
        );
    }
    summed(
        "resolve",
        &told,
        failed,
        target,
        "correct the host, or the name service of this machine",
    )
}

async fn connect(target: &Target) -> Finding {
    let mut told = Vec::new();
    let mut failed = 0;
    for (host, port) in &target.hosts {
        let reached = timeout(PATIENCE, async {
            if is_socket(host) {
                let path = format!("{host}/.s.PGSQL.{port}");
                UnixStream::connect(path).await.map(drop)
            } else {
                TcpStream::connect((host.as_str(), *port)).await.map(drop)
            }
        });
        let (what, is_there) = match reached.await {
            Ok(Ok(())) => ("answers".to_owned(), true),
            Ok(Err(why)) => (why.to_string(), false),
            Err(_) => (format!("no answer within {PATIENCE:?}"), false),
        };
        failed += usize::from(!is_there);
        told.push(format!("{host} port {port}: {what}"));
    }
    let next = "is the server running there, and does a firewall let this machine through?";
    summed("connect", &told, failed, target, next)
}

/// One host that answers is enough.
fn summed(
    check: &'static str,
    told: &[String],
    failed: usize,
    target: &Target,
    next: &str,
) -> Finding {
    let status = match failed {
        0 => Status::Ok,
        all if all == target.hosts.len() => Status::Fail,
        _ => Status::Warn,
    };
    let next = if failed == 0 { "" } else { next };
    Finding::new(check, status, told.join("; "), next)
}

enum Refused {
    /// What stands in between takes no options.
    Options,
    Otherwise(Finding),
}

async fn login(target: &Target, with_options: bool) -> Result<Connected, Refused> {
    const CHECK: &str = "login";
    let mut config = Config::new();
    config
        .user(&target.user)
        .dbname(&target.database)
        .application_name("fraisier-adapter-confiture doctor")
        .connect_timeout(PATIENCE)
        .ssl_mode(SslMode::Disable);
    for (host, port) in &target.hosts {
        config.host(host).port(*port);
    }
    if let Some(password) = &target.password {
        config.password(password);
    }
    let ambient = &target.ambient_options;
    config.options(match &target.options {
        Some(own) => own.clone(),
        None if with_options => format!("{ambient} {ASKS}"),
        None => ambient.clone(),
    });
    let fail = |evidence: String, next: &str| {
        Err(Refused::Otherwise(Finding::new(
            CHECK,
            Status::Fail,
            evidence,
            next,
        )))
    };
    let why = match timeout(2 * PATIENCE, config.connect(NoTls)).await {
        Ok(Ok((client, connection))) => {
            // It ends with the client.
            tokio::spawn(connection);
            return Ok(Connected {
                client,
                takes_options: with_options,
            });
        }
        Ok(Err(why)) => why,
        Err(_) => return fail(format!("no answer within {:?}", 2 * PATIENCE), ""),
    };
    let Some(said) = why.as_db_error() else {
        let evidence = super::question::chain(&why);
        if evidence.contains("password missing") {
            let evidence = "the server asks for a password, and the connection string and PGPASSWORD \
                            have none; a password file is not read here";
            return Err(Refused::Otherwise(Finding::unknown(CHECK, evidence)));
        }
        return fail(evidence, "");
    };
    let message = said.message();
    let about_options = message.contains("options")
        || message.contains("client_connection_check_interval")
        || *said.code() == SqlState::PROTOCOL_VIOLATION;
    if with_options && target.options.is_none() && about_options {
        return Err(Refused::Options);
    }
    if message.contains("no encryption") || message.contains("SSL off") {
        let evidence = format!("{message}: TLS is not spoken here");
        return Err(Refused::Otherwise(Finding::unknown(CHECK, evidence)));
    }
    let next = match *said.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "correct user and password of the connection string, or pg_hba.conf of the server"
        }
        SqlState::INVALID_CATALOG_NAME => "create the database, or name another",
        SqlState::TOO_MANY_CONNECTIONS => "free connections: confiture needs one too",
        _ => "",
    };
    fail(message.to_owned(), next)
}
