//! What libpq takes for the password of a connection string, so do we.

use std::collections::BTreeMap;

use fraisier_adapter_confiture::tools::{Redactor, connection};

use crate::libpq::Libpq;
use crate::redaction::seen;

/// The options that are secrets.
const SECRET: [&str; 3] = ["password", "sslpassword", "oauth_client_secret"];

/// The options by which `doctor` finds the server.
const TARGET: [&str; 6] = ["host", "hostaddr", "port", "user", "password", "dbname"];

pub(crate) fn check(input: &[u8], libpq: Libpq) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    // Nothing with a control character becomes a connection string.
    if text.contains(char::is_control) || text.trim().is_empty() {
        return;
    }
    let redactor = Redactor::new([text], []);
    let told = format!("error: \"{text}\"");
    // With what stands before it, the mask can read like a text that has the mask's own characters.
    let reads_like_the_mask = text.contains('*');
    assert!(
        !redactor.text(&told).contains(text) || text.len() < 4 || reads_like_the_mask,
        "{text:?}"
    );
    let taken = connection("DATABASE_URL", text);
    let Some(Ok(options)) = libpq.map(|parse| parse(text)) else {
        return;
    };
    if !reads_like_the_mask {
        agrees(text, &redactor, &options);
    }
    let Ok(taken) = taken else {
        return;
    };
    assert_eq!(
        taken.options.as_ref(),
        options.get("options"),
        "the options of {text:?}: {options:?}"
    );
    if text.starts_with("postgres") && text.contains(' ') {
        // A space around a value is a part of it for libpq before 17, and not from then on.
        return;
    }
    let settings = taken.settings.unwrap_or_default();
    for name in TARGET {
        assert_eq!(
            settings.get(name),
            options.get(name),
            "the {name} of {text:?}: {options:?}"
        );
    }
    if let Some((url, password)) = taken.without_password {
        assert_eq!(
            password.as_deref().unwrap_or_default(),
            options.get("password").map_or("", String::as_str),
            "the password of {text:?}"
        );
        let mut rest = options.clone();
        rest.remove("password");
        let parsed = libpq.map(|parse| parse(&url));
        assert_eq!(parsed, Some(Ok(rest)), "{url:?} of {text:?}");
    }
}

/// That the redactor masks what libpq takes for a secret.
fn agrees(text: &str, redactor: &Redactor, options: &BTreeMap<String, String>) {
    for name in SECRET {
        let Some(secret) = options.get(name).map(|secret| secret.trim()) else {
            continue;
        };
        let told = format!("the server said: {secret} is wrong");
        let kept = redactor.text(&told);
        assert_eq!(
            seen(secret, &kept),
            None,
            "{name} {secret:?} of {text:?}: {kept:?}"
        );
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    [
        "postgresql://app:hV7q-Tz2mXw9@db.example:5432/shop?sslmode=require",
        "postgres://u:p%40ssw%C3%B6rd-long@h1:1,h2:2/db?target_session_attrs=any",
        "postgresql:///db?host=/run/postgresql&password=hV7q-Tz2mXw9&options=-c%20a%3D1",
        "postgresql://u:p?ssw0rd-long@h/db",
        "postgresql://u:hV7q-Tz2mXw9 @h/db?host=h ",
        "postgresql://u:ssw0rd/long-x@h/db",
        "postgresql://[::1]:5432/db?pass%77ord=hV7q-Tz2mXw9",
        "postgresql://u@h/db?sslpassword=hV7q-Tz2mXw9",
        "host=h user=u password='hV7q \\' Tz2mXw9' options='-c a=1' dbname=x",
        "password = hV7q-Tz2mXw9 host = h",
        "password=a\\ b\\'cdefghij sslpassword=hV7q-Tz2mXw9",
        "service=prod",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
