//! Pointing a DSN at another database.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is not encoded in a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// `dsn`, a URL or a keyword DSN, with `database` instead of its own.
pub(super) fn with_database(dsn: &str, database: &str) -> String {
    let Some((scheme, rest)) = dsn.split_once("://") else {
        // If a keyword occurs twice, the last one counts.
        let value = database.replace('\\', "\\\\").replace('\'', "\\'");
        return format!("{dsn} dbname='{value}'");
    };
    let (before, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let authority = before.split('/').next().unwrap_or_default();
    let database = utf8_percent_encode(database, PLAIN);
    let mut result = format!("{scheme}://{authority}/{database}");
    // A database in the query would override the path.
    let query: Vec<&str> = query
        .iter()
        .flat_map(|query| query.split('&'))
        .filter(|pair| !pair.starts_with("dbname="))
        .collect();
    if !query.is_empty() {
        result.push('?');
        result.push_str(&query.join("&"));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dsn_is_built_as_url_and_as_keywords() {
        for (dsn, expected) in [
            ("postgresql://h", "postgresql://h/new"),
            ("postgres://u:p@h:1/old", "postgres://u:p@h:1/new"),
            (
                "postgresql://u@h/old?sslmode=disable&dbname=x",
                "postgresql://u@h/new?sslmode=disable",
            ),
            ("postgresql://h?dbname=x", "postgresql://h/new"),
            ("host=h dbname=old", "host=h dbname=old dbname='new'"),
        ] {
            let result = with_database(dsn, "new");
            assert_eq!(result, expected);
            let parsed: postgres::Config = result.parse().unwrap();
            assert_eq!(parsed.get_dbname(), Some("new"), "{dsn}");
        }
    }

    #[test]
    fn names_are_escaped() {
        for dsn in ["postgresql://h/old", "host=h"] {
            let parsed: postgres::Config = with_database(dsn, "a 'b'/ü?").parse().unwrap();
            assert_eq!(parsed.get_dbname(), Some("a 'b'/ü?"));
        }
    }
}
