use fraisier_adapter_api::AdapterErrorKind;

use super::*;

fn dsn(text: &str) -> Dsn {
    Dsn::new("DATABASE_URL", text.into()).expect("a connection string")
}

#[test]
fn what_libpq_could_take_is_taken() {
    for (text, form) in [
        ("postgresql://u:p@h/db", Form::Url),
        ("postgres://h", Form::Url),
        ("postgresql://", Form::Url),
        (
            "postgresql://u:p@h1:1,h2:2/db?target_session_attrs=any",
            Form::Url,
        ),
        (
            "postgresql:///db?host=/run/postgresql&password=x",
            Form::Url,
        ),
        ("postgresql://u:p@ss@h/db", Form::Url),
        ("postgresql://u:p/ss%zz@h/db", Form::Url),
        ("postgresql://ü:ß@h/db", Form::Url),
        ("host=h user=u password='it\\'s'", Form::Keywords),
        ("  host = h", Form::Keywords),
        ("service=prod", Form::Keywords),
    ] {
        assert_eq!(dsn(text).form, form, "{text}");
        assert_eq!(dsn(text).expose(), text);
    }
}

#[test]
fn what_could_never_be_one_is_refused_and_not_quoted() {
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
    ] {
        let error = Dsn::new("DATABASE_URL", text.into()).unwrap_err().worded();
        assert_eq!(error.kind, AdapterErrorKind::InvalidConfig, "{text:?}");
        assert!(error.message.contains("DATABASE_URL"), "{error}");
        assert!(!error.message.contains("hunter2"), "{error}");
        assert!(!error.message.contains("mysql"), "{error}");
    }
}

#[test]
fn it_cannot_be_printed() {
    assert_eq!(format!("{:?}", dsn("postgresql://u:p@h/db")), "Dsn(…)");
}

#[test]
fn a_url_gives_up_its_password_wherever_it_stands() {
    for (text, url, password) in [
        (
            "postgresql://u:p%40ss@h:1/db",
            "postgresql://u@h:1/db",
            Some("p@ss"),
        ),
        ("postgresql://u@h/db", "postgresql://u@h/db", None),
        ("postgresql://h/db", "postgresql://h/db", None),
        (
            "postgresql://h/db?a=1&pass%77ord=s%20t&b=2",
            "postgresql://h/db?a=1&b=2",
            Some("s t"),
        ),
    ] {
        let expected = (url.to_owned(), password.map(str::to_owned));
        assert_eq!(dsn(text).split_password(), Some(expected), "{text}");
    }
}

#[test]
fn where_the_password_is_in_doubt_nothing_is_given_up() {
    for text in [
        "host=h password=p",
        "postgresql://me:hunter2 @h/db",
        "postgresql://h/db?sslpassword=p",
        "postgresql://u:p@ss@h/db",
        "postgresql://u:p/ss@h/db",
        "postgresql://u:p?ss@h/db",
    ] {
        assert_eq!(dsn(text).split_password(), None, "{text}");
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
        ("postgresql://h/db?options", ""),
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
        assert_eq!(dsn(text).options().as_deref(), Some(options), "{text}");
    }
}

#[test]
fn what_only_looks_like_options_is_none() {
    for text in [
        "postgresql://options:options@options/options",
        "postgresql://u:p?options=x@h/db",
        "postgresql://h/db?application_name=options%3Dx&xoptions=y",
        "host=h password=' options=x' user=u",
        "host=h password=\\ options=x",
        "host=h application_name=options=x",
        "service=prod",
    ] {
        assert_eq!(dsn(text).options(), None, "{text}");
    }
}

#[test]
fn what_libpq_would_not_read_to_its_end_has_no_settings() {
    for text in [
        "host='h",
        "host=h user",
        "host=h app user=u",
        "host=h =u",
        "host=h User=u",
    ] {
        assert_eq!(dsn(text).settings(), None, "{text}");
    }
    assert!(dsn("host='h' user = u ").settings().is_some());
    assert!(dsn("service=prod").settings().is_some());
}
