//! The account that runs the server. PostgreSQL refuses to run as root, so root uses an unprivileged
//! account.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::trouble::Trouble;

/// Who runs PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The user of this program.
    Own,
    /// Another user and group, chosen because this program runs as root.
    Lent {
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    },
}

impl Account {
    /// The account for this process.
    pub(super) fn choose() -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        unprivileged(&passwd).ok_or_else(|| {
            Trouble::new(
                "PostgreSQL refuses to run as root and /etc/passwd has no other user",
                "run as another user, or give a server with --database-url",
            )
            .into()
        })
    }

    /// Makes `command` run as this account.
    pub(super) fn apply(self, command: &mut Command) {
        if let Self::Lent { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    /// Makes this account the owner of `path`.
    pub(super) fn give(self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Lent { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }

    /// Whether this account can reach and read `path`, according to the permissions for others.
    pub(super) fn reaches(self, path: &Path) -> bool {
        self == Self::Own
            || path.ancestors().all(|step| {
                step.metadata()
                    .is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
            })
    }
}

/// `nobody`, or else the first user that is not root.
fn unprivileged(passwd: &str) -> Option<Account> {
    let users = || {
        passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (uid != 0).then_some((name, Account::Lent { uid, gid }))
        })
    };
    users()
        .find(|(name, _)| *name == "nobody")
        .or_else(|| users().next())
        .map(|(_, account)| account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_nobody_is_preferred_and_root_never_chosen() {
        let root = "root:x:0:0:root:/root:/bin/sh\n";
        let some = format!("{root}daemon:x:1:2:d:/:/bin/false\n");
        let all = format!("{some}nobody:x:65534:65533:n:/:/bin/false\n");
        assert_eq!(unprivileged(root), None);
        assert_eq!(unprivileged(&some), Some(Account::Lent { uid: 1, gid: 2 }));
        let nobody = Account::Lent {
            uid: 65534,
            gid: 65533,
        };
        assert_eq!(unprivileged(&all), Some(nobody));
    }

    #[test]
    fn another_user_cannot_enter_a_private_directory() {
        let private = tempfile::tempdir().unwrap();
        fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let lent = Account::Lent { uid: 1, gid: 1 };
        assert!(Account::Own.reaches(private.path()));
        assert!(!lent.reaches(private.path()));
        assert!(lent.reaches(Path::new("/")));
    }
}
