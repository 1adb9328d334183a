//! A fact of the catalogue in words.

use contract_catalogue::expectation::Fact;

/// A fact of the catalogue in words.
pub(crate) fn words(fact: &Fact) -> String {
    let path = |pointer: &str| pointer.trim_start_matches('/').replace('/', ".");
    match fact {
        Fact::Exit(status) => format!("the exit status is {status}"),
        Fact::DocumentedExits => "every exit status is one of 0 to 8".to_owned(),
        Fact::ExitClasses(classes) => {
            format!("the exit statuses from 0 on are {}", classes.join(", "))
        }
        Fact::ListedUnder(status, code) => format!("`{code}` is listed under exit status {status}"),
        Fact::IssueNamespace => "every code of preflight begins with `PFLIGHT_`, and with \
                                 `PFLIGHT_REPLICA_` only where `window_safe` is not true"
            .to_owned(),
        Fact::NoReport => "there is no report".to_owned(),
        Fact::Report(pointer, value) => format!("`{}` is {value}", path(pointer)),
        Fact::ReportNull(pointer) => format!("`{}` is null", path(pointer)),
        Fact::ReportHas(pointer) => format!("`{}` is there", path(pointer)),
        Fact::ReportLacks(pointer) => format!("`{}` is absent", path(pointer)),
        Fact::Code(code) => format!("the error code is `{code}`"),
        Fact::Issue(code) => format!("preflight reports `{code}`"),
        Fact::NoIssue(code) => format!("preflight does not report `{code}`"),
        Fact::Prints(text) => format!("it prints `{text}`"),
        Fact::DoesNotPrint(text) => format!("it does not print `{text}`"),
        Fact::Revision(revision) => format!("the database is at {revision}"),
        Fact::NoRevision => "the database is at no revision".to_owned(),
        Fact::Table(table) => format!("there is a table {table}"),
        Fact::NoTable(table) => format!("there is no table {table}"),
        Fact::Ledger(versions) => {
            format!("the adapter reads {} in the ledger", versions.join(", "))
        }
        Fact::Untouched => "the database is untouched".to_owned(),
        Fact::Adapter(expected) => format!("the adapter gives {expected:?}"),
    }
}
