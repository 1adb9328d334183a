//! What one call needs of its context, checked before anything is started.

mod bytecode;
mod commands;
mod disconnect;
mod dsn;
pub(crate) mod environment;
pub(crate) mod project;
mod secrets;
mod settings;
pub(crate) mod sql_files;
#[cfg(test)]
mod tests;
pub(crate) mod verify_files;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use fraisier_adapter_api::{AdapterCtx, AdapterError};

pub(crate) use self::commands::Commands;
pub use self::commands::MissingMigrations;
pub(crate) use self::disconnect::{Check, is_refused};
pub use self::disconnect::{NoDisconnectCheck, has_server_option, server_option};
pub(crate) use self::dsn::Dsn;
use self::project::Project;
use self::secrets::is_declared;
pub(crate) use self::settings::{LOCK_TIMEOUT_MS, LOCK_TIMEOUT_TAKES, Settings};
pub use self::settings::{SETTINGS, Setting};
use crate::boundary;
use crate::failure::{Advice, Failure};
use crate::operation::Operation;
use crate::process::{Arg, Environment, Invocation};
use crate::redact::{Redact, Redactor};

/// The logical name of the secret that holds the connection string.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";

/// The logical name of the secret that holds the connection string of the database that
/// `preflight` may try migrations on.
pub(crate) const AGAINST_DATABASE_URL: &str = "AGAINST_DATABASE_URL";

/// The one variable in which confiture gets its connection string.
const CONFITURE_DATABASE_URL: &str = "CONFITURE_DATABASE_URL";

/// A context that has been checked: a call can be planned on it.
#[derive(Debug)]
pub(crate) struct Request {
    commands: Commands,
    operation: Operation,
    pub(crate) project: Project,
    pub(crate) settings: Settings,
    pub(crate) redactor: Arc<Redactor>,
    /// Why the server cannot be asked for the disconnect check, where that is known before the call.
    pub(crate) no_check: Option<NoDisconnectCheck>,
    dsn: Dsn,
    /// Where `preflight` may try migrations, if that is declared. No other operation needs it, so
    /// only `preflight` fails when there is something wrong with it.
    against: Option<Result<Dsn, Failure>>,
    /// What a child of this call sees before anything of the call is added.
    env: Environment,
}

impl Request {
    /// Checks the context.
    ///
    /// # Errors
    ///
    /// `MissingSecret` or `SecretReadFailed` when there is no `DATABASE_URL`, and `InvalidConfig`
    /// when it is no connection string or a setting is of the wrong type.
    pub(crate) fn new(
        commands: &Commands,
        operation: Operation,
        ctx: &AdapterCtx,
    ) -> Result<Self, AdapterError> {
        Self::within(&Environment::inherited(), commands, operation, ctx)
    }

    /// The same in a process that has the environment `ambient`.
    pub(crate) fn within(
        ambient: &Environment,
        commands: &Commands,
        operation: Operation,
        ctx: &AdapterCtx,
    ) -> Result<Self, AdapterError> {
        let secrets = commands.withheld(ambient).and_of_context(ctx);
        let redactor = Arc::new(secrets.redactor());
        let refused = |failure| boundary::operation_error(operation, &redactor, failure);
        let settings = commands.settings.overridden_by(ctx).map_err(refused)?;
        let dsn = dsn(commands, DATABASE_URL, ctx).map_err(refused)?;
        let against = is_declared(ctx, AGAINST_DATABASE_URL)
            .then(|| self::dsn(commands, AGAINST_DATABASE_URL, ctx));
        let goes_without = commands.check == Check::WherePossible && has_other_options(&dsn);
        let mut env = commands.inherit.environment(ambient);
        if let Some(columns) = environment::columns(secrets.all()) {
            env.set("COLUMNS", columns.to_string());
        }
        for source in ctx.env_secrets.values() {
            env.remove(source);
        }
        Ok(Self {
            commands: commands.clone(),
            operation,
            project: Project::in_context(ctx),
            settings,
            redactor,
            no_check: goes_without.then_some(NoDisconnectCheck::OwnOptions),
            dsn,
            against,
            env,
        })
    }

    /// The result of the call, redacted for its caller.
    pub(crate) fn redacted<T: Redact>(
        &self,
        result: Result<T, Failure>,
    ) -> Result<T, AdapterError> {
        boundary::result(self.operation, &self.redactor, result)
    }

    /// `confiture --version`, which sees no secret of this context.
    pub(crate) fn version(&self) -> Invocation {
        let args = vec![Arg::from("--version")];
        self.commands
            .invocation(args, PathBuf::from("."), self.env.clone())
    }

    /// What `read` finds in the migrations directory; `None` where that does not exist and confiture is
    /// to answer all the same.
    pub(crate) fn at_hand<T>(
        &self,
        read: impl FnOnce(&Project) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let goes_without = self.commands.missing_migrations == MissingMigrations::AskConfiture
            && self.project.lacks_migrations();
        if goes_without {
            return Ok(None);
        }
        read(&self.project).map(Some)
    }

    /// Where `preflight` may try migrations, if that is declared: a URL without its password, and the
    /// password, for `PGPASSWORD`.
    ///
    /// # Errors
    ///
    /// When it is declared and cannot be used, for example because it is no connection string, or because
    /// the variable would be the password of the main connection too.
    pub(crate) fn against(&self) -> Result<Option<(String, Option<&str>)>, Failure> {
        let Some(against) = &self.against else {
            return Ok(None);
        };
        let against = against.as_ref().map_err(Failure::clone)?;
        let (url, password) = against.split_password().map_err(|why| {
            let what = format!(
                "the secret `{AGAINST_DATABASE_URL}` is passed to confiture as an argument without its \
                 password, and that cannot be removed: {why}"
            );
            Failure::in_config(what, Advice::SeparatePassword)
        })?;
        if password.is_some() && self.dsn.get("password").is_none() {
            let what = format!(
                "the password of the secret `{AGAINST_DATABASE_URL}` is passed to confiture in \
                 `PGPASSWORD`, which the connection to `{DATABASE_URL}` would use too, because that has \
                 no password of its own"
            );
            return Err(Failure::in_config(what, Advice::SeparatePassword));
        }
        Ok(Some((url, password)))
    }

    /// `confiture migrate <subcommand> <args> --no-config --format json --output <report>`, with
    /// the connection string where only confiture sees it.
    pub(crate) fn migrate(&self, subcommand: &str, args: Vec<Arg>) -> Invocation {
        let mut env = self.env.clone();
        env.set(CONFITURE_DATABASE_URL, self.dsn.expose());
        if let Some(interval) = self.commands.check.interval() {
            disconnect::provide(&mut env, interval);
        }
        if subcommand == "current" {
            environment::for_current(&mut env);
        }
        let mut all = vec![Arg::from("migrate"), Arg::from(subcommand)];
        all.extend(["--no-config", "--format", "json", "--output"].map(Arg::from));
        all.push(Arg::ReportPath);
        all.extend(args);
        self.commands
            .invocation(all, self.project.workdir.clone(), env)
    }

    /// The same command, which does not ask the server to check for its client.
    pub(crate) fn without_check(&self, mut invocation: Invocation) -> Invocation {
        disconnect::take_back(&mut invocation.env, &self.env);
        invocation
    }

    /// `--migrations-dir <directory>`.
    pub(crate) fn migrations_dir(&self) -> [Arg; 2] {
        [
            Arg::from("--migrations-dir"),
            Arg::Literal(self.project.migrations_arg()),
        ]
    }
}

/// The connection string in a secret.
///
/// libpq ignores the variable that carries the server option when the connection string has
/// `options`. Where the builder demanded the check, such a string is refused, because the check would
/// silently be off.
fn dsn(commands: &Commands, logical: &str, ctx: &AdapterCtx) -> Result<Dsn, Failure> {
    let dsn = Dsn::new(logical, ctx.secret(logical).map_err(Failure::of_secret)?)?;
    match commands.check {
        Check::Demanded(interval) if has_other_options(&dsn) => Err(Failure::in_config(
            format!(
                "the secret `{logical}` carries `options`, which keep the server from being asked \
                 to check that its client is there (`server_disconnect_check`)"
            ),
            Advice::AddServerOption(server_option(interval)),
        )),
        _ => Ok(dsn),
    }
}

/// Whether the connection string has `options` that do not set the check.
fn has_other_options(dsn: &Dsn) -> bool {
    dsn.get("options")
        .is_some_and(|options| !has_server_option(options))
}

/// `--option=value` in one argument, so that no value looks like an option.
pub(crate) fn option(name: &str, value: impl AsRef<OsStr>) -> Arg {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(value);
    Arg::Literal(argument)
}
