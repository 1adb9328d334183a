//! Their framing against ours.

use std::io::Write as _;
use std::process::{Command, Stdio};

use fraisier_ipc::server::{read_framed, write_framed};
use serde_json::{Value, json};

use crate::stand_in::program;

/// What the program writes when it reads these bytes.
fn written(input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("a pipe");
    // One that answers early does not read all.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("its output").stdout
}

/// The response to a message that they framed, read by them.
fn response(message: &[u8]) -> Value {
    let mut framed = Vec::new();
    write_framed(&mut framed, message).expect("written");
    let answered = written(&framed);
    let body = read_framed(&mut &answered[..]).expect("their framing");
    let mut again = Vec::new();
    write_framed(&mut again, &body).expect("written");
    assert_eq!(again, answered, "the same message in their framing");
    serde_json::from_slice(&body).expect("JSON")
}

#[test]
fn frames_are_compatible_in_both_directions() {
    for id in [
        json!(1),
        json!("é\u{1f353}\r\n\r\n"),
        json!(null),
        json!(-7.5),
    ] {
        let method = format!("no such method {}", "é".repeat(2000));
        let request =
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {}}).to_string();
        let response = response(request.as_bytes());
        assert_eq!(response["id"], id);
        assert_eq!(response["error"]["code"], -32601, "{response}");
    }
}

#[test]
fn malformed_requests_have_readable_responses() {
    for (message, code) in [
        (&b""[..], -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[]", -32600),
        (b"null", -32600),
        (br#"{"jsonrpc":"1.0","id":1,"method":"up"}"#, -32600),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"up","params":{}}"#,
            -32602,
        ),
    ] {
        let response = response(message);
        assert_eq!(response["error"]["code"], code, "{response}");
    }
    let answered = written(b"no frame at all");
    let body = read_framed(&mut &answered[..]).expect("their framing");
    let response: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(response["error"]["code"], -32700, "{response}");
}
