//! The settings in a connection string.

use std::collections::BTreeMap;

/// The settings in a connection string, decoded.
///
/// # Errors
///
/// Why it cannot be read, in words that quote nothing of it.
pub(super) fn settings(dsn: &str) -> Result<BTreeMap<String, String>, &'static str> {
    if dsn.trim().is_empty() {
        return Err("is empty");
    }
    if dsn.chars().any(char::is_control) {
        return Err("has a control character in it, such as a line end");
    }
    let url = ["postgresql://", "postgres://"]
        .into_iter()
        .find_map(|scheme| dsn.strip_prefix(scheme));
    match url {
        Some(rest) => Ok(from_url(rest)),
        None => from_keywords(dsn).ok_or("is no connection string of PostgreSQL"),
    }
}

fn from_url(rest: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            settings.insert(decoded(name), decoded(value));
        }
    };
    // An `@` behind the first `/` does not end a password for libpq.
    let rest = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => {
            let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
            set("user", user);
            set("password", password);
            &rest[at + 1..]
        }
        _ => rest,
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
    set("dbname", database);
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let in_brackets = host.strip_prefix('[').and_then(|host| host.split_once(']'));
        let (name, port) = match in_brackets {
            Some((name, port)) => (name, port.strip_prefix(':').unwrap_or_default()),
            None => host.rsplit_once(':').unwrap_or((host, "")),
        };
        names.push(name);
        ports.push(port);
    }
    set("host", &names.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        set("port", &ports.join(","));
    }
    // An empty value counts here: libpq then takes none from a variable.
    for option in query.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        settings.insert(decoded(name), decoded(value));
    }
    settings
}

fn from_keywords(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut settings = BTreeMap::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return (!settings.is_empty()).then_some(settings);
        }
        let (name, rest) = text.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return None;
        }
        let rest = rest.trim_start();
        let (quoted, rest) = match rest.strip_prefix('\'') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let mut value = String::new();
        let mut chars = rest.chars();
        loop {
            match chars.next() {
                Some('\\') => value.extend(chars.next()),
                Some('\'') if quoted => break,
                Some(space) if !quoted && space.is_ascii_whitespace() => break,
                Some(char) => value.push(char),
                None if quoted => return None,
                None => break,
            }
        }
        settings.insert(name.to_owned(), value);
        text = chars.as_str();
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let pair = hex(0)
            .zip(hex(1))
            .and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        let pair = pair.filter(|_| *first == b'%');
        bytes.push(pair.unwrap_or(*first));
        rest = if pair.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        for dsn in [
            "",
            "  ",
            "mysql://u:hunter2@h/db",
            "hunter2",
            "host='hunter2",
            "a\nb=c",
        ] {
            let why = settings(dsn).expect_err(dsn);
            assert!(!why.contains("hunter2"));
        }
    }
}
