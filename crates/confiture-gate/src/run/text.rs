//! Texts of a case as a report may show them.

use contract_tests::site::Site;

use crate::text::{cut, one_line};

/// How much of what a program said is shown beside a finding.
const SHOWN: usize = 200;

/// A text without the password of the case's database.
pub(crate) fn without_secret(text: &str, site: &Site) -> String {
    text.replace(&site.endpoint.password, "<password>")
}

/// What a program said, in one bounded line.
pub(crate) fn bounded(text: &str) -> String {
    cut(&one_line(text), SHOWN)
}
