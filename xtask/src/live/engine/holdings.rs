//! What this process holds: descriptors, threads, children, files.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// What a process has.
#[derive(PartialEq, Eq)]
pub(super) struct Holdings {
    descriptors: usize,
    threads: usize,
    /// Its children, zombies among them.
    children: usize,
    /// In the directory for temporary files.
    files: usize,
}

impl Holdings {
    pub(super) fn now() -> anyhow::Result<Self> {
        let entries = |dir: &Path| anyhow::Ok(fs::read_dir(dir)?.count());
        let mut children = 0;
        for task in fs::read_dir("/proc/self/task").context("only Linux tells")? {
            // A thread may have ended meanwhile.
            let of = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            children += of.split_whitespace().count();
        }
        Ok(Self {
            descriptors: entries("/proc/self/fd".as_ref())?,
            threads: entries("/proc/self/task".as_ref())?,
            children,
            files: entries(&std::env::temp_dir())?,
        })
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            descriptors,
            threads,
            children,
            files,
        } = self;
        write!(
            f,
            "{descriptors} descriptors, {threads} threads, {children} children, {files} files"
        )
    }
}
