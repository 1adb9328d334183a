//! Reads the lines by which releases before 0.48.0 say how far `up` has come.

use fraisier_adapter_api::Revision;

use super::Event;

/// What every such line begins with.
pub(super) const PREFIX: &str = "⚡ Applying ";

/// How far a migration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Begun,
    Applied,
    Failed,
}

/// A migration that a line speaks of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Migration {
    revision: Revision,
    name: String,
}

/// Reads `⚡ Applying 001_create_users... ✅`; the mark at the end comes when the migration ended,
/// some time after the rest.
pub(super) fn read(line: &str) -> Option<(Migration, Progress)> {
    let (label, mark) = line.strip_prefix(PREFIX)?.rsplit_once("...")?;
    let (version, name) = label.split_once('_')?;
    let progress = match mark.trim() {
        "" => Progress::Begun,
        mark if mark.starts_with('✅') => Progress::Applied,
        mark if mark.starts_with('❌') => Progress::Failed,
        _ => return None,
    };
    let migration = Migration {
        revision: Revision(version.to_owned()),
        name: name.to_owned(),
    };
    Some((migration, progress))
}

impl Migration {
    pub(super) fn event(&self, progress: Progress) -> Event {
        let (revision, name) = (self.revision.clone(), self.name.clone());
        match progress {
            Progress::Begun => Event::MigrationBegun { revision, name },
            Progress::Applied => Event::MigrationApplied { revision, name },
            Progress::Failed => Event::MigrationFailed { revision, name },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(line: &str) -> Option<(String, String, Progress)> {
        read(line).map(|(migration, progress)| (migration.revision.0, migration.name, progress))
    }

    #[test]
    fn the_three_marks() {
        let expected = |progress| Some(("001".into(), "create_users".into(), progress));
        let line = "⚡ Applying 001_create_users...";
        assert_eq!(progress(line), expected(Progress::Begun));
        assert_eq!(progress(&format!("{line} ✅")), expected(Progress::Applied));
        assert_eq!(progress(&format!("{line} ❌")), expected(Progress::Failed));
    }

    #[test]
    fn other_lines_say_nothing() {
        for line in [
            "",
            "📦 Found 3 pending migration(s)",
            "⚡ Applying 001_a",
            "⚡ Applying 001_a... ?",
        ] {
            assert_eq!(progress(line), None, "{line}");
        }
    }
}
