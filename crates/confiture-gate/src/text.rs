//! Texts in the form in which a report shows them.

use std::collections::BTreeSet;

pub(crate) use contract_catalogue::differences::cut;
use contract_catalogue::site::Site;

/// What a report shows for a missing value.
pub(crate) const ABSENT: &str = "(absent)";

/// The distinct texts, in order.
pub(crate) fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(*text)).collect()
}

/// A text in one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many characters of a program's output are shown with a finding.
const SHOWN: usize = 200;

/// A program's output in one bounded line.
pub(crate) fn bounded(text: &str) -> String {
    cut(&one_line(text), SHOWN)
}

/// A text without the password of the case's database.
pub(crate) fn without_secret(text: &str, site: &Site) -> String {
    text.replace(&site.endpoint.password, "<password>")
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
