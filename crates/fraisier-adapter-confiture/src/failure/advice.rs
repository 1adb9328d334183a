//! What to do next: the table of every `Next:`.

use std::fmt;

/// Diagnoses the database and this machine.
pub(super) const DOCTOR: &str = "fraisier-adapter-confiture-ipc doctor";

/// Says which migration was applied last.
pub(super) const CURRENT: &str = "fraisier-adapter-confiture-ipc current";

/// What named the program of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Builder,
    Variable,
    Default,
}

/// What to do next, as a clause without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice(pub(super) String);

/// A text that an error contains, and the advice for that error.
pub(crate) type Remedy = (&'static str, fn() -> Advice);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The table. A row is a constructor and its text. If the text names something of the situation, the row has an
/// example of it.
macro_rules! advice {
    ($($name:ident($($about:ident = $example:literal)?) => $text:literal,)*) => {
        impl Advice {
            $(pub(crate) fn $name($($about: &str)?) -> Self {
                Self(format!($text))
            })*
        }

        /// Every text that can follow the `Next:` of a message, except what confiture itself
        /// advises. Where a text names something of the situation, it names an example.
        #[cfg(any(test, feature = "tools"))]
        #[must_use]
        pub fn every_advice() -> Vec<String> {
            vec![$(Advice::$name($($example)?).0),*]
        }
    };
}

advice! {
    diagnose() => "run `fraisier-adapter-confiture-ipc doctor` to diagnose",

    // The configuration, of the program or of a call.
    unset_variable() => "correct or unset it",
    correct_setting() => "correct it",
    remove_parameter() => "correct its name or remove it; a schema is set for the role instead: ALTER ROLE … SET search_path = …",
    write_connection_string() => "write it as a URL that begins with `postgresql://`, with @ / : % in a password percent-encoded (%40 %2F %3A %25), or as libpq keywords (host=… user=… dbname=…)",
    remove_control_character() => "remove it; a secret that was read from a file often ends with the file's line end",
    separate_password() => "write it as a URL with `@`, `/`, `?` and spaces percent-encoded and no secret but its password, and give both connection strings a password, or none: libpq reads the password file too",
    add_server_option(option = "-c client_connection_check_interval=1000ms") => "add `{option}` to these `options` (percent-encoded in a URL) and leave `server_disconnect_check` off, or remove `options` from the connection string",
    ignore_in_pooler(setting = "client_connection_check_interval=1000ms") => "configure the pooler to ignore it (PgBouncer: `ignore_startup_parameters = options`) and set `{setting}` for the role, or leave `server_disconnect_check` unset",
    correct_workdir() => "set `workdir` to a directory that this user can enter",
    correct_migrations_path() => "set `migrations_path`, which is relative to `workdir`, to a directory that this user can read and that contains the migrations",
    name_version() => "use a version: the part of a file name before the first `_`",

    // This machine, and the confiture on it.
    install_at_program() => "install it there (pip install fraiseql-confiture), or correct the `program` that the adapter was built with",
    install_at_variable() => "install it there (pip install fraiseql-confiture), or correct `FRAISIER_CONFITURE_BIN`, which names it",
    install() => "install it (pip install fraiseql-confiture), put it on `PATH`, or set `FRAISIER_CONFITURE_BIN` to it",
    recreate_environment() => "recreate its virtual environment: its Python is gone",
    repair_python() => "unset `PSYCOPG_IMPL` and the variables that begin with `PYTHON`, or reinstall confiture (pip install --force-reinstall fraiseql-confiture)",
    make_executable() => "make it executable for this user",
    set_program_to_confiture() => "configure the adapter with the path of confiture",
    set_variable_to_confiture() => "set `FRAISIER_CONFITURE_BIN` to confiture",
    put_confiture_on_path() => "put confiture first on `PATH`, or set `FRAISIER_CONFITURE_BIN` to it",
    query_version_again() => "try again when this machine is less busy; if it hangs again, reinstall confiture",
    upgrade(minimum = "0.22.0") => "install a release (pip install --force-reinstall 'fraiseql-confiture>={minimum}')",
    use_newer_release() => "install a newer release (pip install --upgrade fraiseql-confiture)",
    remove_allow_destructive(minimum = "1.2.0") => "remove the setting `allow_destructive`, or install confiture {minimum} or newer",
    correct_tmpdir() => "set `TMPDIR` to a directory that this user can write to",
    free_resources() => "free what is exhausted on this machine, then try again",
    wait_for_program() => "wait until it is written, then try again",

    // A migration that was not applied, or an `up` that did not begin.
    correct_migration() => "correct the migration, remove what it committed by itself or did outside a transaction, then deploy again: it continues after what is applied",
    correct_cause() => "correct the cause, then deploy again: it continues after what is applied",
    repeat_deploy() => "deploy again, which continues after what is applied; this release cannot apply two migrations of one name within a second",
    restore_search_path() => "remove the line with which the migration empties `search_path` (pg_dump writes set_config('search_path', '', false)), because confiture no longer finds its ledger, then deploy again",
    index_concurrently() => "install confiture 0.33.0 or newer, the first that creates an index concurrently, then deploy again: it continues after what is applied",
    drop_index(index = "two") => "correct the cause, drop the index {index} if `fraisier-adapter-confiture-ipc doctor` lists it as invalid, then deploy again: it continues after what is applied",
    write_down_files(versions = "002") => "write the missing `.down.sql` of {versions}, then deploy again",
    apply_as_superuser(version = "002") => "apply it with `confiture migrate apply-as <role> {version}`, which finds the connection string of that role in `apply_as.<role>.url` of `confiture.yaml`, then deploy again",
    allow_destructive() => "review the migration, allow it with the setting `allow_destructive`, then deploy again",
    renumber_migration() => "give one of them another version, then deploy again",
    restore_edited_file() => "restore the file as it was applied, put the change into a new migration, then deploy again",
    wait_for_other_deploy() => "wait until the other deploy has ended, then deploy again: it continues after what is applied",
    wait_for_lock() => "wait until the deploy that holds the lock has ended, then try again; the holder that confiture names may be long gone",
    wait_for_session() => "find the session that held the lock, then deploy again: it continues after what is applied",
    allow_statement_time() => "raise statement_timeout of the role, then deploy again: it continues after what is applied",
    deploy_again() => "deploy again: it continues after what is applied",
    free_disk() => "free space on the disk of the server, then deploy again: it continues after what is applied",
    install_extension() => "install the extension on the machine of the server, then deploy again: it continues after what is applied",
    use_writable_server() => "connect to a server, and as a role, that may write, then deploy again: it continues after what is applied",
    own_ledger() => "make the role the owner of `tb_confiture` and its sequence, with all privileges on them, then deploy again",
    show_ledger() => "put the schema of the ledger `tb_confiture` on the `search_path` of the role (`fraisier-adapter-confiture-ipc doctor` names it), then deploy again",
    find_blocker() => "find the session that it waits for, or allow more time with `timeout`",

    // A way back.
    query_current() => "run `fraisier-adapter-confiture-ipc current`, and go back to a revision that was applied before it",
    continue_or_remove() => "correct what failed and deploy again, which continues after what is applied, or remove that by hand, with its rows of the ledger `tb_confiture`",
    order_times() => "check that the order of `pk_confiture` is the order of application, then set the times to it: UPDATE tb_confiture l SET applied_at = now() - interval '1 second' * (SELECT count(*) FROM tb_confiture n WHERE n.pk_confiture > l.pk_confiture)",
    order_times_by_hand() => "correct `applied_at` in `tb_confiture` so that it increases in the order of application, or configure the script `confiture` of the Python installation as the program",
    restore_migration(migration = "002_two") => "restore the files of {migration}; where the migration was only renamed, set the name in its row of `tb_confiture` to the new one",
    plan_again() => "run `fraisier-adapter-confiture-ipc current`, then decide again what is to be rolled back",
}

impl Advice {
    /// Nothing is known to help.
    pub(crate) const fn none() -> Self {
        Self(String::new())
    }

    /// What confiture advises.
    pub(crate) fn stated(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn install_where(named_by: NamedBy) -> Self {
        match named_by {
            NamedBy::Builder => Self::install_at_program(),
            NamedBy::Variable => Self::install_at_variable(),
            NamedBy::Default => Self::install(),
        }
    }

    pub(crate) fn name_confiture(named_by: NamedBy) -> Self {
        match named_by {
            NamedBy::Builder => Self::set_program_to_confiture(),
            NamedBy::Variable => Self::set_variable_to_confiture(),
            NamedBy::Default => Self::put_confiture_on_path(),
        }
    }

    /// What helps against errors that have one known cause each.
    pub(crate) fn about(errors: &[String]) -> Option<Self> {
        const CAUSES: [Remedy; 3] = [
            ("\"tb_confiture_slug_key\"", Advice::repeat_deploy),
            (
                "relation \"tb_confiture\" does not exist",
                Advice::restore_search_path,
            ),
            (
                "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
                Advice::index_concurrently,
            ),
        ];
        let is_reported = |text| errors.iter().any(|error| error.contains(text));
        let (_, advice) = CAUSES.iter().find(|(text, _)| is_reported(*text))?;
        Some(advice())
    }

    /// Whether it says only where to look, so that anything more exact is better.
    pub(crate) fn is_general(&self) -> bool {
        self.0.trim().is_empty() || *self == Self::diagnose()
    }

    /// What to do about a failure of this code: what confiture advises, unless it advises nothing or
    /// speaks of its command line, which an engine does not use.
    pub(crate) fn after(code: &str, advised: &str) -> Self {
        let advised = advised.trim().trim_end_matches('.');
        let is_usable =
            !advised.is_empty() && !advised.contains("migrate ") && !advised.contains("--");
        match code {
            "LOCK_1300" => Self::wait_for_lock(),
            _ if is_usable => Self::stated(advised),
            "MIGR_100" => Self::query_current(),
            "MIGR_106" => Self::renumber_migration(),
            "VALID_002" | "VALID_008" => Self::allow_destructive(),
            _ => Self::diagnose(),
        }
    }
}

#[cfg(test)]
mod tests;
