//! What is secret in a connection string.

use std::collections::BTreeSet;

use crate::libpq::{ConnectionString, is_secret, percent_decoded};

/// What stands between encoded characters and is shorter tells nothing.
const SHORTEST: usize = 4;

/// The parts of a connection string that must not be seen.
pub(super) struct Credentials {
    /// The string itself, and its user with the password.
    pub(super) whole: Vec<String>,
    pub(super) passwords: BTreeSet<String>,
    /// The parts of passwords that a parser may take for something else.
    pub(super) parts: BTreeSet<String>,
}

impl Credentials {
    pub(super) fn in_dsn(dsn: &str) -> Self {
        let mut it = Self {
            whole: vec![dsn.to_owned()],
            passwords: BTreeSet::new(),
            parts: BTreeSet::new(),
        };
        let divided = ConnectionString::new(dsn);
        for setting in divided.settings.iter().chain(&divided.strays) {
            if is_secret(&setting.name) {
                it.password(&setting.value);
                it.password(dsn[setting.span.clone()].trim_matches('\''));
            }
        }
        // What libpq takes for a port, and is a password whose host is missing.
        let ports = divided.get("port").unwrap_or_default().split(',');
        for port in ports.filter(|port| !port.bytes().all(|b| b.is_ascii_digit() || b == b':')) {
            it.password(port);
        }
        // Up to the last `@`, whatever is before it: a password may contain anything unencoded.
        let rest = dsn.split_once("//").map_or("", |(_, rest)| rest);
        if let Some((userinfo, _)) = rest.rsplit_once('@')
            && let Some((_, password)) = userinfo.split_once(':')
        {
            it.password(password);
            it.whole
                .extend([userinfo.to_owned(), percent_decoded(userinfo)]);
        }
        it
    }

    /// A password as it was written, decoded, and in the parts in which it may turn up.
    fn password(&mut self, raw: &str) {
        let decoded = percent_decoded(raw);
        for text in [raw, &decoded] {
            // What a parser that stops at one of these takes for a host, a port or an option.
            let parts = text.split(['@', '/', ':', '?', '#', '&', '=', ',', ' ']);
            self.parts.extend(parts.map(str::to_owned));
        }
        let between = raw.split('%').skip(1).filter_map(|text| text.get(2..));
        let between = between.chain(raw.split('%').next());
        let telling = between.filter(|text| text.len() >= SHORTEST);
        self.parts.extend(telling.map(str::to_owned));
        self.passwords.extend([raw.to_owned(), decoded]);
    }
}
