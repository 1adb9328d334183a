//! What a deploy left on the machine.

use std::fs;
use std::path::Path;

use anyhow::bail;

use super::{MARK, Stand};

impl Stand<'_> {
    /// The version that `current` leads to.
    pub fn active(&self) -> Option<String> {
        let link = fs::read_link(self.project.root().join("current")).ok()?;
        Some(link.file_name()?.to_string_lossy().into_owned())
    }

    /// Returns the calls of the stand-ins, and clears their log.
    pub fn asked(&self) -> String {
        taken(&self.root().join("asked"))
    }

    /// Returns the programs that received the administrator's connection string, and clears their log.
    pub fn exposed(&self) -> String {
        taken(&self.root().join("exposed"))
    }

    /// How often confiture was started since the last call of this function.
    pub fn starts(&self) -> usize {
        taken(&self.root().join("started")).lines().count()
    }

    /// The processes of this stand that live.
    pub fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}\0", self.root().display()).into_bytes();
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| {
                fs::read(format!("/proc/{pid}/environ"))
                    .is_ok_and(|it| it.windows(mark.len()).any(|window| window == mark))
            })
            .collect()
    }

    /// The contents of the directory for temporary files.
    pub fn temporary(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root().join("tmp"))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // The engine's own empty directory for ssh connections.
            if name != "fraisier-ssh-cm" {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Removes the report, which must be the only file in that directory.
    pub fn remove_report(&self) -> anyhow::Result<()> {
        let names = self.temporary()?;
        let [name] = &names[..] else {
            bail!("the temporary files are {names:?}, not a report");
        };
        Ok(fs::remove_file(self.root().join("tmp").join(name))?)
    }
}

/// Removes a file and returns its text; empty if there is none.
fn taken(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text
}
