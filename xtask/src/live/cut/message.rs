//! The messages between a client and PostgreSQL that a proxy has to know.

use std::io::{Read, Write as _};
use std::net::TcpStream;

/// The length that a client's first message states, and the two codes by which it asks for
/// encryption instead of a session.
const ENCRYPTION_REQUEST_LENGTH: usize = 8;
pub(super) const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
/// No message of a migration is longer.
const LONGEST: usize = 1 << 26;

/// Which side a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Client,
    Server,
}

/// A message that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    pub sender: Sender,
    /// Whether it asks for a commit or acknowledges one.
    pub commits: bool,
}

/// The message that opens a session. A client that asks for encryption first is refused it.
pub fn first_message(client: &mut TcpStream) -> Option<Vec<u8>> {
    loop {
        let mut length = [0; 4];
        client.read_exact(&mut length).ok()?;
        let message = with_body(client, &length, length)?;
        let code = message.get(4..8)?.try_into().ok()?;
        let asks = [SSL_REQUEST, GSS_REQUEST].contains(&u32::from_be_bytes(code));
        if message.len() != ENCRYPTION_REQUEST_LENGTH || !asks {
            return Some(message);
        }
        client.write_all(b"N").ok()?;
    }
}

/// One message after the first: a letter, a length that counts itself, a body.
pub(super) fn message(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).ok()?;
    let [_, length @ ..] = head;
    with_body(from, &head, length)
}

fn with_body(from: &mut impl Read, head: &[u8], length: [u8; 4]) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let body = length.checked_sub(4).filter(|body| *body <= LONGEST)?;
    let mut message = head.to_vec();
    message.resize(head.len() + body, 0);
    from.read_exact(&mut message[head.len()..]).ok()?;
    Some(message)
}

/// A `Query` of `COMMIT`, and the `CommandComplete` of one.
pub(super) fn commits(sender: Sender, message: &[u8]) -> bool {
    let letter = match sender {
        Sender::Client => b'Q',
        Sender::Server => b'C',
    };
    let text = message.get(5..).unwrap_or_default();
    message.first() == Some(&letter) && text.to_ascii_uppercase().starts_with(b"COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_length_ends_the_stream() {
        assert_eq!(message(&mut &b"Q\x00\x00\x00\x03"[..]), None);
        assert_eq!(message(&mut &b"Q\xff\xff\xff\xff"[..]), None);
    }
}
