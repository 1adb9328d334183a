//! The connection string of the project.

use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::server_option;
use fraisier_adapter_confiture::tools::{Connection, Redactor, connection, has_server_option};

use super::database::CHECK_INTERVAL;
use super::finding::Finding;
use super::finding::Grade::{self, Fail, Warn};
use crate::project::Project;

/// What is wrong with it, and a redactor that masks it.
pub(super) fn examine(project: &Project) -> (Redactor, Finding) {
    const CHECK: &str = "secret";
    let variable = &project.database_url_env;
    let secret = match project.ctx().secret("DATABASE_URL") {
        Ok(secret) => secret,
        Err(error) => {
            let next = "set it, or name another with --database-url-env";
            let text = format!("{}. Next: {next}", error.message);
            return (Redactor::default(), Finding::new(CHECK, Fail, text));
        }
    };
    let (grade, text) = match connection(variable, &secret) {
        Err(failure) => (Fail, AdapterError::from(failure).message),
        Ok(connection) if keeps_check_away(&connection) => {
            let option = server_option(CHECK_INTERVAL);
            let text = format!(
                "{variable} has `options` of its own, so the server is not asked to notice that \
                 confiture is gone. Next: add `{option}` to these `options` (percent-encoded in a \
                 URL), or remove them"
            );
            (Warn, text)
        }
        Ok(_) => (
            Grade::Ok,
            format!("{variable} contains a connection string"),
        ),
    };
    let finding = Finding::new(CHECK, grade, text);
    (Redactor::new([secret.as_str()], []), finding)
}

/// Whether it has `options` without the disconnect check.
fn keeps_check_away(connection: &Connection) -> bool {
    let options = connection.settings.get("options");
    options.is_some_and(|options| !has_server_option(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_without_the_disconnect_check_are_reported() {
        for (dsn, keeps_away) in [
            ("host=h", false),
            ("host=h options='-c work_mem=9MB'", true),
            ("host=h options=''", true),
            ("postgresql://h?options=", true),
            (
                "host=h options='-c my.client_connection_check_interval=9'",
                true,
            ),
            (
                "postgresql://h?options=--client-connection-check-interval%3D9",
                false,
            ),
        ] {
            let connection = connection("DATABASE_URL", dsn).expect(dsn);
            assert_eq!(keeps_check_away(&connection), keeps_away, "{dsn}");
        }
    }
}
