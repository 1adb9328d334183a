//! The parameters of a connection, and the values that libpq accepts for them.

use super::{ConnectionString, Problem, Setting};
use crate::failure::Advice;

/// Which values of a parameter are accepted. Where releases of libpq and psycopg differ, a value is
/// accepted if one of them accepts it.
#[derive(Clone, Copy)]
enum Values {
    Any,
    /// Any; the value is a secret.
    Secret,
    OneOf(&'static [&'static str]),
    /// Those for which the function is true; the text describes them.
    Where(fn(&str) -> bool, &'static str),
    /// A whole number, which libpq reads only for a host that is not a socket.
    OfTcp,
}

use Values::{Any, OfTcp, OneOf, Secret, Where};

/// Every parameter of libpq from 10 to 18.
#[rustfmt::skip]
const PARAMETERS: &[(&[&str], Values)] = &[
    (&["application_name", "authtype", "dbname", "fallback_application_name", "gssdelegation", "gsslib", "host", "hostaddr",
        "krbsrvname", "oauth_client_id", "oauth_issuer", "oauth_scope", "options", "passfile", "requirepeer", "service",
        "servicefile", "sslcert", "sslcompression", "sslcrl", "sslcrldir", "sslkey", "sslkeylogfile", "sslrootcert", "sslsni",
        "tty", "user"], Any),
    (&["oauth_client_secret", "password", "scram_client_key", "scram_server_key", "sslpassword"], Secret),
    (&["keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "tcp_user_timeout"], OfTcp),
    (&["channel_binding", "gssencmode"], OneOf(&["disable", "prefer", "require"])),
    (&["load_balance_hosts"], OneOf(&["disable", "random"])),
    (&["sslcertmode"], OneOf(&["disable", "allow", "require"])),
    (&["sslmode"], OneOf(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])),
    (&["sslnegotiation"], OneOf(&["postgres", "direct"])),
    (&["target_session_attrs"], OneOf(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"])),
    (&["ssl_max_protocol_version", "ssl_min_protocol_version"], Where(is_tls, "one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3")),
    (&["max_protocol_version", "min_protocol_version"], Where(is_protocol, "one of 3.0, 3.2, latest")),
    (&["client_encoding"], Where(is_utf8, "`UTF8`, the encoding of migration files and of the ledger")),
    (&["connect_timeout"], Where(is_seconds, "a number of seconds")),
    (&["port"], Where(has_port, "a number from 1 to 65535")),
    (&["replication"], Where(is_off, "`false`: confiture cannot use a replication connection")),
    (&["require_auth"], Where(are_methods,
        "a list of password, md5, gss, sspi, scram-sha-256, oauth and none, or of these with `!` each")),
];

/// Whether the value of a parameter is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    matches!(values_of(name), Some(Secret))
}

fn values_of(name: &str) -> Option<Values> {
    let found = PARAMETERS.iter().find(|(names, _)| names.contains(&name))?;
    Some(found.1)
}

/// The first reason why libpq, or psycopg with it, refuses these parameters.
pub(super) fn problem(string: &ConnectionString) -> Option<Problem> {
    unknown(string)
        .or_else(|| wrong_value(string))
        .or_else(|| contradiction(string))
}

/// A parameter that libpq does not have; without its name where that may be a part of a password.
fn unknown(string: &ConnectionString) -> Option<Problem> {
    let mut follows_secret = false;
    for Setting { name, .. } in &string.settings {
        match values_of(name) {
            Some(values) => follows_secret = matches!(values, Secret),
            None if !follows_secret
                && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_') =>
            {
                let what = format!("has the parameter `{name}`, which libpq does not know");
                return Some((what, Advice::remove_parameter()));
            }
            None => {
                let what = "has a parameter that libpq does not know".to_owned();
                return Some((what, Advice::write_connection_string()));
            }
        }
    }
    None
}

fn wrong_value(string: &ConnectionString) -> Option<Problem> {
    let value = |name: &str| string.get(name).filter(|value| !value.is_empty());
    let is_socket = |hosts: &str| hosts.split(',').any(|it| it.starts_with(['/', '@']));
    let uses_tcp =
        value("hostaddr").is_some() || value("host").is_some_and(|hosts| !is_socket(hosts));
    let reads_number = uses_tcp && string.get("keepalives") != Some("0");
    let parameters = PARAMETERS.iter();
    let parameters =
        parameters.flat_map(|(names, values)| names.iter().map(move |name| (*name, values)));
    let wrong_values = parameters.filter_map(|(name, values)| {
        let value = string.get(name)?;
        let expected = match values {
            OneOf(values) if !values.contains(&value) => format!("one of {}", values.join(", ")),
            Where(accepts, expected) if !accepts(value) => (*expected).to_owned(),
            OfTcp if reads_number && !is_number(value) => "a whole number".to_owned(),
            _ => return None,
        };
        Some((name, expected))
    });
    let (name, expected) = wrong_values.min()?;
    Some(wrong(name, &expected))
}

/// The first of the values that are accepted alone, but not together.
fn contradiction(string: &ConnectionString) -> Option<Problem> {
    let value = |name: &str| string.get(name).filter(|value| !value.is_empty());
    let count = |name: &str| value(name).map(|list| list.split(',').count());
    let (hosts, addresses, ports) = (count("host"), count("hostaddr"), count("port"));
    let differ = |a: Option<usize>, b: Option<usize>| a.is_some() && b.is_some() && a != b;
    let is = |name: &str, values: &[&str]| string.get(name).is_some_and(|it| values.contains(&it));
    let is_unverified = string.get("sslmode").is_some_and(|it| it != "verify-full");
    let exceeds = |least: &str, most: &str| {
        let lower = |name| value(name).map(str::to_ascii_lowercase);
        let most = lower(most);
        most.is_some() && lower(least) > most
    };
    let found = if differ(hosts, addresses) {
        ("hostaddr", "a list as long as `host`")
    } else if ports != Some(1) && differ(addresses.or(hosts), ports) {
        ("port", "one number, or one for each host")
    } else if is("channel_binding", &["require"]) && is("sslmode", &["disable"]) {
        (
            "channel_binding",
            "`prefer` or `disable` where `sslmode` is `disable`",
        )
    } else if is("sslnegotiation", &["direct"]) && is("sslmode", &["disable", "allow", "prefer"]) {
        (
            "sslmode",
            "`require` or stricter where `sslnegotiation` is `direct`",
        )
    } else if is("sslrootcert", &["system"]) && is_unverified {
        ("sslmode", "`verify-full` where `sslrootcert` is `system`")
    } else if exceeds("ssl_min_protocol_version", "ssl_max_protocol_version") {
        (
            "ssl_min_protocol_version",
            "no more than `ssl_max_protocol_version`",
        )
    } else if exceeds("min_protocol_version", "max_protocol_version") {
        (
            "min_protocol_version",
            "no more than `max_protocol_version`",
        )
    } else {
        return None;
    };
    Some(wrong(found.0, found.1))
}

fn wrong(name: &str, expected: &str) -> Problem {
    let what = format!("has a wrong value for the parameter `{name}`, which must be {expected}");
    // A `/` in a password ends the host and the port of a URL.
    let next = match name {
        "port" => Advice::write_connection_string(),
        _ => Advice::correct_setting(),
    };
    (what, next)
}

fn is_number(value: &str) -> bool {
    value.is_empty() || value.trim().parse::<i64>().is_ok()
}

fn is_tls(value: &str) -> bool {
    let versions = ["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    versions.iter().any(|it| it.eq_ignore_ascii_case(value))
}

fn is_protocol(value: &str) -> bool {
    let minor = value.strip_prefix("3.");
    value == "latest" || minor.is_some_and(|it| it.parse::<u16>().is_ok())
}

fn is_utf8(value: &str) -> bool {
    let letters = value.chars().filter(char::is_ascii_alphanumeric);
    let encoding = letters.collect::<String>().to_ascii_lowercase();
    ["utf8", "unicode"].contains(&encoding.as_str())
}

/// As Python's `float` reads it.
fn is_seconds(value: &str) -> bool {
    let digits = value.trim().replace('_', "");
    digits.parse::<f64>().is_ok_and(f64::is_finite)
}

/// psycopg tries each host with its own port, so one of them is sufficient.
fn has_port(value: &str) -> bool {
    value
        .split(',')
        .any(|it| it.is_empty() || it.trim().parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_off(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    value != "o"
        && ["false", "no", "off", "0"]
            .iter()
            .any(|no| no.starts_with(&value))
}

fn are_methods(value: &str) -> bool {
    let is_method = |it: &str| {
        [
            "password",
            "md5",
            "gss",
            "sspi",
            "scram-sha-256",
            "oauth",
            "none",
        ]
        .contains(&it)
    };
    let mut methods = value.split(',');
    let mut denied = value.split(',').map(|it| it.strip_prefix('!'));
    value.is_empty() || methods.all(is_method) || denied.all(|it| it.is_some_and(is_method))
}
