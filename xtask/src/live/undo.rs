//! An `up` that fails halfway and is undone, judged by what is in the database afterwards.

use std::fs;
use std::path::Path;

use anyhow::ensure;
use fraisier_adapter_api::{AdapterCtx, AdapterErrorKind, MigrationAdapter as _};
use fraisier_adapter_confiture::ConfitureMigration;

use crate::exit::Unexpected;
use contract_lab::confiture::{Candidate, Installed};
use contract_lab::interrupt;
use contract_lab::postgres::look::ledger;
use contract_lab::postgres::{Database, Server};
use contract_lab::scratch::Scratch;
use contract_lab::ui::{self, bad, good};
use contract_tests::release::Release;

/// The oldest, one in the middle, the first whose report is the one of today, and the newest.
pub const RELEASES: [Candidate; 4] = [
    Candidate::Release(Release::new(0, 20, 0)),
    Candidate::Release(Release::new(0, 23, 0)),
    Candidate::Release(Release::new(0, 48, 0)),
    Candidate::Newest,
];

/// What came of the migrations that the failed `up` had applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// They stay: nobody asked for an undo.
    Stay,
    /// They are rolled back.
    Undone,
    /// They stay, although an undo was asked for.
    Stuck,
}

/// The file that takes back what a migration does.
#[derive(Debug, Clone, Copy)]
enum WayDown {
    Works,
    Fails,
    Missing,
}

use WayDown::{Fails, Missing, Works};

/// A migration that makes the table `t_<version>`.
type Migration = (&'static str, WayDown);

/// A migration without a way down. confiture takes no `.up.sql` without its `.down.sql`.
const ONE_WAY: &str = r#"from confiture.models.migration import Migration


class OneWay(Migration):
    version = "<version>"
    name = "m<version>"

    def up(self):
        self.execute("CREATE TABLE t_<version> (id int)")

    def down(self):
        raise NotImplementedError("there is no way back")
"#;

/// One project whose last migration fails.
struct Scene {
    name: &'static str,
    /// Applied before.
    before: &'static [&'static str],
    /// What is pending, and applies.
    pending: &'static [Migration],
    fate: Fate,
}

const SCENES: [Scene; 7] = [
    Scene {
        name: "not asked for",
        before: &["001"],
        pending: &[("002", Works)],
        fate: Fate::Stay,
    },
    Scene {
        name: "one applied",
        before: &["001"],
        pending: &[("002", Works)],
        fate: Fate::Undone,
    },
    Scene {
        name: "two applied",
        before: &["001"],
        pending: &[("002", Works), ("003", Works)],
        fate: Fate::Undone,
    },
    Scene {
        name: "there is no way down",
        before: &["001"],
        pending: &[("002", Missing)],
        fate: Fate::Stuck,
    },
    Scene {
        name: "the way down fails",
        before: &["001"],
        pending: &[("002", Fails)],
        fate: Fate::Stuck,
    },
    Scene {
        name: "nothing was applied before",
        before: &[],
        pending: &[("001", Works)],
        fate: Fate::Stuck,
    },
    Scene {
        name: "the whole history is new but its first",
        before: &["001"],
        pending: &[
            ("002", Works),
            ("003", Works),
            ("004", Works),
            ("005", Works),
        ],
        fate: Fate::Undone,
    },
];

/// Runs every scene with each of these.
///
/// # Errors
/// When something that is needed is missing, or when a scene does not end as it has to.
pub fn run(confitures: &[Installed], server: &Server) -> anyhow::Result<()> {
    let (mut told, mut wrong) = (0, 0);
    for confiture in confitures {
        ui::print(&format!("undo, with confiture {}", confiture.version));
        for scene in &SCENES {
            interrupt::check()?;
            told += 1;
            match scene.judge(&confiture.program, server) {
                Ok(()) => ui::print(&format!("  {}  {}", good("ok"), scene.name)),
                Err(why) => {
                    wrong += 1;
                    ui::print(&format!("  {}  {}: {why:#}", bad("no"), scene.name));
                }
            }
        }
    }
    ensure!(told > 0, "undone with no confiture");
    match wrong {
        0 => Ok(()),
        _ => Err(Unexpected(format!("{wrong} undos of {told} are not as expected")).into()),
    }
}

impl Scene {
    fn judge(&self, confiture: &Path, server: &Server) -> anyhow::Result<()> {
        let project = Scratch::new()?;
        let migrations = project.path().join("db/migrations");
        fs::create_dir_all(&migrations)?;
        let database = server.create_unique_database("undo")?;
        let mut ctx =
            AdapterCtx::new("shop", "live").with_resolved_secret("DATABASE_URL", database.dsn());
        ctx.workdir = project.path().into();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let adapter = ConfitureMigration::builder()
            .program(confiture)
            .undo_failed_up(self.fate != Fate::Stay)
            .build();

        for version in self.before {
            write(&migrations, (version, Works))?;
        }
        if !self.before.is_empty() {
            runtime.block_on(adapter.up(&ctx, None))?;
        }
        let began = seen(&database)?;
        ensure!(
            began == self.before,
            "it began at {began:?}, not {:?}",
            self.before
        );

        for migration in self.pending {
            write(&migrations, *migration)?;
        }
        let broken = "CREATE TABLE t_900 (id int); SELECT 1 / 0;";
        fs::write(migrations.join("900_broken.up.sql"), broken)?;
        fs::write(migrations.join("900_broken.down.sql"), "DROP TABLE t_900;")?;
        let Err(error) = runtime.block_on(adapter.up(&ctx, None)) else {
            anyhow::bail!("an `up` with a migration that fails succeeded");
        };

        let applied = self.pending.iter().map(|(version, _)| *version);
        let (kind, expected): (_, Vec<&str>) = match self.fate {
            Fate::Undone => (AdapterErrorKind::Execution, self.before.to_vec()),
            Fate::Stay => (AdapterErrorKind::Execution, self.and(applied.clone())),
            Fate::Stuck => (
                AdapterErrorKind::IrreversibleRollback,
                self.and(applied.clone()),
            ),
        };
        let found = seen(&database)?;
        ensure!(
            found == expected,
            "the database is at {found:?}, not {expected:?}: {error}"
        );
        ensure!(error.kind == kind, "it is {}: {error}", error.kind);
        for version in applied.chain(["900"]) {
            ensure!(
                error.message.contains(version),
                "{version} is not named: {error}"
            );
        }
        Ok(())
    }

    fn and(&self, applied: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
        self.before.iter().copied().chain(applied).collect()
    }
}

fn write(directory: &Path, (version, down): Migration) -> anyhow::Result<()> {
    let file = |ending: &str, text: &str| {
        fs::write(
            directory.join(format!("{version}_m{version}.{ending}")),
            text,
        )
    };
    let (create, drop) = (
        format!("CREATE TABLE t_{version} (id int);"),
        format!("DROP TABLE t_{version};"),
    );
    let down = match down {
        Works => drop,
        Fails => format!("{drop} SELECT 1 / 0;"),
        Missing => {
            return Ok(file("py", &ONE_WAY.replace("<version>", version))?);
        }
    };
    file("up.sql", &create)?;
    Ok(file("down.sql", &down)?)
}

/// The versions in the ledger, which the tables have to agree with.
fn seen(database: &Database<'_>) -> anyhow::Result<Vec<String>> {
    let mut client = database.connect()?;
    let versions = ledger(&mut client)?;
    let rows = client.query(
        "SELECT substr(tablename, 3)::text FROM pg_tables
         WHERE schemaname = 'public' AND tablename LIKE 't\\_%' AND tablename <> 'tb_confiture'
         ORDER BY 1",
        &[],
    )?;
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    ensure!(
        tables == versions,
        "the ledger has {versions:?}, and the tables are {tables:?}"
    );
    Ok(versions)
}
