use super::*;

fn pairs(text: &str) -> Vec<(String, String)> {
    let divided = ConnectionString::new(text);
    divided
        .settings
        .into_iter()
        .map(|it| (it.name, it.value))
        .collect()
}

fn expected(of: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    of.iter().map(pair).collect()
}

#[test]
fn a_url_is_tokenized() {
    let url = "postgresql://u%40x:p%40w@[::1]:5433,h2:6/db?sslmode=require&options=&ssl=true";
    let settings = [
        ("user", "u@x"),
        ("password", "p@w"),
        ("host", "::1,h2"),
        ("port", "5433,6"),
        ("dbname", "db"),
        ("sslmode", "require"),
        ("options", ""),
        ("sslmode", "require"),
    ];
    assert_eq!(pairs(url), expected(&settings));
    assert_eq!(pairs("postgres://h"), expected(&[("host", "h")]));
}

#[test]
fn keywords_are_tokenized() {
    let quoted = r"user = u password='a \' b' dbname=q'x\ y";
    let settings = [("user", "u"), ("password", "a ' b"), ("dbname", "q'x y")];
    assert_eq!(pairs(quoted), expected(&settings));
    let divided = ConnectionString::new(quoted);
    let span = divided.settings[1].span.clone();
    assert_eq!((&quoted[span], divided.problem), (r"'a \' b'", None));
}

#[test]
fn malformed_connection_strings_are_tokenized_as_far_as_possible() {
    for (text, settings) in [
        (
            "host=h junk password=x",
            &[("host", "h"), ("password", "x")][..],
        ),
        ("host=h password='x", &[("host", "h"), ("password", "x")]),
        (
            "mysql://u:p@h",
            &[("user", "u"), ("password", "p"), ("host", "h")],
        ),
    ] {
        assert_eq!(pairs(text), expected(settings), "{text}");
        assert!(ConnectionString::new(text).problem.is_some(), "{text}");
    }
}

/// Each was tried with psycopg 3.1 to 3.3 and libpq 15 to 18, on a server.
#[test]
fn what_libpq_refuses_is_refused_by_parameter() {
    let url = |query: &str| format!("postgresql://app:pw@db.example:5432/shop?{query}");
    for (query, parameter) in [
        ("schema=public", "schema"),
        ("pgbouncer=true", "pgbouncer"),
        ("ssl=false", "ssl"),
        ("connect_timeout=abc", "connect_timeout"),
        ("connect_timeout=", "connect_timeout"),
        ("connect_timeout=inf", "connect_timeout"),
        ("port=0", "port"),
        ("port=65536", "port"),
        ("port=5432x", "port"),
        ("host=a,b&port=1,2,3", "port"),
        ("host=a&hostaddr=127.0.0.1,127.0.0.2", "hostaddr"),
        ("channel_binding=require&sslmode=disable", "channel_binding"),
        ("channel_binding=", "channel_binding"),
        ("gssencmode=x", "gssencmode"),
        ("target_session_attrs=master", "target_session_attrs"),
        ("target_session_attrs=", "target_session_attrs"),
        ("replication=database", "replication"),
        ("replication=on", "replication"),
        ("replication=o", "replication"),
        ("sslmode=no-verify", "sslmode"),
        ("sslmode=", "sslmode"),
        ("sslrootcert=system&sslmode=require", "sslmode"),
        ("sslnegotiation=direct&sslmode=prefer", "sslmode"),
        ("sslcertmode=x", "sslcertmode"),
        ("ssl_min_protocol_version=x", "ssl_min_protocol_version"),
        (
            "ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=tlsv1.2",
            "ssl_min_protocol_version",
        ),
        (
            "min_protocol_version=3.2&max_protocol_version=3.0",
            "min_protocol_version",
        ),
        ("max_protocol_version=", "max_protocol_version"),
        ("load_balance_hosts=x", "load_balance_hosts"),
        ("require_auth=x", "require_auth"),
        ("require_auth=!md5,none", "require_auth"),
        ("keepalives=x", "keepalives"),
        ("tcp_user_timeout=x", "tcp_user_timeout"),
        ("client_encoding=LATIN1", "client_encoding"),
        ("client_encoding=", "client_encoding"),
        ("application_name=%", "application_name"),
        ("application_name=%00", "application_name"),
    ] {
        let found = match ConnectionString::new(&url(query)).problem {
            Some(Problem::Value(name, _)) => name.to_owned(),
            Some(Problem::Unknown(Some(name)) | Problem::Encoding(name, _)) => name,
            other => panic!("{query}: {other:?}"),
        };
        assert_eq!(found, parameter, "{query}");
    }
    for text in [
        "postgresql://u:p@[::1/db",
        "postgresql://u:p@[]/db",
        "postgresql://u:p@[::1]x/db",
        "postgresql://h/db?application_name",
        "postgresql://h/db?&user=u",
        "postgresql://h/db?user=u=v",
        "host=h user",
        "host='h",
    ] {
        let problem = ConnectionString::new(text).problem;
        assert!(
            matches!(problem, Some(Problem::Malformed(_))),
            "{text}: {problem:?}"
        );
    }
}

#[test]
fn a_value_that_any_release_of_libpq_accepts_is_accepted() {
    for text in [
        "postgresql://app:pw@h/shop ",
        "postgresql://app:pw@h/shop?application_name=a b",
        "postgresql://h/shop?user=app&password=pw&",
        "postgresql://h/shop?user=&password=",
        "postgresql://h/shop?connect_timeout=1.5",
        "postgresql://h/shop?connect_timeout=%20-1%20",
        "postgresql://h:+5432/shop",
        "postgresql://h:x,h2:5432/shop",
        "postgresql://h,h2:5432/shop",
        "postgresql://h,h2/shop?port=5432",
        "postgresql:///shop?port=1,2",
        "hostaddr=127.0.0.1,127.0.0.2 port=1,2",
        "postgresql://h/shop?ssl=true&requiressl=0",
        "postgresql://h/shop?gssencmode=require&channel_binding=require",
        "postgresql://h/shop?target_session_attrs=standby",
        "postgresql://h/shop?replication=OFF",
        "postgresql://h/shop?replication=",
        "postgresql://h/shop?ssl_min_protocol_version=&ssl_max_protocol_version=TLSV1.2",
        "postgresql://h/shop?min_protocol_version=3.0&max_protocol_version=latest",
        "postgresql://h/shop?require_auth=&keepalives=&sslsni=x",
        "postgresql://h/shop?require_auth=!md5,!none",
        "postgresql://h/shop?keepalives=0&keepalives_idle=x",
        "postgresql:///shop?host=/run/postgresql&tcp_user_timeout=x",
        "postgresql://h/shop?client_encoding=utf-8",
        "postgresql://u:p#w@[127.0.0.1]/shop#x",
        "host=h options='-c a=1' service=prod authtype=x servicefile=f",
    ] {
        assert_eq!(ConnectionString::new(text).problem, None, "{text}");
    }
}

/// An unencoded `&` or space in a password makes the rest of it a parameter.
#[test]
fn an_unknown_parameter_behind_a_password_is_not_named() {
    for text in [
        "postgresql://h/db?password=ab&cdef=1",
        "host=h password=ab cdef=1",
        "postgresql://h/db?c1def=1",
    ] {
        let problem = ConnectionString::new(text).problem;
        assert_eq!(problem, Some(Problem::Unknown(None)), "{text}");
    }
}
