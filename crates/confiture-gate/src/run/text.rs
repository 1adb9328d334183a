//! Texts of a case, made safe and short for a report.

use contract_catalogue::site::Site;

use crate::text::{cut, one_line};

/// How many characters of a program's output are shown with a finding.
const SHOWN: usize = 200;

/// A text without the password of the case's database.
pub(crate) fn without_secret(text: &str, site: &Site) -> String {
    text.replace(&site.endpoint.password, "<password>")
}

/// A program's output in one bounded line.
pub(crate) fn bounded(text: &str) -> String {
    cut(&one_line(text), SHOWN)
}
