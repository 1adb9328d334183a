//! The framing of a message in a stream: `Content-Length: <bytes>`, an empty line, the bytes.

use std::io::{self, BufRead, BufReader, Read, Write};

/// The largest message that is read, in bytes. A context has a few hundred.
pub const MESSAGE_LIMIT: u64 = 4 * 1024 * 1024;

/// How many bytes the headers may have.
const HEADER_LIMIT: u64 = 8 * 1024;

const LENGTH: &str = "Content-Length";

/// Reads a stream that contains one message and nothing else. However long a message is announced, this uses
/// no more memory than the bytes that arrive.
///
/// # Errors
///
/// That of reading, or one that says what is wrong with the stream.
pub fn read(stream: impl Read) -> io::Result<Vec<u8>> {
    let mut stream = BufReader::new(stream);
    let announced = read_headers(&mut stream)?;
    let mut message = Vec::new();
    let came = (&mut stream).take(announced).read_to_end(&mut message)? as u64;
    if came < announced {
        let why = format!("it announces a message of {announced} bytes and ends after {came}");
        return Err(malformed(why));
    }
    if !stream.fill_buf()?.is_empty() {
        let why = format!("something follows the message of {announced} bytes that it announces");
        return Err(malformed(why));
    }
    Ok(message)
}

/// Reads up to the message, and returns the announced length.
fn read_headers(stream: &mut impl BufRead) -> io::Result<u64> {
    let mut left = HEADER_LIMIT;
    let mut announced = None;
    for line in 1.. {
        let mut bytes = Vec::new();
        left -= stream.take(left).read_until(b'\n', &mut bytes)? as u64;
        if !bytes.ends_with(b"\n") {
            return Err(malformed(match left {
                0 => format!("its headers take more than {HEADER_LIMIT} bytes"),
                _ => "it ended before the empty line that ends the headers".into(),
            }));
        }
        let no_header = || {
            malformed(format!(
                "line {line} is not a header: `Name: value`, ended by CR LF"
            ))
        };
        let header = bytes.strip_suffix(b"\r\n").ok_or_else(no_header)?;
        if header.is_empty() {
            break;
        }
        let header = str::from_utf8(header)
            .ok()
            .and_then(|it| it.split_once(':'));
        let (name, value) = header.ok_or_else(no_header)?;
        if name.eq_ignore_ascii_case(LENGTH) && announced.replace(length(value.trim())?).is_some() {
            return Err(malformed(format!("it has more than one header `{LENGTH}`")));
        }
    }
    announced.ok_or_else(|| malformed(format!("it has no header `{LENGTH}`")))
}

fn length(value: &str) -> io::Result<u64> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed(format!("its `{LENGTH}` is not a whole number")));
    }
    let length = value.parse().ok().filter(|length| *length <= MESSAGE_LIMIT);
    length.ok_or_else(|| {
        malformed(format!(
            "it announces a message of more than {MESSAGE_LIMIT} bytes, which is the limit"
        ))
    })
}

fn malformed(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Writes one message.
///
/// # Errors
///
/// When it cannot be written completely.
pub fn write(mut stream: impl Write, message: &[u8]) -> io::Result<()> {
    // In one piece, so that a reader never sees a length without its message.
    let mut frame = format!("{LENGTH}: {}\r\n\r\n", message.len()).into_bytes();
    frame.extend_from_slice(message);
    stream.write_all(&frame)?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_message_can_be_read() {
        for message in [&b""[..], b"{}", "x".repeat(100_000).as_bytes()] {
            let mut stream = Vec::new();
            write(&mut stream, message).expect("written");
            assert_eq!(read(&stream[..]).expect("a message"), message);
        }
    }

    #[test]
    fn other_headers_and_blanks_are_ignored() {
        for stream in [
            "Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
            "X: \r\ncontent-length:\t 002 \r\n\r\n{}",
        ] {
            assert_eq!(read(stream.as_bytes()).expect("a message"), b"{}");
        }
    }

    #[test]
    fn a_malformed_stream_is_an_error_with_its_cause() {
        let endless = "X: y\r\n".repeat(10_000);
        for (stream, says) in [
            ("", "ended before"),
            ("{}", "ended before"),
            ("{}\n", "line 1 is not a header"),
            ("Content-Length: 2\n\n{}", "line 1 is not a header"),
            ("Content-Length 2\r\n\r\n{}", "line 1 is not a header"),
            ("A: b\r\nnothing\r\n\r\n", "line 2 is not a header"),
            ("\r\n{}", "no header `Content-Length`"),
            ("Content-Type: x\r\n\r\n{}", "no header `Content-Length`"),
            (
                "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
                "more than one",
            ),
            (
                "Content-Length: 2\r\ncontent-length: 3\r\n\r\n{}",
                "more than one",
            ),
            ("Content-Length: \r\n\r\n{}", "not a whole number"),
            ("Content-Length: -2\r\n\r\n{}", "not a whole number"),
            ("Content-Length: +2\r\n\r\n{}", "not a whole number"),
            ("Content-Length: 2.0\r\n\r\n{}", "not a whole number"),
            ("Content-Length: 0x2\r\n\r\n{}", "not a whole number"),
            ("Content-Length: 2 2\r\n\r\n{}", "not a whole number"),
            ("Content-Length: 1073741824\r\n\r\n{}", "the limit"),
            (
                "Content-Length: 99999999999999999999999\r\n\r\n{}",
                "the limit",
            ),
            ("Content-Length: 3\r\n\r\n{}", "of 3 bytes and ends after 2"),
            ("Content-Length: 1\r\n\r\n{}", "something follows"),
            ("Content-Length: 2\r\n\r\n{}\n", "something follows"),
            ("Content-Length: 2\r\n", "ended before"),
            (&endless, "more than 8192 bytes"),
            (&"x".repeat(100_000), "more than 8192 bytes"),
        ] {
            let error = read(stream.as_bytes()).expect_err(stream).to_string();
            assert!(error.contains(says), "{stream:.60}: {error}");
        }
        let error = read(&b"\xff: x\r\n\r\n"[..]).expect_err("no text");
        assert!(
            error.to_string().contains("line 1 is not a header"),
            "{error}"
        );
    }

    #[test]
    fn an_announced_length_allocates_no_memory() {
        /// Gives single bytes, and counts.
        struct Trickle<'a>(&'a [u8], usize);
        impl Read for Trickle<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                self.1 += 1;
                let given = (&self.0[..self.0.len().min(1)]).read(into)?;
                self.0 = &self.0[given..];
                Ok(given)
            }
        }
        let mut stream = Trickle(b"Content-Length: 4194305\r\n\r\nxxxxxxxxxx", 0);
        let error = read(&mut stream).expect_err("too large").to_string();
        assert!(error.contains("the limit"), "{error}");
        assert_eq!(
            stream.0, b"\r\nxxxxxxxxxx",
            "nothing is read after the length"
        );
        let trickled = read(Trickle(b"Content-Length: 2\r\n\r\n{}", 0));
        assert_eq!(trickled.expect("a message"), b"{}");
    }
}
