//! Reads the report that a command wrote, without trusting what lies at its path.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

/// The largest report that is read, in bytes.
const LIMIT: u64 = 256 << 20;

const SPECIAL: &str = "a socket or device";

/// The bytes of a report. Clones share them.
pub type Report = Arc<Vec<u8>>;

/// What is wrong with a report file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportProblem {
    /// It is larger than the limit.
    #[error("the report is {size} bytes long, and the limit is {limit}")]
    TooLarge {
        /// Its size in bytes, or at least that.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is not a regular file of this user.
    #[error("the report is {what}, not a file of this user's")]
    NotAFile {
        /// What it is instead, such as `a symbolic link`.
        what: &'static str,
    },
    /// It could not be opened or read.
    #[error("the report cannot be read: {source}")]
    Unreadable {
        /// What the system said.
        source: io::Error,
    },
}

/// The report in a file of this user's, as a [`Runner`](super::Runner) gives it; `None` when there
/// is no file.
///
/// # Errors
///
/// - [`ReportProblem::TooLarge`] when it has more than 256 MiB.
/// - [`ReportProblem::NotAFile`] when it is a symbolic link, a directory, a FIFO, a socket, a device,
///   or a file of another user.
/// - [`ReportProblem::Unreadable`] when it cannot be opened or read, for example because no descriptor
///   is left.
pub fn read_report(path: &Path) -> Result<Option<Report>, ReportProblem> {
    read_up_to(path, LIMIT)
}

fn read_up_to(path: &Path, limit: u64) -> Result<Option<Report>, ReportProblem> {
    // No link is followed, and no FIFO is waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let opened = File::options()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(problem)?,
    };
    let found = file.metadata().map_err(problem)?;
    let kind = found.file_type();
    let what = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if !kind.is_file() {
        SPECIAL
    } else if found.uid() != geteuid().as_raw() {
        "a file of another user"
    } else {
        return read_file(file, found.len(), limit).map(Some);
    };
    Err(ReportProblem::NotAFile { what })
}

fn read_file(file: File, length: u64, limit: u64) -> Result<Report, ReportProblem> {
    let mut report = Vec::new();
    if length <= limit {
        let mut file = file.take(limit + 1);
        file.read_to_end(&mut report).map_err(problem)?;
    }
    match length.max(report.len() as u64) {
        size if size > limit => Err(ReportProblem::TooLarge { size, limit }),
        _ => Ok(report.into()),
    }
}

/// Why a report cannot be opened or read.
fn problem(source: io::Error) -> ReportProblem {
    let what = match Errno::from_io_error(&source) {
        Some(Errno::LOOP) => "a symbolic link",
        Some(Errno::NXIO | Errno::OPNOTSUPP) => SPECIAL,
        _ => return ReportProblem::Unreadable { source },
    };
    ReportProblem::NotAFile { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fifo;

    #[test]
    fn a_report_is_absent_or_read_up_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        assert!(read_up_to(&path, 10).unwrap().is_none());
        std::fs::write(&path, "0123456789").unwrap();
        let read = read_up_to(&path, 10).unwrap().unwrap();
        assert_eq!(*read, b"0123456789");
        let refused = read_up_to(&path, 9).unwrap_err().to_string();
        assert_eq!(refused, "the report is 10 bytes long, and the limit is 9");
    }

    #[test]
    fn only_a_file_of_this_user_is_a_report() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "{}").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        fifo(&at("fifo"));
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (name, what) in [
            ("link", "a symbolic link"),
            ("directory", "a directory"),
            ("fifo", "a FIFO"),
            ("socket", "a socket or device"),
        ] {
            let refused = read_report(&at(name)).unwrap_err().to_string();
            let expected = format!("the report is {what}, not a file of this user's");
            assert_eq!(refused, expected);
        }
        let nowhere = read_report(&at("file").join("report.json")).unwrap_err();
        assert!(matches!(nowhere, ReportProblem::Unreadable { .. }));
    }

    /// As those below `/proc` do, which have no size.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_report_that_grows_while_it_is_read_is_read_up_to_the_limit() {
        let path = Path::new("/proc/self/status");
        let refused = read_up_to(path, 10).unwrap_err().to_string();
        assert_eq!(refused, "the report is 11 bytes long, and the limit is 10");
        assert!(read_report(path).unwrap().is_some());
    }
}
