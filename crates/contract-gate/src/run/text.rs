//! Texts of a case as a report may show them.

use contract_tests::site::Site;

/// A text without the password of the case's database.
pub(crate) fn without_secret(text: &str, site: &Site) -> String {
    text.replace(&site.endpoint.password, "<password>")
}

/// A text in one bounded line.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
