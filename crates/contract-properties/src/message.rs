//! Whatever is on its standard input, the program reads exactly one message or none.

use arbitrary::Unstructured;
use fraisier_adapter_confiture_ipc::{frame, request};
use serde_json::Value;

use crate::Libpq;
use crate::bytes::below;

pub(crate) fn check(input: &[u8], _: Libpq) {
    let mut bytes = Unstructured::new(input);
    let framed = below(&mut bytes, 2) == 1;
    let rest = bytes.take_rest();
    if framed {
        stream(rest);
    } else {
        let mut written = Vec::new();
        frame::write(&mut written, rest).expect("written");
        assert_eq!(frame::read(&written[..]).expect("a message"), rest);
        message(rest);
    }
}

/// Checks that a message that was read has the announced length, and that nothing follows it.
fn stream(stream: &[u8]) {
    let Ok(read) = frame::read(stream) else {
        return;
    };
    let shown = String::from_utf8_lossy(stream);
    let (headers, _) = shown.split_once("\r\n\r\n").expect("an empty line");
    let at = stream.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    assert_eq!(at.map(|at| &stream[at + 4..]), Some(&read[..]), "{shown:?}");
    let lengths = headers.split("\r\n").filter_map(|header| {
        let (name, value) = header.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().expect("a length"))
    });
    assert_eq!(lengths.collect::<Vec<_>>(), [read.len()], "{shown:?}");
    message(&read);
}

/// Checks that a request decides the call, and that a refusal has a JSON-RPC error code.
fn message(message: &[u8]) {
    let shown = String::from_utf8_lossy(message);
    match request::parse(message) {
        Ok(request) => {
            let said: Value = serde_json::from_slice(message).expect(&shown);
            assert_eq!(said["jsonrpc"], "2.0", "{shown}");
            assert_eq!(
                serde_json::to_value(&request.id).expect("JSON"),
                said["id"],
                "{shown}"
            );
        }
        Err(refusal) => {
            let reserved = [-32700, -32600, -32601, -32602];
            assert!(reserved.contains(&refusal.error.code), "{shown}");
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let ctx = r#"{"fraise":"shop","environment":"production","host":null,"workdir":".",
        "migrations_path":null,"env_secrets":{"DATABASE_URL":"DATABASE_URL"},
        "previous_revision":null,"artifact_ref":null,"settings":{}}"#;
    let messages = [
        r#"{"jsonrpc":"2.0","id":1,"method":"describe","params":{}}"#.to_owned(),
        format!(
            r#"{{"jsonrpc":"2.0","id":"a","method":"up","params":{{"ctx":{ctx},"target":null}}}}"#
        ),
        format!(
            r#"{{"jsonrpc":"2.0","id":2,"method":"down_to","params":{{"ctx":{ctx},"target":"001"}}}}"#
        ),
        format!(r#"{{"jsonrpc":"2.0","id":null,"method":"verify","params":{{"ctx":{ctx}}}}}"#),
    ];
    let mut seeds = Vec::new();
    for message in messages {
        let header = format!("Content-Length: {}\r\n\r\n", message.len());
        seeds.push([b"\x01", header.as_bytes(), message.as_bytes()].concat());
        seeds.push([b"\x00", message.as_bytes()].concat());
    }
    seeds
}
