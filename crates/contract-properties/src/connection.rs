//! A connection string is parsed as libpq parses it, and refused if libpq refuses it.

use std::collections::BTreeMap;

use fraisier_adapter_confiture::tools::{Redactor, connection};

use crate::Libpq;
use crate::redaction::seen;

/// The options that are secrets.
const SECRET: [&str; 5] = [
    "password",
    "sslpassword",
    "oauth_client_secret",
    "scram_client_key",
    "scram_server_key",
];

/// The parameters that not every release of libpq has, from 13 to 18.
const BY_RELEASE: [&str; 18] = [
    "authtype",
    "gssdelegation",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "require_auth",
    "scram_client_key",
    "scram_server_key",
    "servicefile",
    "sslcertmode",
    "sslkeylogfile",
    "sslnegotiation",
    "sslsni",
    "tty",
];

pub(crate) fn check(input: &[u8], libpq: Libpq) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    // Nothing with a control character becomes a connection string.
    if text.contains(char::is_control) || text.trim().is_empty() {
        return;
    }
    let redactor = Redactor::new([text], []);
    let shown = format!("error: \"{text}\"");
    // With what stands before it, the mask can read like a text that has the mask's own characters.
    let reads_like_the_mask = text.contains('*');
    assert!(
        !redactor.text(&shown).contains(text) || text.len() < 4 || reads_like_the_mask,
        "{text:?}"
    );
    let ours = connection("DATABASE_URL", text);
    let Some(parsed) = libpq.map(|parse| parse(text)) else {
        return;
    };
    // libpq refuses spaces within a value from 18 on, and before 17 one around a value is a part of it.
    let depends_on_release = text.starts_with("postgres") && text.contains(' ');
    let options = match parsed {
        Ok(options) => options,
        Err(said) => {
            let is_of_another_release = BY_RELEASE
                .iter()
                .any(|name| said.contains(&format!("\"{name}\"")));
            assert!(
                ours.is_err() || depends_on_release || is_of_another_release,
                "libpq refuses {text:?}: {said}"
            );
            return;
        }
    };
    if !reads_like_the_mask {
        agrees(text, &redactor, &options);
    }
    let ours = match ours {
        Ok(ours) => ours,
        Err(error) => {
            // libpq looks at the values only when it connects. A short secret can mask a word of ours.
            let what = error.what();
            let by_value = what.contains("has a wrong value for the parameter");
            assert!(
                by_value || what.contains("***"),
                "libpq accepts {text:?}: {error}"
            );
            return;
        }
    };
    if depends_on_release {
        return;
    }
    assert_eq!(ours.settings, options, "{text:?}");
    if let Some((url, password)) = ours.without_password {
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

/// Checks that the redactor masks everything that libpq reads as a secret.
fn agrees(text: &str, redactor: &Redactor, options: &BTreeMap<String, String>) {
    for name in SECRET {
        let Some(secret) = options.get(name).map(|secret| secret.trim()) else {
            continue;
        };
        let shown = format!("the server said: {secret} is wrong");
        let kept = redactor.text(&shown);
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
        "host=h junk password='hV7q-Tz2mXw9",
        "postgresql://u:p@[::1]:1,h:2?ssl=true&requiressl=1&scram_client_key=x&schema=%zz",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}
