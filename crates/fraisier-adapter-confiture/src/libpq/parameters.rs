//! The parameters of a connection, and the values that libpq accepts for them.

use super::{ConnectionString, Problem};

/// Which values of a parameter are accepted. Where releases of libpq and psycopg differ, what one of them
/// accepts is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values {
    Any,
    /// Any, and it must not be seen.
    Secret,
    OneOf(&'static [&'static str]),
    Tls,
    Version,
    AuthMethods,
    /// Read only for a host that is no socket.
    Integer,
    Seconds,
    Ports,
    NoReplication,
    Utf8,
}

use Values::{
    Any, AuthMethods, Integer, NoReplication, OneOf, Ports, Seconds, Secret, Tls, Utf8, Version,
};

const TLS: [&str; 4] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

const AUTH_METHODS: [&str; 7] = [
    "password",
    "md5",
    "gss",
    "sspi",
    "scram-sha-256",
    "oauth",
    "none",
];

/// Every parameter of libpq from 10 to 18, with the variable that libpq reads where it is not given.
#[rustfmt::skip]
pub(crate) const PARAMETERS: &[(&str, Option<&str>, Values)] = &[
    ("application_name", Some("PGAPPNAME"), Any),
    ("authtype", None, Any),
    ("channel_binding", Some("PGCHANNELBINDING"), OneOf(&["disable", "prefer", "require"])),
    ("client_encoding", Some("PGCLIENTENCODING"), Utf8),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT"), Seconds),
    ("dbname", Some("PGDATABASE"), Any),
    ("fallback_application_name", None, Any),
    ("gssdelegation", Some("PGGSSDELEGATION"), Any),
    ("gssencmode", Some("PGGSSENCMODE"), OneOf(&["disable", "prefer", "require"])),
    ("gsslib", Some("PGGSSLIB"), Any),
    ("host", Some("PGHOST"), Any),
    ("hostaddr", Some("PGHOSTADDR"), Any),
    ("keepalives", None, Integer),
    ("keepalives_count", None, Integer),
    ("keepalives_idle", None, Integer),
    ("keepalives_interval", None, Integer),
    ("krbsrvname", Some("PGKRBSRVNAME"), Any),
    ("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), OneOf(&["disable", "random"])),
    ("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), Version),
    ("min_protocol_version", Some("PGMINPROTOCOLVERSION"), Version),
    ("oauth_client_id", None, Any),
    ("oauth_client_secret", None, Secret),
    ("oauth_issuer", None, Any),
    ("oauth_scope", None, Any),
    ("options", Some("PGOPTIONS"), Any),
    ("passfile", Some("PGPASSFILE"), Any),
    ("password", Some("PGPASSWORD"), Secret),
    ("port", Some("PGPORT"), Ports),
    ("replication", None, NoReplication),
    ("require_auth", Some("PGREQUIREAUTH"), AuthMethods),
    ("requirepeer", Some("PGREQUIREPEER"), Any),
    ("scram_client_key", None, Secret),
    ("scram_server_key", None, Secret),
    ("service", Some("PGSERVICE"), Any),
    ("servicefile", Some("PGSERVICEFILE"), Any),
    ("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), Tls),
    ("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), Tls),
    ("sslcert", Some("PGSSLCERT"), Any),
    ("sslcertmode", Some("PGSSLCERTMODE"), OneOf(&["disable", "allow", "require"])),
    ("sslcompression", Some("PGSSLCOMPRESSION"), Any),
    ("sslcrl", Some("PGSSLCRL"), Any),
    ("sslcrldir", Some("PGSSLCRLDIR"), Any),
    ("sslkey", Some("PGSSLKEY"), Any),
    ("sslkeylogfile", None, Any),
    ("sslmode", Some("PGSSLMODE"), OneOf(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])),
    ("sslnegotiation", Some("PGSSLNEGOTIATION"), OneOf(&["postgres", "direct"])),
    ("sslpassword", None, Secret),
    ("sslrootcert", Some("PGSSLROOTCERT"), Any),
    ("sslsni", Some("PGSSLSNI"), Any),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS"), OneOf(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"])),
    ("tcp_user_timeout", None, Integer),
    ("tty", None, Any),
    ("user", Some("PGUSER"), Any),
];

/// Whether the value of a parameter must not be seen.
pub(crate) fn is_secret(name: &str) -> bool {
    matches!(of(name), Some((_, Secret)))
}

fn of(name: &str) -> Option<(&'static str, Values)> {
    let found = PARAMETERS.iter().find(|parameter| parameter.0 == name)?;
    Some((found.0, found.2))
}

/// The first reason why libpq, or psycopg with it, refuses these parameters.
pub(super) fn problem(string: &ConnectionString) -> Option<Problem> {
    let mut follows_secret = false;
    for setting in &string.settings {
        let Some((_, values)) = of(&setting.name) else {
            let is_plain = |c: char| c.is_ascii_alphabetic() || c == '_';
            let is_name = !follows_secret && setting.name.chars().all(is_plain);
            return Some(Problem::Unknown(is_name.then(|| setting.name.clone())));
        };
        follows_secret = matches!(values, Secret);
    }
    let value = |name: &str| string.get(name).filter(|value| !value.is_empty());
    let count = |name: &str| value(name).map(|list| list.split(',').count());
    let is = |name: &str, values: &[&str]| string.get(name).is_some_and(|it| values.contains(&it));
    let uses_tcp = count("hostaddr").is_some()
        || value("host")
            .is_some_and(|hosts| !hosts.split(',').any(|it| it.starts_with(['/', '@'])));
    for &(name, _, values) in PARAMETERS {
        let ignored = matches!(values, Integer) && (!uses_tcp || is("keepalives", &["0"]));
        if let Some(value) = string.get(name)
            && !ignored
            && let Some(expected) = values.refuse(value)
        {
            return Some(Problem::Value(name, expected));
        }
    }
    let refuse = |name, expected: &str| Some(Problem::Value(name, expected.to_owned()));
    if let (Some(hosts), Some(addresses)) = (count("host"), count("hostaddr"))
        && hosts != addresses
    {
        return refuse("hostaddr", "a list as long as `host`");
    }
    if let (Some(hosts), Some(ports)) = (count("hostaddr").or(count("host")), count("port"))
        && ports != 1
        && ports != hosts
    {
        return refuse("port", "one number, or one for each host");
    }
    if is("channel_binding", &["require"]) && is("sslmode", &["disable"]) {
        return refuse(
            "channel_binding",
            "`prefer` or `disable` where `sslmode` is `disable`",
        );
    }
    let weak = ["disable", "allow", "prefer"];
    if is("sslnegotiation", &["direct"]) && is("sslmode", &weak) {
        return refuse(
            "sslmode",
            "`require` or stricter where `sslnegotiation` is `direct`",
        );
    }
    if is("sslrootcert", &["system"]) && string.get("sslmode").is_some_and(|it| it != "verify-full")
    {
        return refuse("sslmode", "`verify-full` where `sslrootcert` is `system`");
    }
    for (least, most) in [
        ("ssl_min_protocol_version", "ssl_max_protocol_version"),
        ("min_protocol_version", "max_protocol_version"),
    ] {
        if let (Some(min), Some(max)) = (value(least), value(most))
            && min.to_ascii_lowercase() > max.to_ascii_lowercase()
        {
            return Some(Problem::Value(least, format!("no more than `{most}`")));
        }
    }
    None
}

impl Values {
    /// What the value must be instead; nothing when it is accepted.
    fn refuse(self, value: &str) -> Option<String> {
        let (accepted, expected): (bool, &str) = match self {
            Any | Secret => return None,
            OneOf(values) => {
                let expected = || format!("one of {}", values.join(", "));
                return (!values.contains(&value)).then(expected);
            }
            Tls => (
                value.is_empty() || TLS.iter().any(|it| it.eq_ignore_ascii_case(value)),
                "one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3",
            ),
            Version => (
                value == "latest"
                    || value
                        .strip_prefix("3.")
                        .is_some_and(|it| it.parse::<u16>().is_ok()),
                "one of 3.0, 3.2, latest",
            ),
            AuthMethods => {
                let methods = value
                    .split(',')
                    .map(|it| it.strip_prefix('!').unwrap_or(it));
                let mut methods = methods.filter(|_| !value.is_empty());
                let negative = value.split(',').filter(|it| it.starts_with('!')).count();
                (
                    methods.all(|it| AUTH_METHODS.contains(&it))
                        && (negative == 0 || negative == value.split(',').count()),
                    "a list of password, md5, gss, sspi, scram-sha-256, oauth and none, or of these with `!` each",
                )
            }
            Integer => (
                value.is_empty() || value.trim().parse::<i64>().is_ok(),
                "a whole number",
            ),
            Seconds => (
                // As Python's `float` reads it.
                value
                    .trim()
                    .replace('_', "")
                    .parse::<f64>()
                    .is_ok_and(f64::is_finite),
                "a number of seconds",
            ),
            Ports => (
                // psycopg tries each host with its own port, so one of them is sufficient.
                value.split(',').any(|it| {
                    it.is_empty() || it.trim().parse().is_ok_and(|it| (1..=65535).contains(&it))
                }),
                "a number from 1 to 65535",
            ),
            NoReplication => (
                ["false", "no", "off", "0"].iter().any(|no| {
                    no.starts_with(&value.to_ascii_lowercase()) && value != "o" && value != "O"
                }),
                "`false`: confiture cannot use a replication connection",
            ),
            Utf8 => {
                let letters = value.chars().filter(char::is_ascii_alphanumeric);
                let encoding = letters.collect::<String>().to_ascii_lowercase();
                (
                    ["utf8", "unicode"].contains(&encoding.as_str()),
                    "`UTF8`, the encoding of migration files and of the ledger",
                )
            }
        };
        (!accepted).then(|| expected.to_owned())
    }
}
