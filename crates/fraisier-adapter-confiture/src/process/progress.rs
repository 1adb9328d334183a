//! Reads the lines by which releases before 1.0.0 say how far `up` has come.

use fraisier_adapter_api::Revision;

use crate::observe::Event;

/// What every such line begins with.
pub(super) const PREFIX: &str = "⚡ Applying ";

/// How far a migration has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
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
pub(super) fn read(line: &str) -> Option<(Migration, Stage)> {
    let (label, mark) = line.strip_prefix(PREFIX)?.rsplit_once("...")?;
    let (version, name) = label.split_once('_')?;
    let stage = match mark.trim() {
        "" => Stage::Begun,
        mark if mark.starts_with('✅') => Stage::Applied,
        mark if mark.starts_with('❌') => Stage::Failed,
        _ => return None,
    };
    let migration = Migration {
        revision: Revision(version.to_owned()),
        name: name.to_owned(),
    };
    Some((migration, stage))
}

impl Migration {
    pub(super) fn event(&self, stage: Stage) -> Event {
        let (revision, name) = (self.revision.clone(), self.name.clone());
        match stage {
            Stage::Begun => Event::MigrationBegun { revision, name },
            Stage::Applied => Event::MigrationApplied { revision, name },
            Stage::Failed => Event::MigrationFailed { revision, name },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(line: &str) -> Option<(String, String, Stage)> {
        read(line).map(|(migration, stage)| (migration.revision.0, migration.name, stage))
    }

    #[test]
    fn the_three_stages() {
        let expected = |stage| Some(("001".into(), "create_users".into(), stage));
        let line = "⚡ Applying 001_create_users...";
        assert_eq!(stage(line), expected(Stage::Begun));
        assert_eq!(stage(&format!("{line} ✅")), expected(Stage::Applied));
        assert_eq!(stage(&format!("{line} ❌")), expected(Stage::Failed));
    }

    #[test]
    fn other_lines_say_nothing() {
        for line in [
            "",
            "📦 Found 3 pending migration(s)",
            "⚡ Applying 001_a",
            "⚡ Applying 001_a... ?",
        ] {
            assert_eq!(stage(line), None, "{line}");
        }
    }
}
