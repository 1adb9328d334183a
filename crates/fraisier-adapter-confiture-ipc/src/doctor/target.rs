//! Where the connection string leads, as far as this program's own client can follow it.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::time::Duration;

use fraisier_adapter_api::AdapterErrorKind;
use fraisier_adapter_confiture::server_option;
use fraisier_adapter_confiture::tools::{Redactor, connection, has_server_option};

use super::finding::{Finding, Grade};
use super::tls::Tls;
use crate::project::Project;

/// How often the server is asked to look for its client, as the adapter asks it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Where a connection goes to.
pub(super) struct Target {
    /// Host (or the directory of a socket) and port, in the order in which they are tried.
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    /// `options` of the string itself; libpq takes none from elsewhere then.
    pub(super) options: Option<String>,
    /// `options` of the environment, beside which the adapter puts its own.
    pub(super) ambient_options: String,
    /// Whether it is encrypted, and whom it trusts; or what it needs that this client cannot do.
    pub(super) tls: Result<Tls, String>,
}

/// The connection string of the project, and the redactor that knows it.
pub(super) fn examine(project: &Project, checks: &mut Vec<Finding>) -> (Redactor, Option<Target>) {
    const CHECK: &str = "secret";
    let variable = &project.database_url_env;
    let secret = match project.ctx().secret("DATABASE_URL") {
        Ok(secret) => secret,
        Err(error) => {
            let next = match error.kind {
                AdapterErrorKind::SecretReadFailed => {
                    "set it, or name another with --database-url-env"
                }
                _ => "",
            };
            checks.push(Finding::new(CHECK, Grade::Fail, error.message, next));
            return (Redactor::default(), None);
        }
    };
    let redactor = Redactor::new([secret.as_str()], []);
    let settings = match connection(variable, &secret) {
        Ok(connection) => connection.settings,
        Err(failure) => {
            checks.push(Finding::failed(CHECK, &failure.into()));
            return (redactor, None);
        }
    };
    let target = target(&settings, |name| env::var(name).ok());
    checks.push(if keeps_check_away(&target) {
        let evidence = format!(
            "{variable} holds a connection string with `options` of its own, which keep the server \
             from being asked to notice that confiture is gone"
        );
        let next = format!(
            "add `{}` to these `options` (percent-encoded in a URL), or take them out",
            disconnect_check()
        );
        Finding::new(CHECK, Grade::Warn, evidence, &next)
    } else {
        let evidence = format!(
            "{variable} names the database {} for the user {}",
            target.database, target.user
        );
        Finding::ok(CHECK, evidence)
    });
    (redactor, Some(target))
}

/// The option that the adapter sends.
pub(super) fn disconnect_check() -> String {
    server_option(CHECK_INTERVAL)
}

/// Whether `options` of the connection string keep the adapter's own from the server, and do not ask
/// for the check themselves.
fn keeps_check_away(target: &Target) -> bool {
    let options = target.options.as_ref();
    options.is_some_and(|options| !has_server_option(options))
}

/// The target of these settings, completed as libpq does from its variables.
fn target(
    settings: &BTreeMap<String, String>,
    variable: impl Fn(&str) -> Option<String>,
) -> Target {
    let get = |name: &str, from: &str| {
        let set = settings.get(name).cloned();
        set.or_else(|| variable(from))
            .filter(|value| !value.is_empty())
    };
    let user = get("user", "PGUSER")
        .or_else(|| variable("USER"))
        .unwrap_or_else(|| "postgres".into());
    let hosts = get("hostaddr", "PGHOSTADDR")
        .or_else(|| get("host", "PGHOST"))
        .unwrap_or_else(|| {
            let socket = "/var/run/postgresql";
            let standard = if Path::new(socket).exists() {
                socket
            } else {
                "/tmp"
            };
            standard.to_owned()
        });
    let ports = get("port", "PGPORT").unwrap_or_default();
    let ports: Vec<&str> = ports.split(',').collect();
    let hosts = hosts
        .split(',')
        .enumerate()
        .map(|(at, host)| {
            // One port is for all hosts.
            let port = ports.get(at).or(ports.first().filter(|_| ports.len() == 1));
            let port = port.and_then(|port| port.parse().ok()).unwrap_or(5432);
            (host.to_owned(), port)
        })
        .collect();
    let tls = if get("service", "PGSERVICE").is_some() {
        Err("a service file says where it goes, which is not read here".to_owned())
    } else {
        Tls::asked(get)
    };
    Target {
        hosts,
        password: get("password", "PGPASSWORD"),
        database: get("dbname", "PGDATABASE").unwrap_or_else(|| user.clone()),
        options: settings.get("options").cloned(),
        ambient_options: variable("PGOPTIONS").unwrap_or_default(),
        user,
        tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(dsn: &str) -> Target {
        let connection = connection("DATABASE_URL", dsn).expect(dsn);
        target(&connection.settings, |name| {
            (name == "PGPORT").then(|| "6000".into())
        })
    }

    #[test]
    fn both_forms_say_the_same() {
        for dsn in [
            "postgresql://app:p%40ss@db:5433/shop?options=-c%20a%3D1",
            "host=db port=5433 user=app password='p@ss' dbname = shop options='-c a=1'",
            "postgres:///shop?host=db&port=5433&user=app&password=p@ss&options=-c a%3D1",
        ] {
            let target = target_of(dsn);
            assert_eq!(target.hosts, [("db".to_owned(), 5433)], "{dsn}");
            assert_eq!(
                (target.user.as_str(), target.database.as_str()),
                ("app", "shop"),
                "{dsn}"
            );
            assert_eq!(target.password.as_deref(), Some("p@ss"), "{dsn}");
            assert_eq!(target.options.as_deref(), Some("-c a=1"), "{dsn}");
            assert!(target.tls.is_ok(), "{dsn}");
        }
    }

    #[test]
    fn hosts_ports_and_what_is_left_out() {
        let hosts = |dsn: &str| {
            let hosts = target_of(dsn).hosts;
            hosts
                .iter()
                .map(|(host, port)| format!("{host} {port}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(hosts("postgresql://a:1,b,[::1]:3/x"), "a 1, b 5432, ::1 3");
        assert_eq!(hosts("host=a,b port=7"), "a 7, b 7");
        assert_eq!(hosts("postgresql://a,b"), "a 5432, b 5432");
        assert_eq!(hosts("postgresql://h"), "h 6000");
        assert_eq!(hosts("host=/run/pg dbname=x"), "/run/pg 6000");
        assert_eq!(target_of("postgresql://app@h").database, "app");
    }

    #[test]
    fn the_check_is_away_unless_the_options_have_it_by_its_name() {
        for (dsn, is_away) in [
            ("host=h", false),
            ("host=h options='-c work_mem=9MB'", true),
            ("host=h options=''", true),
            ("postgresql://h?options=", true),
            (
                "host=h options='-c my.client_connection_check_interval=9'",
                true,
            ),
            (
                "host=h options='-c client_connection_check_interval=9'",
                false,
            ),
            (
                "postgresql://h?options=--client-connection-check-interval%3D9",
                false,
            ),
        ] {
            assert_eq!(keeps_check_away(&target_of(dsn)), is_away, "{dsn}");
        }
    }

    #[test]
    fn what_this_client_cannot_do_is_named() {
        for dsn in ["service=shop", "postgresql://h/db?sslcert=me.pem"] {
            assert!(target_of(dsn).tls.is_err(), "{dsn}");
        }
        assert!(target_of("host=h sslmode=prefer").tls.is_ok());
    }
}
