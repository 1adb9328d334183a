//! The way to the server: its name, its port, its login.

use std::time::Duration;

use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::certificate::{Objection, objection};
use super::finding::{Finding, Grade};
use super::target::{Target, disconnect_check};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);

const RESOLVE: &str = "resolve";
const CONNECT: &str = "connect";
const LOGIN: &str = "login";

/// What to do next where this client cannot go on.
const THROUGH_LIBPQ: &str = "try `current`: it connects through libpq, as a deploy does";

pub(super) const CHECKS: [&str; 3] = [RESOLVE, CONNECT, LOGIN];

/// A connection, and whether its server took the option that the adapter sends.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) takes_options: bool,
}

/// Makes the three checks, and gives the connection that the last one made.
pub(super) async fn examine(target: &Target, checks: &mut Vec<Finding>) -> Option<Connected> {
    let tls = match &target.tls {
        Ok(tls) => tls,
        Err(why) => {
            let evidence = format!("not made: {why}");
            let skipped = |check| Finding::new(check, Grade::Unknown, &*evidence, THROUGH_LIBPQ);
            checks.extend(CHECKS.map(skipped));
            return None;
        }
    };
    checks.push(resolve(target).await);
    let reached = connect(target).await;
    let is_reached = reached.grade != Grade::Fail;
    checks.push(reached);
    if !is_reached {
        checks.push(Finding::unknown(LOGIN, "not made: no host answers"));
        return None;
    }
    let connector = match tls.connector() {
        Ok(connector) => connector,
        Err(why) => {
            let next = "let sslrootcert name the file of the authority that signed the server's \
                        certificate";
            checks.push(Finding::new(LOGIN, Grade::Fail, why, next));
            return None;
        }
    };
    let mut manner = Manner {
        options: true,
        encrypted: tls.mode,
    };
    loop {
        match login(target, &connector, manner).await {
            Ok(client) => {
                let over = match manner.encrypted {
                    SslMode::Require => ", over TLS",
                    _ => "",
                };
                let (user, database) = (&target.user, &target.database);
                let evidence = format!("as {user} to the database {database}{over}");
                checks.push(Finding::ok(LOGIN, evidence));
                return Some(Connected {
                    client,
                    takes_options: manner.options,
                });
            }
            Err(Refused::Options) => manner.options = false,
            Err(Refused::Encryption) => manner.encrypted = SslMode::Disable,
            Err(Refused::Otherwise(finding)) => {
                checks.push(finding);
                return None;
            }
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
        RESOLVE,
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
    summed(CONNECT, &told, failed, target, next)
}

/// One host that answers is enough.
fn summed(
    check: &'static str,
    told: &[String],
    failed: usize,
    target: &Target,
    next: &str,
) -> Finding {
    let grade = match failed {
        0 => Grade::Ok,
        all if all == target.hosts.len() => Grade::Fail,
        _ => Grade::Warn,
    };
    let next = if failed == 0 { "" } else { next };
    Finding::new(check, grade, told.join("; "), next)
}

/// How a login is tried. What may be refused is left out of the next try.
#[derive(Clone, Copy)]
struct Manner {
    /// With the options that the adapter sends.
    options: bool,
    encrypted: SslMode,
}

enum Refused {
    /// What stands in between takes no options.
    Options,
    /// The server lets nobody in this way over TLS, and the connection string does not insist.
    Encryption,
    Otherwise(Finding),
}

async fn login(
    target: &Target,
    connector: &MakeRustlsConnect,
    manner: Manner,
) -> Result<Client, Refused> {
    let mut config = Config::new();
    config
        .user(&target.user)
        .dbname(&target.database)
        .application_name("fraisier-adapter-confiture doctor")
        .connect_timeout(PATIENCE)
        .ssl_mode(manner.encrypted);
    for (host, port) in &target.hosts {
        config.host(host).port(*port);
    }
    if let Some(password) = &target.password {
        config.password(password);
    }
    let ambient = &target.ambient_options;
    config.options(match &target.options {
        Some(own) => own.clone(),
        None if manner.options => format!("{ambient} {}", disconnect_check()),
        None => ambient.clone(),
    });
    let fail = |evidence: String, next: &str| {
        Err(Refused::Otherwise(Finding::new(
            LOGIN,
            Grade::Fail,
            evidence,
            next,
        )))
    };
    let why = match timeout(2 * PATIENCE, config.connect(connector.clone())).await {
        Ok(Ok((client, connection))) => {
            // It ends with the client.
            tokio::spawn(connection);
            return Ok(client);
        }
        Ok(Err(why)) => why,
        Err(_) => {
            let evidence = format!("no answer within {:?}", 2 * PATIENCE);
            let next =
                "is it PostgreSQL that listens there, and does its log say what it waits for?";
            return fail(evidence, next);
        }
    };
    let Some(said) = why.as_db_error() else {
        let evidence = super::question::chain(&why);
        if evidence.contains("password missing") {
            let evidence = "the server asks for a password, and the connection string and PGPASSWORD \
                            have none; a password file is not read here";
            let finding = Finding::new(LOGIN, Grade::Unknown, evidence, THROUGH_LIBPQ);
            return Err(Refused::Otherwise(finding));
        }
        return match objection(&why) {
            Some(Objection::Certificate) => fail(
                evidence,
                "let sslrootcert name the authority that signed the server's certificate, and the \
                 connection string the host that it is made out to",
            ),
            Some(Objection::Stricter) => {
                let finding = Finding::new(LOGIN, Grade::Unknown, evidence, THROUGH_LIBPQ);
                Err(Refused::Otherwise(finding))
            }
            None => fail(evidence, ""),
        };
    };
    let message = said.message();
    let about_options = message.contains("options")
        || message.contains("client_connection_check_interval")
        || *said.code() == SqlState::PROTOCOL_VIOLATION;
    if manner.options && target.options.is_none() && about_options {
        return Err(Refused::Options);
    }
    let is_unwelcome = *said.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION;
    if is_unwelcome && manner.encrypted == SslMode::Prefer {
        return Err(Refused::Encryption);
    }
    let next = match *said.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "correct user and password of the connection string, or pg_hba.conf of the server"
        }
        SqlState::INVALID_CATALOG_NAME => "create the database, or name another",
        SqlState::TOO_MANY_CONNECTIONS => "free connections: confiture needs one too",
        _ => "the log of the server says more",
    };
    fail(message.to_owned(), next)
}
