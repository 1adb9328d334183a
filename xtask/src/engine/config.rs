//! The engine's configuration file for the deploys of the stories.

use std::fs;
use std::path::{Path, PathBuf};

use super::way::Way;

/// The settings of a `fraisier.toml` that differ between the stories.
pub struct Config {
    adapter: &'static str,
    root: PathBuf,
    /// What is deployed.
    pub name: String,
    /// The environment, and whether it is configured as production.
    pub environment: &'static str,
    /// The command that checks the health of the new version.
    pub health: &'static str,
    /// `live`, `restore_rehearsal` or `off`.
    pub preflight: &'static str,
    /// The tiers that a policy allows, when it decides by risk tier.
    pub policy: Option<&'static str>,
    /// Whether the new version is deployed beside the old one.
    pub blue_green: bool,
    /// Further sections.
    pub sections: Vec<String>,
}

impl Config {
    pub fn new(way: Way, root: &Path) -> Self {
        Self {
            adapter: match way {
                Way::Program => "confiture-ipc",
                Way::Shipped | Way::InProcess => "confiture",
            },
            root: root.to_owned(),
            name: "shop".to_owned(),
            environment: "production",
            health: "true",
            preflight: "live",
            policy: None,
            blue_green: false,
            sections: Vec::new(),
        }
    }

    /// Writes it to `project`.
    pub fn write(&self, project: &Path) -> std::io::Result<()> {
        fs::write(project.join("fraisier.toml"), self.text())
    }

    fn text(&self) -> String {
        let Self {
            adapter,
            name,
            environment,
            health,
            preflight,
            ..
        } = self;
        let production = *environment == "production";
        let strategy = if self.blue_green {
            "strategy = \"blue-green\"\n"
        } else {
            ""
        };
        let mut text = format!(
            r#"[deploy]
name = "{name}"
environment = "{environment}"
production = {production}
{strategy}
[artifact]
source = "local"
path = "build"
active_path = "current"
staging_dir = "staging"

[migration]
adapter = "{adapter}"
database_url_env = "SHOP_DATABASE_URL"
migrations_path = "db/migrations"
preflight_mode = "{preflight}"

[service]
adapter = "systemd"
unit = "shop.service"

[health]
adapter = "command"
command = "{health}"
"#
        );
        if let Some(tiers) = self.policy {
            text.extend([format!(
                "\n[policy]\nauto_apply = [{tiers}]\nrequire_approval = [\"destructive\"]\n"
            )]);
        }
        for section in &self.sections {
            text += "\n";
            text += section;
        }
        if self.blue_green {
            let lb = self.root.join("lb");
            text.extend([format!(
                r#"
[lb]
adapter = "nginx"
upstream = "shop"
include_dir = "{}"
config_path = "{}"

[blue_green]
green_unit = "shop-green.service"
green_health_url = "http://127.0.0.1/"
blue_servers = ["127.0.0.1:8001"]
green_servers = ["127.0.0.1:8002"]
hold_secs = 1
"#,
                lb.display(),
                lb.join("nginx.conf").display(),
            )]);
        }
        text
    }
}
