//! Texts in the form in which a report shows them.

pub(crate) use contract_catalogue::differences::cut;

/// What a report shows for a missing value.
pub(crate) const ABSENT: &str = "(absent)";

/// A text in one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_with_a_mark() {
        assert_eq!(one_line(" é\n\t à "), "é à");
        assert_eq!(cut("éà", 2), "éà");
        assert_eq!(cut("éàü", 2), "éà…");
    }
}
