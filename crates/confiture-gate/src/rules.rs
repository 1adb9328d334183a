//! The explanation of each rule in `docs/gate.md`.

const DOCUMENT: &str = include_str!("../../../docs/gate.md");

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
    fn each_rule_has_a_section() {
        let schema = schema_for!(Change);
        let kinds = schema.pointer("/oneOf").and_then(|kinds| kinds.as_array());
        let kinds = kinds.expect("an enum is a choice");
        assert!(kinds.len() > 30, "{}", kinds.len());
        for kind in kinds {
            let rule = kind.pointer("/properties/kind/const").unwrap();
            let rule = rule.as_str().unwrap().replace('_', "-");
            let text = explanation(&rule).unwrap_or_default();
            assert!(text.len() > 20, "docs/gate.md has no section for {rule}");
            assert!(
                !text.contains('\n'),
                "the section of {rule} is not one line"
            );
        }
    }
}
