//! The place of a case that shows an option's effect.

use contract_lab::runner::Prepared;
use contract_tests::recording::State;
use contract_tests::site::Site;
use serde_json::{Map, Value};

use super::effect::{ELSEWHERE, Effect};
use crate::run::observe::Place;

/// A case put in place as its option needs it.
pub(super) struct Arranged<'a> {
    prepared: Prepared<'a>,
    settings: Map<String, Value>,
}

impl<'a> Arranged<'a> {
    pub(super) fn new(effect: &Effect, prepared: Prepared<'a>) -> std::io::Result<Self> {
        let project = &prepared.site.project;
        if let Some((path, text)) = effect.file {
            let path = project.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(project))?;
            std::fs::write(path, text)?;
        }
        if let Some(elsewhere) = &effect.elsewhere {
            elsewhere.write(&project.join(ELSEWHERE))?;
        }
        let settings = effect.settings.iter().cloned();
        Ok(Self {
            prepared,
            settings: settings
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        })
    }
}

impl Place for Arranged<'_> {
    fn site(&self) -> &Site {
        &self.prepared.site
    }

    fn state(&self) -> anyhow::Result<Option<State>> {
        self.prepared.state()
    }

    fn settings(&self) -> Map<String, Value> {
        self.settings.clone()
    }
}
