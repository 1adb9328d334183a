//! No text that is returned contains a piece of a secret, wherever the text was cut.

use std::fmt::Write as _;

use arbitrary::Unstructured;
use fraisier_adapter_api::AdapterError;
use fraisier_adapter_confiture::tools::process::{Captured, Exit, Output};
use fraisier_adapter_confiture::tools::replay::current_revision;
use fraisier_adapter_confiture::tools::{MASK, Redactor};
use serde_json::Value;

use crate::Libpq;
use crate::bytes::{below, choose, text};

/// How many consecutive bytes of a secret must never appear.
pub(crate) const PIECE: usize = 8;

/// How a redactor gets a secret.
#[derive(Debug, Clone, Copy)]
enum Place {
    Secret,
    UrlPassword,
    UrlOption,
    Keyword,
}

pub(crate) fn check(input: &[u8], _: Libpq) {
    let bytes = &mut Unstructured::new(input);
    let places = [
        Place::Secret,
        Place::UrlPassword,
        Place::UrlOption,
        Place::Keyword,
    ];
    let place = *choose(bytes, &places);
    let secret = text(bytes, 48).trim().to_owned();
    // A control character is refused in a connection string. The mask's own characters in a secret
    // let what is masked be read as a piece of it.
    if secret.is_empty()
        || secret.contains('*')
        || (!matches!(place, Place::Secret) && secret.contains(char::is_control))
    {
        return;
    }
    let redactor = redactor(place, &secret);
    let forms = forms(&secret);

    let mut input = String::new();
    for _ in 0..=below(bytes, 4) {
        input.push_str(&text(bytes, 24));
        let form = choose(bytes, &forms);
        let from = below(bytes, form.len());
        let to = from + below(bytes, form.len() - from + 1);
        input.push_str(&String::from_utf8_lossy(&form.as_bytes()[from..to]));
    }
    input.push_str(&text(bytes, 24));

    let kept = redactor.text(&input);
    let shows = |kept: &str, how: &str| {
        for form in &forms {
            let seen = seen(form, kept);
            assert!(
                seen.is_none(),
                "{how}: {seen:?} of {secret:?} ({place:?}) in {kept:?}, from {input:?}"
            );
        }
    };
    shows(&kept, "text");
    assert!(kept.len() <= input.len() * (MASK.len() + 1), "{input:?}");

    let (first, second) = (below(bytes, input.len() + 1), below(bytes, input.len() + 1));
    let (first, second) = (first.min(second), first.max(second));
    let stderr = Captured {
        head: input.as_bytes()[..first].to_vec(),
        omitted: (second - first) as u64,
        tail: input.as_bytes()[second..].to_vec(),
    };
    let printed = Output {
        stderr,
        ..Output::new(Exit::Code(1), None)
    };
    let error = current_revision(&redactor, |_| printed.clone());
    let error = AdapterError::from(error.expect_err("there is no report"));
    let evidence = error.stderr;
    shows(&evidence.unwrap_or_default(), "evidence");
}

/// The first piece of a secret in a text.
pub(crate) fn seen<'a>(secret: &'a str, text: &str) -> Option<&'a [u8]> {
    secret.as_bytes().windows(PIECE).find(|piece| {
        text.as_bytes()
            .windows(PIECE)
            .any(|window| window == *piece)
    })
}

fn redactor(place: Place, secret: &str) -> Redactor {
    match place {
        Place::Secret => Redactor::new([], [secret]),
        Place::UrlPassword => {
            let dsn = format!("postgresql://u:{}@h/db", percent(secret));
            Redactor::new([dsn.as_str()], [])
        }
        Place::UrlOption => {
            let dsn = format!("postgresql://u@h/db?password={}", percent(secret));
            Redactor::new([dsn.as_str()], [])
        }
        Place::Keyword => {
            let quoted = secret.replace('\\', r"\\").replace('\'', r"\'");
            let dsn = format!("host=h password='{quoted}' user=u");
            Redactor::new([dsn.as_str()], [])
        }
    }
}

/// The secret as programs print it.
fn forms(secret: &str) -> [String; 4] {
    let json = Value::from(secret).to_string();
    [
        secret.to_owned(),
        percent(secret),
        json[1..json.len() - 1].to_owned(),
        secret.replace('\'', "''"),
    ]
}

pub(crate) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for place in 0..4 {
        for secret in [
            "hV7q-Tz2mXw9",
            "p@ss'w\\ö rd",
            "日本語の暗号です",
            "{\"k\": \"v4lue-of-k\"}",
        ] {
            let mut seed = vec![place, u8::try_from(secret.len()).unwrap_or(0)];
            seed.extend(secret.bytes());
            seed.extend(b"\x02\x05said \x00\x00\x0c\x05 and \x01\x02\x09\x05 end.\x08\x14");
            seeds.push(seed);
        }
    }
    seeds
}
