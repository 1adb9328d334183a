//! Where one run of a case takes place, live or replayed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::call::{AGAINST, LINKS, PROJECT, REPORT};
use crate::connection::Endpoint;
use crate::normalise::Names;
use crate::release::Release;

/// The password of every replay: any text that contains it afterwards has leaked it.
pub const PASSWORD: &str = "canary-4f1c9e";

/// The directories, the database and the release of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Site {
    /// The release that is called.
    pub release: Release,
    /// The project's directory.
    pub project: PathBuf,
    /// Where reports are written.
    pub report: PathBuf,
    /// The directory of links, for a call that gets one.
    #[serde(default)]
    pub links: PathBuf,
    /// The Python environment, in a live run.
    pub environment: Option<PathBuf>,
    /// The name of this machine, in a live run.
    pub machine: Option<String>,
    /// The database.
    pub endpoint: Endpoint,
}

impl Site {
    /// A site without a server, for a release that does not really run. Its databases have this name and
    /// the name of its copy.
    pub fn imagined(release: Release, project: PathBuf, database: &str) -> Self {
        Self {
            release,
            project,
            report: PathBuf::new(),
            links: PathBuf::new(),
            environment: None,
            machine: None,
            endpoint: Endpoint {
                host: "127.0.0.1".to_owned(),
                port: 54320,
                user: "postgres".to_owned(),
                password: PASSWORD.to_owned(),
                database: database.to_owned(),
                against: format!("{database}_copy"),
            },
        }
    }

    /// The names of this run alone, which are placeholders in a recording.
    pub fn names(&self) -> Names {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let Endpoint { port, .. } = self.endpoint;
        let mut names = Names::new()
            .with(path(&self.report), REPORT)
            .with(path(&self.links), LINKS)
            .with(path(&self.project), PROJECT)
            .with(self.endpoint.against_url(), AGAINST)
            .with(self.endpoint.password.clone(), "<password>")
            .with(self.endpoint.database.clone(), "<database>")
            .with(self.endpoint.against.clone(), "<copy>")
            .with(format!(":{port}"), ":<port>")
            .with(format!("port {port}"), "port <port>")
            .with(
                format!("confiture version {}", self.release),
                "confiture version <version>",
            );
        if let Some(environment) = &self.environment {
            names = names.with(path(environment), "<environment>");
        }
        if let Some(machine) = &self.machine {
            names = names
                .with(format!(" on {machine} running"), " on <machine> running")
                .with(
                    format!(r#""hostname": "{machine}""#),
                    r#""hostname": "<machine>""#,
                );
        }
        names
    }
}
