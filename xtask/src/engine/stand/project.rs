//! The project: its migrations, and the artifact that is built of it.

use std::fs;

use anyhow::Context as _;

use super::Stand;

impl Stand<'_> {
    /// Writes a migration of the project.
    pub fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.project().join("db/migrations").join(file), text)
            .with_context(|| format!("cannot write {file}"))
    }

    /// Writes `NAME.up.sql` and `NAME.down.sql`.
    pub fn migration(&self, name: &str, up: &str, down: &str) -> anyhow::Result<()> {
        self.write(&format!("{name}.up.sql"), up)?;
        self.write(&format!("{name}.down.sql"), down)
    }

    /// Takes the files of a migration away.
    pub fn withdraw(&self, name: &str) -> anyhow::Result<()> {
        for entry in fs::read_dir(self.project().join("db/migrations"))? {
            let path = entry?.path();
            if path
                .file_name()
                .is_some_and(|it| it.to_string_lossy().starts_with(name))
            {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Builds the artifact: the migrations as they are now.
    pub fn build(&self) -> anyhow::Result<()> {
        let to = self.project().join("build/db/migrations");
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(self.project().join("db/migrations"))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    }
}
