//! What one call needs of its context, checked before anything is started.

mod bytecode;
mod disconnect;
mod dsn;
pub(crate) mod environment;
pub(crate) mod project;
mod settings;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fraisier_adapter_api::{AdapterCtx, AdapterError};

pub(crate) use self::disconnect::{Check, is_refused};
pub use self::disconnect::{DisconnectCheck, NoDisconnectCheck, server_option};
pub(crate) use self::dsn::{Dsn, connection_options, percent_decoded};
use self::environment::Inherit;
use self::project::Project;
pub(crate) use self::settings::{LOCK_TIMEOUT_MS, Settings};
pub use self::settings::{SETTINGS, Setting};
use crate::failure::Failure;
use crate::leave::{self, Leaves};
use crate::operation::Operation;
use crate::process::{Arg, Environment, Invocation, find_program};
use crate::redact::Redactor;

/// The logical name of the secret that holds the connection string.
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";

/// The logical name of the secret that holds the connection string of the database that
/// `preflight` may try migrations on.
pub(crate) const AGAINST_DATABASE_URL: &str = "AGAINST_DATABASE_URL";

/// The one variable in which confiture gets its connection string.
const CONFITURE_DATABASE_URL: &str = "CONFITURE_DATABASE_URL";

/// What becomes of a `verify` or `preflight` whose migrations directory does not exist. `up` and
/// `down_to` are refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MissingMigrations {
    /// It is refused: confiture finds nothing wrong with a directory that is not there.
    #[default]
    Refuse,
    /// confiture answers: for an engine that asks where the directory need not be. A `verify` is
    /// then as confiture says it, with a detail that no files were at hand. A `preflight` has
    /// confiture's `ok`, a warning of ours
    /// ([`NO_MIGRATIONS_AT_HAND`](crate::tools::replay::NO_MIGRATIONS_AT_HAND)), and neither `window_safe`
    /// nor a change set, so that gates refuse.
    AskConfiture,
}

/// Which of its rules named the program of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Builder,
    Variable,
    Default,
}

/// How commands are built, the same for every call of an adapter.
#[derive(Debug, Clone)]
pub(crate) struct Commands {
    /// The binary.
    pub(crate) program: PathBuf,
    /// What named it.
    pub(crate) named_by: NamedBy,
    /// What a child inherits.
    pub(crate) inherit: Inherit,
    /// Whether a private bytecode cache is provided where it helps.
    pub(crate) bytecode_cache: bool,
    /// Whether the server is asked to notice that its client is gone.
    pub(crate) check: Check,
    /// Whether the window guard looks at the `true` of every release.
    pub(crate) guard_every_release: bool,
    /// What holds where a context sets nothing.
    pub(crate) settings: Settings,
    /// What becomes of a call whose migrations directory does not exist.
    pub(crate) missing_migrations: MissingMigrations,
    /// How often a long `up` is asked how far it is.
    pub(crate) progress_interval: Option<Duration>,
    /// Whether an `up` that failed halfway is rolled back.
    pub(crate) undo_failed_up: bool,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            program: "confiture".into(),
            named_by: NamedBy::Default,
            inherit: Inherit::default(),
            bytecode_cache: true,
            check: Check::default(),
            guard_every_release: false,
            settings: Settings::default(),
            missing_migrations: MissingMigrations::default(),
            progress_interval: None,
            undo_failed_up: false,
        }
    }
}

impl Commands {
    /// `confiture --version`. What a context's secrets come from is not known here: see
    /// [`Request::version`].
    pub(crate) fn version(&self) -> Invocation {
        let mut env = self.inherit.environment(&Environment::inherited());
        for name in [DATABASE_URL, CONFITURE_DATABASE_URL] {
            env.remove(name);
        }
        self.invocation(vec![Arg::from("--version")], PathBuf::from("."), env)
    }

    fn invocation(&self, args: Vec<Arg>, cwd: PathBuf, mut env: Environment) -> Invocation {
        if self.bytecode_cache {
            let found = find_program(&self.program, env.get("PATH"));
            bytecode::provide(&mut env, found.as_ref().unwrap_or(&self.program));
        }
        Invocation {
            program: self.program.clone(),
            args,
            cwd,
            env,
        }
    }
}

/// A context that has been checked: a call can be planned on it.
#[derive(Debug)]
pub(crate) struct Request {
    commands: Commands,
    operation: Operation,
    pub(crate) project: Project,
    pub(crate) settings: Settings,
    pub(crate) redactor: Arc<Redactor>,
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
        let secrets = Secrets::of(ctx);
        let redactor = Arc::new(secrets.redactor());
        let refused = |failure| leave::in_operation(operation, &redactor, failure);
        let settings = commands.settings.overridden_by(ctx).map_err(refused)?;
        let dsn = dsn(commands, DATABASE_URL, ctx).map_err(refused)?;
        let against = is_declared(ctx, AGAINST_DATABASE_URL)
            .then(|| self::dsn(commands, AGAINST_DATABASE_URL, ctx));
        if has_other_options(&dsn) {
            commands.check.goes_without(NoDisconnectCheck::OwnOptions);
        }
        let mut env = commands.inherit.environment(ambient);
        if let Some(columns) = environment::columns(secrets.all()) {
            env.set("COLUMNS", columns.to_string());
        }
        let sources = ctx.env_secrets.values().map(String::as_str);
        for name in sources.chain([DATABASE_URL, CONFITURE_DATABASE_URL]) {
            env.remove(name);
        }
        Ok(Self {
            commands: commands.clone(),
            operation,
            project: Project::of(ctx),
            settings,
            redactor,
            dsn,
            against,
            env,
        })
    }

    /// What the call gives to who made it.
    pub(crate) fn leave<T: Leaves>(&self, answer: Result<T, Failure>) -> Result<T, AdapterError> {
        leave::leave(self.operation, &self.redactor, answer)
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

    /// Where `preflight` may try migrations, if that is declared.
    ///
    /// # Errors
    ///
    /// When it is declared and cannot be used, for example because it is no connection string.
    pub(crate) fn against(&self) -> Result<Option<&Dsn>, Failure> {
        let against = self.against.as_ref().map(Result::as_ref).transpose();
        against.map_err(Failure::clone)
    }

    /// `confiture migrate <subcommand> <args> --no-config --format json --output <report>`, with
    /// the connection string where only confiture sees it.
    pub(crate) fn migrate(&self, subcommand: &str, args: Vec<Arg>) -> Invocation {
        let mut env = self.env.clone();
        env.set(CONFITURE_DATABASE_URL, self.dsn.expose());
        if let Some(interval) = self.commands.check.interval() {
            disconnect::provide(&mut env, interval);
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

/// The secrets of a context. One that cannot be read is of no use to a call, and to nobody's harm.
struct Secrets {
    dsns: Vec<String>,
    others: Vec<String>,
}

impl Secrets {
    fn of(ctx: &AdapterCtx) -> Self {
        let read = |logical: &str| ctx.secret(logical).ok();
        let declared = ctx.env_secrets.keys().chain(ctx.resolved_secrets.keys());
        Self {
            dsns: [DATABASE_URL, AGAINST_DATABASE_URL]
                .into_iter()
                .filter_map(read)
                .collect(),
            others: declared
                .filter(|logical| *logical != DATABASE_URL)
                .filter_map(|logical| read(logical))
                .collect(),
        }
    }

    fn redactor(&self) -> Redactor {
        let others = self.others.iter().map(String::as_str);
        Redactor::new(self.dsns.iter().map(String::as_str), others)
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.dsns.iter().chain(&self.others).map(String::as_str)
    }
}

fn is_declared(ctx: &AdapterCtx, logical: &str) -> bool {
    ctx.env_secrets.contains_key(logical) || ctx.resolved_secrets.contains_key(logical)
}

/// The connection string in a secret.
///
/// libpq leaves the variable that carries the server option aside when the connection string has
/// `options`. Where the check was demanded, that is refused: it would be off without anybody's
/// knowing.
fn dsn(commands: &Commands, logical: &str, ctx: &AdapterCtx) -> Result<Dsn, Failure> {
    let dsn = Dsn::new(logical, ctx.secret(logical).map_err(Failure::of_secret)?)?;
    match commands.check {
        Check::Demanded(interval) if has_other_options(&dsn) => Err(Failure::in_config(
            format!(
                "the secret `{logical}` carries `options`, which keep the server from being asked \
                 to check that its client is there (`server_disconnect_check`)"
            ),
            format!(
                "add `{}` to these `options` (percent-encoded in a URL) and leave \
                 `server_disconnect_check` off, or take `options` out of the connection string",
                server_option(interval)
            ),
        )),
        _ => Ok(dsn),
    }
}

/// Whether the connection string has `options` that do not set the check.
fn has_other_options(dsn: &Dsn) -> bool {
    dsn.options()
        .is_some_and(|options| !disconnect::is_set_by(&options))
}

/// `--option=value` in one argument, so that no value looks like an option.
pub(crate) fn option(name: &str, value: impl AsRef<OsStr>) -> Arg {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(value);
    Arg::Literal(argument)
}

#[cfg(test)]
mod tests {
    use fraisier_adapter_api::AdapterErrorKind;

    use super::*;
    use crate::testing::{PASSWORD, ambient, commands, ctx, request};

    #[test]
    fn a_context_without_a_usable_connection_string_starts_nothing() {
        let of =
            |ctx: &AdapterCtx| Request::new(&commands(), Operation::Up, ctx).expect_err("refused");
        let none = AdapterCtx::new("shop", "test");
        assert_eq!(of(&none).kind, AdapterErrorKind::MissingSecret);
        let mut unset = AdapterCtx::new("shop", "test");
        unset
            .env_secrets
            .insert("DATABASE_URL".into(), "NO_SUCH_VARIABLE_HERE".into());
        assert_eq!(of(&unset).kind, AdapterErrorKind::SecretReadFailed);
        for dsn in [
            "",
            "  ",
            "mysql://u:hunter2@h/db",
            "postgresql//u:hunter2@h/db",
        ] {
            let ctx = AdapterCtx::new("shop", "test").with_resolved_secret("DATABASE_URL", dsn);
            let error = of(&ctx);
            assert_eq!(error.kind, AdapterErrorKind::InvalidConfig, "{dsn}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_probe_sees_no_secret() {
        let asked = request(&ctx(".".as_ref())).version();
        assert_eq!(asked.args, [Arg::from("--version")]);
        for name in [
            "SHOP_DSN",
            "SHOP_API_TOKEN",
            "DATABASE_URL",
            "CONFITURE_DATABASE_URL",
        ] {
            assert_eq!(asked.env.get(name), None, "{name}");
        }
        assert!(asked.env.get("LANG").is_some(), "all else passes");
        let mut commands = commands();
        commands.inherit.withheld = ["PATH".into()].into();
        assert_eq!(commands.version().env.get("PATH"), None);
    }

    #[test]
    fn the_server_is_asked_to_check_for_its_client() {
        let plan = |check, ctx: &AdapterCtx| {
            let mut commands = commands();
            commands.check = check;
            let request =
                Request::within(&ambient(), &commands, Operation::Up, ctx).expect("a request");
            let version = request.version().env.get("PGOPTIONS").map(OsStr::to_owned);
            assert_eq!(version.as_deref(), Some("-c work_mem=1MB".as_ref()));
            let env = request.migrate("up", Vec::new()).env;
            env.get("PGOPTIONS").map(OsStr::to_owned)
        };
        let ctx = ctx(".".as_ref());
        let asked = "-c work_mem=1MB -c client_connection_check_interval=1000ms";
        for check in [Check::default(), Check::Demanded(Duration::from_secs(1))] {
            assert_eq!(plan(check, &ctx), Some(asked.into()));
        }
        assert_eq!(plan(Check::Off, &ctx), Some("-c work_mem=1MB".into()));

        let mut commands = commands();
        let unasked =
            Request::within(&ambient(), &commands, Operation::Up, &ctx).expect("a request");
        commands.check = Check::default();
        let asked = Request::within(&ambient(), &commands, Operation::Up, &ctx).expect("a request");
        assert_eq!(
            asked.without_check(asked.migrate("up", Vec::new())),
            unasked.migrate("up", Vec::new())
        );
    }

    #[test]
    fn the_redactor_knows_every_secret_of_the_context() {
        let ctx = ctx(".".as_ref())
            .with_resolved_secret("AGAINST_DATABASE_URL", "postgresql://u:against-pw@h/db")
            .with_resolved_secret("API_TOKEN", "token-value");
        let request = Request::new(&commands(), Operation::Up, &ctx).expect("a request");
        for secret in [PASSWORD, "against-pw", "token-value"] {
            assert_eq!(request.redactor.text(secret), crate::redact::MASK);
        }
    }

    #[test]
    fn a_long_secret_makes_the_output_wide_enough_for_it() {
        let columns = |ctx: &AdapterCtx| {
            let env = request(ctx).migrate("up", Vec::new()).env;
            env.get("COLUMNS").map(OsStr::to_owned)
        };
        let plain = ctx(".".as_ref());
        assert_eq!(columns(&plain), Some("200".into()));
        let long = plain.with_resolved_secret("API_TOKEN", "t".repeat(700));
        assert_eq!(columns(&long), Some("800".into()));
    }

    #[test]
    fn an_option_keeps_its_value_in_one_argument() {
        assert_eq!(
            option("--target", "--force"),
            Arg::Literal("--target=--force".into())
        );
    }
}
