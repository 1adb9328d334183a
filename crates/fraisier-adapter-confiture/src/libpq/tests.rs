use fraisier_adapter_api::AdapterErrorKind;

use super::*;

/// Why libpq refuses the text.
fn problem(text: &str) -> Option<String> {
    ConnectionString::parse(text).problem.map(|(what, _)| what)
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let parsed = ConnectionString::parse(text);
    parsed
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
fn a_url_is_parsed() {
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
fn keywords_are_parsed() {
    let quoted = r"user = u password='a \' b' dbname=q'x\ y";
    let settings = [("user", "u"), ("password", "a ' b"), ("dbname", "q'x y")];
    assert_eq!(pairs(quoted), expected(&settings));
    let parsed = ConnectionString::parse(quoted);
    let span = parsed.settings[1].span.clone();
    assert_eq!((&quoted[span], parsed.problem), (r"'a \' b'", None));
}

#[test]
fn malformed_connection_strings_are_parsed_as_far_as_possible() {
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
        assert!(problem(text).is_some(), "{text}");
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
        ("sslmode=x&connect_timeout=x", "connect_timeout"),
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
        let found = problem(&url(query)).expect(query);
        let named = [
            format!("the parameter `{parameter}`"),
            format!("in `{parameter}`"),
        ];
        let is_named = named.iter().any(|it| found.contains(it));
        assert!(is_named, "{query}: {found}");
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
        let found = problem(text).expect(text);
        let says = "is not a connection string that libpq can read: ";
        assert!(found.starts_with(says), "{text}: {found}");
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
        assert_eq!(problem(text), None, "{text}");
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
        let says = "has a parameter that libpq does not know";
        assert_eq!(problem(text).as_deref(), Some(says), "{text}");
    }
}

fn dsn(text: &str) -> ConnectionString {
    ConnectionString::new("DATABASE_URL", text).expect("a connection string")
}

#[test]
fn a_malformed_connection_string_is_refused_without_quoting_it() {
    for text in [
        "",
        " \t\n",
        "mysql://u:hunter2@h/db",
        "mysql://u:hunter2@h/db?charset=utf8",
        "postgresql//u:hunter2@h/db",
        "postgresql//u:hunter2@h/db?sslmode=require",
        "POSTGRESQL://u:hunter2@h/db",
        "postgresql+psycopg://u:hunter2@h/db",
        "jdbc:postgresql://h/db?password=hunter2",
        "Server=h;Password=hunter2",
        "hunter2",
        "postgresql://u:hunter2@h/db\n",
        "postgresql://u:hunter2@h/\0db",
        "postgresql://u:hunter2/x@h/db",
        "postgresql://u:hunter2%zz@h/db",
        "postgresql://u:p@h/db?password=hunter2&hunter=2",
        "host=h hunter2",
        "host=h password='hunter2",
    ] {
        let error = ConnectionString::new("DATABASE_URL", text)
            .unwrap_err()
            .worded();
        assert_eq!(error.kind, AdapterErrorKind::InvalidConfig, "{text:?}");
        assert!(error.message.contains("DATABASE_URL"), "{error}");
        assert!(!error.message.contains("hunter"), "{error}");
        assert!(!error.message.contains("mysql"), "{error}");
    }
}

#[test]
fn the_message_names_the_parameter_and_the_encoding_of_passwords() {
    for (text, shown) in [
        (
            "postgresql://u:p@h/db?schema=public",
            "`schema`, which libpq does not know",
        ),
        (
            "postgresql://u:p@h/db?sslmode=on",
            "`sslmode`, which must be one of disable, ",
        ),
        (
            "postgresql://u:100%@h/db",
            "in `password`, a `%` is not followed by",
        ),
        ("u:p@h", "@ / : % in a password percent-encoded"),
        // The password is `p/w`.
        (
            "postgresql://user:p/w@h/db",
            "@ / : % in a password percent-encoded",
        ),
    ] {
        let error = ConnectionString::new("DATABASE_URL", text)
            .unwrap_err()
            .worded();
        assert!(error.message.contains(shown), "{error}");
    }
}

#[test]
fn a_connection_string_cannot_be_printed() {
    let shown = format!("{:?}", dsn("postgresql://u:p@h/db"));
    assert_eq!(shown, "ConnectionString(…)");
}

#[test]
fn the_password_is_removed_from_a_url_wherever_it_is() {
    for (text, url, password) in [
        (
            "postgresql://u:p%40ss@h:1/db",
            "postgresql://u@h:1/db",
            Some("p@ss"),
        ),
        ("postgresql://u@h/db", "postgresql://u@h/db", None),
        ("postgresql://h/db", "postgresql://h/db", None),
        (
            "postgresql://h/db?sslmode=require&pass%77ord=s%20t&port=2",
            "postgresql://h/db?sslmode=require&port=2",
            Some("s t"),
        ),
        (
            "postgresql://u:p@h/db?password=q&password=r",
            "postgresql://u@h/db",
            Some("r"),
        ),
        (
            "postgresql://u:p@h/db?port=1&password=q",
            "postgresql://u@h/db?port=1",
            Some("q"),
        ),
        (
            "postgresql://[a?b]/db?port=1&password=q",
            "postgresql://[a?b]/db?port=1",
            Some("q"),
        ),
    ] {
        let expected = (url.to_owned(), password);
        assert_eq!(dsn(text).split_password(), Ok(expected), "{text}");
    }
}

#[test]
fn an_ambiguous_password_is_not_removed() {
    for (text, why) in [
        ("host=h password=p", "not a URL"),
        ("postgresql://me:hunter2 @h/db", "percent-encoded"),
        ("postgresql://u:p@ss@h/db", "percent-encoded"),
        ("postgresql://u:5/ss@h/db", "percent-encoded"),
        ("postgresql://u:p?ss@h/db", "percent-encoded"),
        ("postgresql://h/db?sslpassword=p", "`sslpassword`"),
        (
            "postgresql://h/db?oauth_client_secret=p",
            "`oauth_client_secret`",
        ),
        ("postgresql://h/db?scram_client_key=p", "`scram_client_key`"),
        ("postgresql://h/db?scram_server_key=p", "`scram_server_key`"),
    ] {
        let refused = dsn(text).split_password().expect_err(text);
        assert!(refused.contains(why), "{text}: {refused}");
    }
}

#[test]
fn the_options_of_a_session_are_found_where_libpq_finds_them() {
    for (text, options) in [
        ("postgresql://u:p@h/db?options=-c%20a%3D1", "-c a=1"),
        (
            "postgresql://h?connect_timeout=9&opt%69ons=-ca%3D1",
            "-ca=1",
        ),
        ("postgresql://u:p?ss@h/db?options=x", "x"),
        ("postgresql:///db?options=first&options=", ""),
        ("host=h options='-c a=it\\'s' user=u", "-c a=it's"),
        ("host=h options = -c\\ a=1 user=u", "-c a=1"),
        ("options='' host=h", ""),
        ("application_name='a'options=x", "x"),
        (
            "password=\u{a0} options=first host=h\u{a0}x options=last",
            "last",
        ),
        ("host=h password=\u{a0} options=x", "x"),
    ] {
        assert_eq!(dsn(text).get("options"), Some(options), "{text}");
    }
}

#[test]
fn text_that_resembles_options_is_not_options() {
    for text in [
        "postgresql://options:options@options/options",
        "postgresql://u:p?options=x@h/db",
        "postgresql://h/db?application_name=options%3Dx",
        "host=h password=' options=x' user=u",
        "host=h password=\\ options=x",
        "host=h application_name=options=x",
        "service=prod",
    ] {
        assert_eq!(dsn(text).get("options"), None, "{text}");
    }
}
