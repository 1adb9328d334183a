//! Masks what identifies this machine in everything that is shown and written.

use std::path::{Path, PathBuf};

use crate::result::Report;
use serde_json::Value;

/// Texts of this machine, and their replacements.
#[derive(Debug, Default)]
pub(super) struct Private(Vec<(String, String)>);

impl Private {
    /// The directories of every run.
    pub(super) fn new(cache: &Path) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let here = std::env::current_dir().ok();
        let mut texts = Self::default();
        texts.path(cache, "<cache>");
        texts.path(&std::env::temp_dir(), "<tmp>");
        if let Some(here) = here {
            texts.path(&here, ".");
        }
        if let Some(home) = home {
            texts.path(&home, "~");
        }
        texts
    }

    /// Adds a path, which is masked as a whole or as the beginning of a longer path.
    pub(super) fn path(&mut self, path: &Path, stands: &str) {
        // The root, or a path as short, would match everywhere.
        if path.is_absolute() && path.components().count() > 1 {
            self.text(path.display().to_string(), stands);
        }
    }

    /// A text.
    pub(super) fn text(&mut self, text: String, stands: &str) {
        if !text.is_empty() {
            self.0.push((text, stands.to_owned()));
            // A text that contains another one is replaced first.
            self.0
                .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        }
    }

    /// The report with these texts replaced.
    pub(super) fn masked(&self, report: &Report) -> Report {
        let mut value = serde_json::to_value(report).expect("a report has a JSON form");
        self.clean(&mut value);
        serde_json::from_value(value).expect("it is a report as before")
    }

    fn clean(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for (found, stands) in &self.0 {
                    if text.contains(found) {
                        *text = text.replace(found, stands);
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.clean(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.clean(value)),
            _ => {}
        }
    }
}

/// A path as it may be shown: relative to the working directory, or its last part.
pub(super) fn shown_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        Ok(relative) => relative.display().to_string(),
        Err(_) if path.is_relative() => path.display().to_string(),
        Err(_) => {
            let last = path.file_name().unwrap_or_default();
            format!("…/{}", last.to_string_lossy())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{Judgement, Provenance};

    #[test]
    fn a_report_names_no_path_of_the_machine_and_no_secret() {
        let mut private = Private::default();
        private.path(Path::new("/home/someone"), "~");
        private.path(Path::new("/home/someone/lab"), "<cache>");
        private.path(Path::new("/"), "never");
        private.text("geheim".to_owned(), "<password>");
        let mut judged = Judgement::unknown("/home/someone/c.whl");
        judged
            .notes
            .push("geheim, in /home/someone/lab/x/y".to_owned());
        let report = Report::new(vec![judged], false, vec![], Provenance::default());
        let cleaned = private.masked(&report);
        assert_eq!(cleaned.candidates[0].candidate, "~/c.whl");
        assert_eq!(cleaned.candidates[0].notes, ["<password>, in <cache>/x/y"]);
    }
}
