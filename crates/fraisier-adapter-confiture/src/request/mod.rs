//! What one call needs of its context, checked before anything is started.

mod bytecode;
mod config;
pub(crate) mod environment;
pub(crate) mod project;
pub(crate) mod sql_files;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use fraisier_adapter_api::AdapterCtx;

pub(crate) use self::config::{Config, LOCK_TIMEOUT_MS, LOCK_TIMEOUT_TAKES, Settings};
pub use self::config::{MissingMigrations, SETTINGS, Setting};
pub(crate) use self::environment::{Check, Inherit, is_refused};
pub use self::environment::{NoDisconnectCheck, has_server_option, server_option};
use self::project::Project;
use crate::failure::{Advice, Failure, Fault};
use crate::libpq::ConnectionString;
use crate::operation::Operation;
use crate::process::{Arg, Environment, Invocation, find_program};
use crate::redact::Redactor;

/// The logical name of the secret that contains the connection string.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";

/// The logical name of the secret that contains the connection string of the database that
/// `preflight` may try migrations on.
pub(crate) const AGAINST_DATABASE_URL: &str = "AGAINST_DATABASE_URL";

/// The one variable in which confiture gets its connection string.
const CONFITURE_DATABASE_URL: &str = "CONFITURE_DATABASE_URL";

/// A context that has been checked: a call can be planned on it.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) config: Config,
    pub(crate) operation: Operation,
    pub(crate) project: Project,
    pub(crate) redactor: Arc<Redactor>,
    /// Why the server cannot be asked for the disconnect check, where that is known before the call.
    pub(crate) no_check: Option<NoDisconnectCheck>,
    dsn: Option<ConnectionString>,
    /// Where `preflight` may try migrations, if that is declared. No other operation needs it, so
    /// only `preflight` fails when there is something wrong with it.
    against: Option<Result<ConnectionString, Fault>>,
    /// What a child of this call sees before anything of the call is added.
    env: Environment,
}

impl Request {
    /// Checks the context in a process that has the environment `ambient`. Without a context, the request
    /// is about no database.
    ///
    /// # Errors
    ///
    /// `MissingSecret` or `SecretReadFailed` when there is no `DATABASE_URL`, and `InvalidConfig`
    /// when it is no connection string or a setting has a wrong value.
    pub(crate) fn new(
        ambient: &Environment,
        config: &Config,
        operation: Operation,
        ctx: Option<&AdapterCtx>,
    ) -> Result<Self, Failure> {
        let (dsns, others) = secrets(&config.inherit, ambient, ctx);
        let [dsns, others] = [&dsns, &others].map(|texts| texts.iter().map(String::as_str));
        let mut env = config.inherit.environment(ambient);
        if let Some(columns) = environment::columns(dsns.clone().chain(others.clone())) {
            env.set("COLUMNS", columns.to_string());
        }
        let mut request = Self {
            config: config.clone(),
            operation,
            project: Project::default(),
            redactor: Arc::new(Redactor::new(dsns, others)),
            no_check: None,
            dsn: None,
            against: None,
            env,
        };
        let filled = ctx.map_or(Ok(()), |ctx| request.fill(ctx));
        filled.map_err(|fault| fault.redacted(Some(operation.as_str()), &request.redactor))?;
        Ok(request)
    }

    fn fill(&mut self, ctx: &AdapterCtx) -> Result<(), Fault> {
        self.config.settings = self.config.settings.overridden_by(ctx)?;
        let config = &self.config;
        let dsn = dsn(config, DATABASE_URL, ctx)?;
        if config.check == Check::WherePossible && has_other_options(&dsn) {
            self.no_check = Some(NoDisconnectCheck::OwnOptions);
        }
        self.dsn = Some(dsn);
        let mut declared = ctx.env_secrets.keys().chain(ctx.resolved_secrets.keys());
        if declared.any(|name| name == AGAINST_DATABASE_URL) {
            self.against = Some(self::dsn(config, AGAINST_DATABASE_URL, ctx));
        }
        self.project = Project::in_context(ctx);
        for name in ctx.env_secrets.values() {
            self.env.remove(name);
        }
        Ok(())
    }

    /// A text for the log, without secrets.
    pub(crate) fn masked(&self, text: &impl ToString) -> String {
        let mut text = text.to_string();
        self.redactor.prose([&mut text]);
        text
    }

    /// `confiture --version`, which sees no secret of this context.
    pub(crate) fn version(&self) -> Invocation {
        let args = vec![Arg::from("--version")];
        self.invocation(args, Path::new("."), self.env.clone())
    }

    fn invocation(&self, args: Vec<Arg>, cwd: &Path, mut env: Environment) -> Invocation {
        let program = self.config.program.clone();
        if self.config.bytecode_cache {
            let found = find_program(&program, env.get("PATH"));
            bytecode::provide(&mut env, found.as_ref().unwrap_or(&program));
        }
        Invocation {
            program,
            args,
            cwd: cwd.to_owned(),
            env,
        }
    }

    /// What `read` finds in the migrations directory; `None` where that does not exist and confiture is
    /// to be run all the same.
    pub(crate) fn where_present<T>(
        &self,
        read: impl FnOnce(&Project) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        if self.config.missing_migrations == MissingMigrations::AskConfiture
            && self.project.lacks_migrations()
        {
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
    pub(crate) fn against(&self) -> Result<Option<(String, Option<&str>)>, Fault> {
        let Some(against) = &self.against else {
            return Ok(None);
        };
        let against = against.as_ref().map_err(Fault::clone)?;
        let refused = |what| Fault::in_config(what, Advice::separate_password());
        let (url, password) = against.split_password().map_err(|why| {
            refused(format!(
                "the secret `{AGAINST_DATABASE_URL}` is passed to confiture as an argument without its \
                 password, and that cannot be removed: {why}"
            ))
        })?;
        let own_password = self.dsn.as_ref().and_then(|dsn| dsn.get("password"));
        if password.is_some() && own_password.is_none() {
            return Err(refused(format!(
                "the password of the secret `{AGAINST_DATABASE_URL}` is passed to confiture in \
                 `PGPASSWORD`, which the connection to `{DATABASE_URL}` would use too, because that has \
                 no password of its own"
            )));
        }
        Ok(Some((url, password)))
    }

    /// `confiture migrate <subcommand> <args> --no-config --format json --output <report>`, with
    /// the connection string where only confiture sees it.
    pub(crate) fn migrate(&self, subcommand: &str, args: Vec<Arg>) -> Invocation {
        let mut env = self.env.clone();
        if let Some(dsn) = &self.dsn {
            env.set(CONFITURE_DATABASE_URL, dsn.expose());
        }
        if let Some(interval) = self.config.check.interval() {
            environment::add_check(&mut env, interval);
        }
        if subcommand == "current" {
            environment::for_current(&mut env);
        }
        let always = ["--no-config", "--format", "json", "--output"];
        let command = ["migrate", subcommand].into_iter().chain(always);
        let command = command.map(Arg::from).chain([Arg::ReportPath]).chain(args);
        self.invocation(command.collect(), &self.project.workdir, env)
    }

    /// The same command without the disconnect check.
    pub(crate) fn without_check(&self, mut invocation: Invocation) -> Invocation {
        environment::remove_check(&mut invocation.env, &self.env);
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

/// The connection strings and the other secrets that can be read: those of a context, and the values of the
/// variables that no child receives. The child cannot read the rest either.
fn secrets(
    inherit: &Inherit,
    ambient: &Environment,
    ctx: Option<&AdapterCtx>,
) -> (Vec<String>, Vec<String>) {
    let withheld = ambient.iter();
    let withheld = withheld.filter(|(name, _)| inherit.withheld.contains(*name));
    // The host and the user of a connection string are no secrets.
    let (mut dsns, mut others): (Vec<_>, Vec<_>) = withheld
        .map(|(_, value)| value.to_string_lossy().into_owned())
        .partition(|value| ConnectionString::new("withheld", value).is_ok());
    if let Some(ctx) = ctx {
        for name in ctx.env_secrets.keys().chain(ctx.resolved_secrets.keys()) {
            let is_dsn = [DATABASE_URL, AGAINST_DATABASE_URL].contains(&name.as_str());
            let secrets = if is_dsn { &mut dsns } else { &mut others };
            secrets.extend(ctx.secret(name));
        }
    }
    (dsns, others)
}

/// The connection string in a secret.
///
/// libpq ignores the variable that carries the server option when the connection string has
/// `options`. Where the builder demanded the check, such a string is refused, because the check would
/// silently be off.
fn dsn(config: &Config, logical: &str, ctx: &AdapterCtx) -> Result<ConnectionString, Fault> {
    let secret = ctx.secret(logical).map_err(Fault::of_secret)?;
    let dsn = ConnectionString::new(logical, &secret)?;
    match config.check {
        Check::Demanded(interval) if has_other_options(&dsn) => Err(Fault::in_config(
            format!(
                "the secret `{logical}` contains `options`, so libpq ignores the variable that asks the server to \
                 check that its client is there (`server_disconnect_check`)"
            ),
            Advice::add_server_option(&server_option(interval)),
        )),
        _ => Ok(dsn),
    }
}

/// Whether the connection string has `options` that do not set the check.
fn has_other_options(dsn: &ConnectionString) -> bool {
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
