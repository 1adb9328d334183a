//! The report of a command, and the private directory that contains it. The directory is removed at the end
//! of the run, or by the watcher when this process dies.

use std::collections::hash_map::RandomState;
use std::fs::{DirBuilder, File};
use std::hash::BuildHasher;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::invocation::Links;
use super::output::RunError;

/// The largest report that is read, in bytes.
const LIMIT: u64 = 256 << 20;

/// The directory of one report, which only this user can enter. Dropping it removes the directory.
pub(super) struct ReportDir {
    pub(super) path: PathBuf,
    created: bool,
}

impl ReportDir {
    /// Chooses the path of a directory in `parent`. Nothing is created yet, so that the watcher knows the
    /// path before there is anything to remove.
    pub(super) fn choose(parent: &Path) -> Result<Self, RunError> {
        // The child starts in another directory, so a relative TMPDIR has to be resolved here.
        let absolute = std::path::absolute(parent)
            .map_err(|error| RunError::TempDir(parent.to_owned(), error))?;
        // Each `RandomState` has different keys.
        let random = RandomState::new().hash_one(std::process::id());
        Ok(Self {
            path: absolute.join(format!("confiture-report-{random:016x}")),
            created: false,
        })
    }

    /// Creates the directory, which must not exist.
    pub(super) fn create(&mut self) -> Result<(), RunError> {
        let created = DirBuilder::new().mode(0o700).create(&self.path);
        self.created = created.is_ok();
        let parent = self.path.parent().unwrap_or(&self.path);
        created.map_err(|error| RunError::TempDir(parent.to_owned(), error))
    }

    /// The path of the report.
    pub(super) fn report(&self) -> PathBuf {
        self.path.join("report.json")
    }

    /// Removes the directory, which something may still write to.
    pub(super) fn remove(&self) {
        if self.created {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }

    /// Creates the links, and the directories that they are in.
    pub(super) fn link(&self, links: &Links) -> Result<(), RunError> {
        let directory = self.path.join(&links.directory);
        let mut targets = links.targets.iter();
        std::fs::create_dir_all(&directory)
            .and_then(|()| targets.try_for_each(|(link, to)| symlink(to, self.path.join(link))))
            .map_err(|error| RunError::TempDir(directory, error))
    }
}

impl Drop for ReportDir {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The bytes of a report. Clones share them.
pub type Report = Arc<Vec<u8>>;

/// The report in a file of this user, as a [`Runner`](super::Runner) returns it; `None` when there is no
/// file.
///
/// # Errors
///
/// When it has more than 256 MiB, is not a regular file of this user (a link, a FIFO), or cannot be read,
/// for example because no descriptor is left.
pub fn read_report(path: &Path) -> io::Result<Option<Report>> {
    read_up_to(path, LIMIT)
}

fn read_up_to(path: &Path, limit: u64) -> io::Result<Option<Report>> {
    // No link is followed, and no FIFO is waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let mut options = File::options();
    let opened = options.read(true).custom_flags(flags.cast_signed());
    let file = match opened.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != geteuid().as_raw() {
        return Err(io::Error::other("it is not a regular file of this user"));
    }
    let mut report = Vec::new();
    if found.len() <= limit {
        file.take(limit + 1).read_to_end(&mut report)?;
    }
    if found.len().max(report.len() as u64) > limit {
        let why = format!("it is longer than {limit} bytes");
        return Err(io::Error::other(why));
    }
    Ok(Some(report.into()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::fifo;

    #[test]
    fn a_report_is_absent_or_read_up_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        assert!(read_up_to(&path, 10).unwrap().is_none());
        fs::write(&path, "0123456789").unwrap();
        let read = read_up_to(&path, 10).unwrap().unwrap();
        assert_eq!(*read, b"0123456789");
        let refused = read_up_to(&path, 9).unwrap_err().to_string();
        assert_eq!(refused, "it is longer than 9 bytes");
    }

    #[test]
    fn only_a_file_of_this_user_is_a_report() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "{}").unwrap();
        symlink(at("file"), at("link")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        fifo(&at("fifo"));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["link", "directory", "fifo", "socket", "file/below"] {
            assert!(read_report(&at(name)).is_err(), "{name}");
        }
    }

    /// As those below `/proc` do, which have no size.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_report_that_grows_while_it_is_read_is_read_up_to_the_limit() {
        let path = Path::new("/proc/self/status");
        let refused = read_up_to(path, 10).unwrap_err().to_string();
        assert_eq!(refused, "it is longer than 10 bytes");
        assert!(read_report(path).unwrap().is_some());
    }

    #[test]
    fn only_this_user_can_enter_the_directory_and_dropping_removes_it() {
        let mut report = ReportDir::choose(&std::env::temp_dir()).unwrap();
        assert!(!report.path.exists());
        report.create().unwrap();
        let dir = report.path.clone();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o700);
        fs::write(report.report(), "{}").unwrap();
        drop(report);
        assert!(!dir.exists());
    }

    #[test]
    fn a_directory_that_exists_is_neither_used_nor_removed() {
        let parent = tempfile::tempdir().unwrap();
        let mut report = ReportDir::choose(parent.path()).unwrap();
        fs::create_dir(&report.path).unwrap();
        assert!(matches!(report.create(), Err(RunError::TempDir(..))));
        let dir = report.path.clone();
        drop(report);
        assert!(dir.exists());
    }

    #[test]
    fn the_links_lead_to_the_files_and_go_with_the_value() {
        let files = tempfile::tempdir().unwrap();
        let file = files.path().join("001_a.up.sql");
        fs::write(&file, "SELECT 1;").unwrap();
        let mut report = ReportDir::choose(&std::env::temp_dir()).unwrap();
        report.create().unwrap();
        let links = Links {
            directory: "db/links".into(),
            targets: [("db/links/001_a.up.sql".into(), file.clone())].into(),
        };
        report.link(&links).unwrap();
        let link = report.path.join("db/links/001_a.up.sql");
        assert_eq!(fs::read_to_string(&link).unwrap(), "SELECT 1;");
        drop(report);
        assert!(!link.is_symlink() && file.exists());
    }

    #[test]
    fn a_missing_parent_is_named() {
        let mut report = ReportDir::choose(Path::new("/nowhere/at/all")).unwrap();
        let error = report.create().err().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
