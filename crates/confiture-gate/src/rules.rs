//! The rules: how a change is worded, what to do about it, and the explanation in `docs/gate.md`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

const DOCUMENT: &str = include_str!("../../../docs/gate.md");

/// What `rules.toml` says about a rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The change in words, with the fields of the change in braces.
    pub words: String,
    /// What to change in confiture.
    pub advice: String,
}

static RULES: LazyLock<BTreeMap<String, Rule>> = LazyLock::new(|| {
    toml::from_str(include_str!("rules.toml")).expect("rules.toml has its fields")
});

/// The rule of this name.
pub(crate) fn rule(name: &str) -> &'static Rule {
    &RULES[name]
}

/// The section of a rule, without its heading.
pub fn explanation(rule: &str) -> Option<&'static str> {
    let heading = format!("\n### `{rule}`\n");
    let (_, after) = DOCUMENT.split_once(&heading)?;
    let end = after.find("\n#").unwrap_or(after.len());
    Some(after[..end].trim())
}

/// The rule and its section, for a reader who has no `docs/gate.md`.
pub fn explained(rule: &str) -> String {
    format!("{rule}: {}", explanation(rule).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;
    use crate::change::Change;

    #[test]
    fn each_rule_has_words_of_its_fields_and_a_section() {
        let schema = schema_for!(Change);
        let kinds = schema.pointer("/oneOf").and_then(|kinds| kinds.as_array());
        let kinds = kinds.expect("an enum is a choice");
        assert!(kinds.len() > 30, "{}", kinds.len());
        assert_eq!(RULES.len(), kinds.len(), "a rule of no change");
        for kind in kinds {
            let rule = kind.pointer("/properties/kind/const").unwrap();
            let rule = rule.as_str().unwrap().replace('_', "-");
            for place in self::rule(&rule).words.split('{').skip(1) {
                let (field, _) = place.split_once('}').unwrap();
                assert!(
                    kind.pointer(&format!("/properties/{field}")).is_some(),
                    "{rule}"
                );
            }
            let text = explanation(&rule).unwrap_or_default();
            assert!(text.len() > 20, "docs/gate.md has no section for {rule}");
            assert!(
                !text.contains('\n'),
                "the section of {rule} is not one line"
            );
        }
    }
}
