use fraisier_adapter_api::AdapterErrorKind;

use super::*;

fn dsn(text: &str) -> Dsn {
    Dsn::new("DATABASE_URL", text.into()).expect("a connection string")
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
        let error = Dsn::new("DATABASE_URL", text.into()).unwrap_err().worded();
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
        let error = Dsn::new("DATABASE_URL", text.into()).unwrap_err().worded();
        assert!(error.message.contains(shown), "{error}");
    }
}

#[test]
fn a_connection_string_cannot_be_printed() {
    assert_eq!(format!("{:?}", dsn("postgresql://u:p@h/db")), "Dsn(…)");
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
