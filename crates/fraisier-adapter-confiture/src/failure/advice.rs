//! What to do next, in words for who deploys: every `Next:` of a message stands here.

use std::fmt;

use fraisier_adapter_api::AdapterErrorKind;

use crate::release::capability::Need;

/// Looks at the database from outside of confiture.
pub(crate) const DOCTOR: &str = "fraisier-adapter-confiture-ipc doctor";

/// Which of its rules named the program of an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Builder,
    Variable,
    Default,
}

/// What to do next, as a clause without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Nothing is known to help.
    None,
    /// confiture said nothing that helps.
    LookCloser,
    /// What confiture advises.
    Stated(String),

    // The configuration, of the program or of a call.
    UnsetVariable,
    CorrectSetting,
    MakeConnectionString,
    TakeOutControlCharacter,
    /// The connection string that goes to confiture as an argument.
    SeparatePassword,
    /// Options of the connection string keep the disconnect check away, which is this option.
    AddServerOption(String),
    /// A pooler or the server refuses the disconnect check, which is this option.
    LetPoolerIgnore(String),
    CorrectWorkdir,
    CorrectMigrationsPath,
    NameVersion,

    // This machine, and the confiture on it.
    Install(NamedBy),
    RenewEnvironment,
    MakeExecutable,
    NameConfiture(NamedBy),
    /// A program that did not say which release it is in time.
    AskProgramAgain,
    Upgrade(Need),
    TakeNewerRelease,
    TakeBackAllowDestructive,
    CorrectTmpdir,
    FreeResources,
    /// The program is just being replaced.
    WaitForProgram,

    // A migration that was not applied, or an `up` that did not begin.
    CorrectMigration,
    CorrectCause,
    /// Of these migrations.
    WriteDownFiles(Vec<String>),
    /// This migration.
    ApplyAsSuperuser(String),
    AllowDestructive,
    RenumberMigration,
    RestoreEditedFile,
    WaitForOtherDeploy,
    WaitForLock,
    LookForBlocker,

    // A way back.
    AskCurrentRevision,
    /// What the `up` applied could not be rolled back.
    GoOnOrTakeBack,
}

impl Advice {
    /// What to do about a failure of this code: what confiture advises, unless it advises nothing or
    /// speaks of its command line, which an engine does not use.
    pub(super) fn after(code: &str, advised: &str) -> Self {
        let advised = advised.trim().trim_end_matches('.');
        let usable =
            !advised.is_empty() && !advised.contains("migrate ") && !advised.contains("--");
        match code {
            "LOCK_1300" => Self::WaitForLock,
            _ if usable => Self::Stated(advised.to_owned()),
            "MIGR_100" => Self::AskCurrentRevision,
            "MIGR_106" => Self::RenumberMigration,
            "VALID_002" | "VALID_008" => Self::AllowDestructive,
            _ => Self::LookCloser,
        }
    }
}

impl From<Advice> for String {
    fn from(advice: Advice) -> Self {
        advice.to_string()
    }
}

impl fmt::Display for Advice {
    #[expect(clippy::too_many_lines, reason = "one arm for each advice")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::None => "",
            Self::LookCloser => return write!(f, "`{DOCTOR}` looks closer"),
            Self::Stated(text) => text,
            Self::UnsetVariable => "correct or unset it",
            Self::CorrectSetting => "correct it",
            Self::MakeConnectionString => {
                "make it a URL that begins with `postgresql://`, with @ / : % in a password \
                 percent-encoded (%40 %2F %3A %25), or libpq keywords (host=… user=… dbname=…)"
            }
            Self::TakeOutControlCharacter => {
                "take it out; a secret that was read from a file often ends with the file's line end"
            }
            Self::SeparatePassword => {
                "make it a URL with `@`, `/`, `?` and spaces percent-encoded and no secret but its password, \
                 and give both connection strings a password, or none: libpq reads the password file too"
            }
            Self::AddServerOption(option) => {
                return write!(
                    f,
                    "add `{option}` to these `options` (percent-encoded in a URL) and leave \
                     `server_disconnect_check` off, or take `options` out of the connection string"
                );
            }
            Self::LetPoolerIgnore(option) => {
                return write!(
                    f,
                    "let the pooler ignore it (PgBouncer: `ignore_startup_parameters = options`) \
                     and set `{}` for the role, or leave `server_disconnect_check` unset",
                    option.trim_start_matches("-c ")
                );
            }
            Self::CorrectWorkdir => "let `workdir` name a directory that this user can enter",
            Self::CorrectMigrationsPath => {
                "let `migrations_path`, which is relative to `workdir`, name a directory that this \
                 user can read and that holds the migrations"
            }
            Self::NameVersion => "name a version as it stands before the first `_` of a file name",
            Self::Install(NamedBy::Builder) => {
                "install it there (pip install fraiseql-confiture), or correct the `program` that \
                 the adapter was built with"
            }
            Self::Install(NamedBy::Variable) => {
                "install it there (pip install fraiseql-confiture), or correct \
                 `FRAISIER_CONFITURE_BIN`, which names it"
            }
            Self::Install(NamedBy::Default) => {
                "install it (pip install fraiseql-confiture), put it on `PATH`, or name it in \
                 `FRAISIER_CONFITURE_BIN`"
            }
            Self::RenewEnvironment => "make its virtual environment anew: its Python is gone",
            Self::MakeExecutable => "make it executable for this user",
            Self::NameConfiture(NamedBy::Builder) => {
                "build the adapter with the `program` that is confiture"
            }
            Self::NameConfiture(NamedBy::Variable) => "let `FRAISIER_CONFITURE_BIN` name confiture",
            Self::NameConfiture(NamedBy::Default) => {
                "put confiture first on `PATH`, or name it in `FRAISIER_CONFITURE_BIN`"
            }
            Self::AskProgramAgain => {
                "try again when this machine is less busy; if it hangs again, install confiture anew"
            }
            Self::Upgrade(need) => {
                let floor = need.floor().release();
                return write!(
                    f,
                    "install a release (pip install --force-reinstall 'fraiseql-confiture>={floor}')"
                );
            }
            Self::TakeNewerRelease => {
                "install a newer release (pip install --upgrade fraiseql-confiture)"
            }
            Self::TakeBackAllowDestructive => {
                let floor = Need::AllowDestructive.floor().release();
                return write!(
                    f,
                    "take back the setting `allow_destructive`, or install confiture {floor} or newer"
                );
            }
            Self::CorrectTmpdir => "let `TMPDIR` name a directory that this user can write to",
            Self::FreeResources => "free what is exhausted on this machine, then try again",
            Self::WaitForProgram => "wait until it is written, then try again",
            Self::CorrectMigration => {
                "correct the migration, remove what it committed by itself or did outside a \
                 transaction, then deploy again: it goes on after what is applied"
            }
            Self::CorrectCause => {
                "correct the cause, then deploy again: it goes on after what is applied"
            }
            Self::WriteDownFiles(versions) => {
                let versions = versions.join(", ");
                return write!(
                    f,
                    "write the missing `.down.sql` of {versions}, then deploy again"
                );
            }
            Self::ApplyAsSuperuser(version) => {
                return write!(
                    f,
                    "apply it by `confiture migrate apply-as <role> {version}`, which finds the \
                     connection string of that role in `apply_as.<role>.url` of `confiture.yaml`, \
                     then deploy again"
                );
            }
            Self::AllowDestructive => {
                "review the migration, allow it by the setting `allow_destructive`, then deploy again"
            }
            Self::RenumberMigration => "give one of them another version, then deploy again",
            Self::RestoreEditedFile => {
                "restore the file as it was applied, put the change into a new migration, then \
                 deploy again"
            }
            Self::WaitForOtherDeploy => {
                "wait for the other deploy to end, then deploy again: it goes on after what is \
                 applied"
            }
            Self::WaitForLock => {
                "wait for the deploy that holds the lock to end, then try again; nothing is done \
                 without the lock"
            }
            Self::LookForBlocker => {
                "look for a session that it waits for, or allow more time with `timeout`"
            }
            Self::AskCurrentRevision => {
                "ask `current_revision`, and go back to a revision that was applied before it"
            }
            Self::GoOnOrTakeBack => {
                "correct what failed and deploy again, which goes on after what is applied, or take \
                 that back by hand, with its rows of the ledger `tb_confiture`"
            }
        };
        f.write_str(text)
    }
}

/// Completes advice by the program that looks closer, where that helps.
pub(super) fn with_doctor(kind: AdapterErrorKind, timed_out: bool, next: &str) -> String {
    let helps = timed_out
        || matches!(
            kind,
            AdapterErrorKind::DbUnreachable | AdapterErrorKind::LockContention
        );
    if !helps || next.contains(DOCTOR) {
        return next.to_owned();
    }
    match next.trim().trim_end_matches('.') {
        "" => Advice::LookCloser.to_string(),
        next => format!("{next}; {}", Advice::LookCloser),
    }
}

#[cfg(test)]
mod tests;
