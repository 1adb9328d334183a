//! The report file: a place no other user can read or plant, and a wary way to read it.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tempfile::TempDir;

use super::error::{ReportProblem, RunError};
use super::output::Report;
use super::sweep;

/// How large a report may be to be held, and not left in its file.
const SMALL: u64 = 1 << 20;

/// How the name of every such directory begins.
pub(super) const PREFIX: &str = "confiture-report-";

/// How often a new directory is tried, when another process swept it away before it was held.
const ATTEMPTS: usize = 10;

/// The place for one report, in a directory of its own that only this user can enter. Dropping it
/// removes the directory.
pub(super) struct ReportFile {
    dir: TempDir,
    /// As long as this is open, no other process takes the directory for one that was left behind.
    _held: Option<File>,
}

impl ReportFile {
    pub(super) fn create() -> Result<Self, RunError> {
        Self::create_in(&std::env::temp_dir())
    }

    fn create_in(parent: &Path) -> Result<Self, RunError> {
        // The child starts in another directory, so a relative TMPDIR has to be resolved here.
        let failed = |source| RunError::TempDir {
            parent: parent.to_owned(),
            source,
        };
        let parent = std::path::absolute(parent).map_err(failed)?;
        for _ in 0..ATTEMPTS {
            if let Some(made) = Self::try_in(&parent).map_err(failed)? {
                return Ok(made);
            }
        }
        Err(failed(io::ErrorKind::WouldBlock.into()))
    }

    /// `None` when another process swept the directory away before it was held.
    fn try_in(parent: &Path) -> io::Result<Option<Self>> {
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        match sweep::take(dir.path()) {
            Ok(held) => Ok(Some(Self {
                dir,
                _held: Some(held),
            })),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::NotFound
                ) =>
            {
                Ok(None)
            }
            // Where a directory cannot be locked, nobody sweeps.
            Err(_) => Ok(Some(Self { dir, _held: None })),
        }
    }

    /// The directory, which holds nothing else.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir().join("report.json")
    }

    /// Reads the report; `None` when none was written.
    pub(super) fn read(&self, limit: u64) -> Result<Option<Report>, ReportProblem> {
        read_report(&self.path(), limit)
    }
}

/// The report in a file of this user's, as a [`Runner`](super::Runner) gives it; `None` when there
/// is no file.
///
/// # Errors
///
/// When it is larger than the limit, something other than a file, of another user, or cannot be
/// read.
pub fn read_report(path: &Path, limit: u64) -> Result<Option<Report>, ReportProblem> {
    let unreadable = |source| ReportProblem::Unreadable { source };
    match std::fs::symlink_metadata(path) {
        Ok(found) => acceptable(&found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    // What was looked at may have been exchanged since: neither a link is followed nor a FIFO
    // waited for, and what was opened is looked at again.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = File::options()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
        .map_err(unreadable)?;
    let opened = file.metadata().map_err(unreadable)?;
    acceptable(&opened)?;
    let too_large = |size| ReportProblem::TooLarge { size, limit };
    if opened.len() > limit {
        return Err(too_large(opened.len()));
    }
    if opened.len() > SMALL {
        return Ok(Some(Report::in_file(file, opened.len())));
    }
    let mut report = Vec::with_capacity(usize::try_from(opened.len()).unwrap_or(0));
    file.take(limit.saturating_add(1))
        .read_to_end(&mut report)
        .map_err(unreadable)?;
    match report.len() as u64 {
        size if size > limit => Err(too_large(size)),
        _ => Ok(Some(report.into())),
    }
}

fn acceptable(found: &Metadata) -> Result<(), ReportProblem> {
    let kind = found.file_type();
    let what = if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if !kind.is_file() {
        "a socket or device"
    } else if found.uid() != rustix::process::geteuid().as_raw() {
        "a file of another user"
    } else {
        return Ok(());
    };
    Err(ReportProblem::NotAFile { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ReportFile {
        ReportFile::create().unwrap()
    }

    #[test]
    fn only_this_user_can_enter_the_directory_and_it_goes_with_the_value() {
        let report = file();
        let dir = report.path().parent().unwrap().to_owned();
        assert_eq!(std::fs::metadata(&dir).unwrap().mode() & 0o7777, 0o700);
        std::fs::write(report.path(), "{}").unwrap();
        drop(report);
        assert!(!dir.exists());
    }

    #[test]
    fn a_report_is_absent_or_read_up_to_the_limit() {
        let report = file();
        assert!(report.read(10).unwrap().is_none());
        std::fs::write(report.path(), "0123456789").unwrap();
        let read = report.read(10).unwrap().unwrap();
        assert_eq!(*read.bytes().unwrap(), *b"0123456789");
        let refused = report.read(9).unwrap_err().to_string();
        assert_eq!(refused, "the report is 10 bytes long, and the limit is 9");
    }

    #[test]
    fn a_missing_parent_is_named() {
        let error = ReportFile::create_in(Path::new("/nowhere/at/all"))
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
