//! Requests that are none: each gets an error of JSON-RPC, at once, and starts nothing.

use std::time::Instant;

use crate::support::{PATIENCE, Stage, framed};

const FRAMING: i64 = -32700;
const REQUEST: i64 = -32600;
const METHOD: i64 = -32601;
const PARAMS: i64 = -32602;

const CTX: &str = r#"{"fraise":"shop","environment":"test","host":null,"workdir":".","migrations_path":null,"env_secrets":{},"previous_revision":null,"artifact_ref":null,"settings":{}}"#;

/// What is sent, and the number of the error that it deserves.
type Case = (Vec<u8>, i64);

/// Streams that hold no message.
fn streams() -> Vec<Case> {
    let good = framed(r#"{"jsonrpc":"2.0","id":1,"method":"describe"}"#);
    let body = &good[good.len() - 44..];
    let with = |headers: &str| [headers.as_bytes(), body].concat();
    let mut cases = vec![
        Vec::new(),
        body.to_vec(),
        with("\r\n"),
        with("Content-Length: 44\n\n"),
        with("Content-Length: 44\r\r"),
        with("Content-Length; 44\r\n\r\n"),
        with("Content-Length: 44\r\nContent-Length: 44\r\n\r\n"),
        with("Content-Length: 44\r\ncontent-length: 3\r\n\r\n"),
        with("Content-Type: application/json\r\n\r\n"),
        with("Content-Length: 43\r\n\r\n"),
        with("Content-Length: 45\r\n\r\n"),
        with("Content-Length: 0\r\n\r\n"),
        with("Content-Length: \u{664}\r\n\r\n"),
        with("\u{feff}Content-Length: 44\r\n\r\n"),
        [good.clone(), b"\n".to_vec()].concat(),
        [good.clone(), good.clone()].concat(),
        with(&"X: y\r\n".repeat(5000)),
        vec![b'x'; 1_000_000],
        vec![0; 1_000_000],
        [
            &b"Content-Length: 2000000000\r\n\r\n"[..],
            &vec![b' '; 5_000_000],
        ]
        .concat(),
        [&b"\xff\xfe: 1\r\n\r\n"[..], body].concat(),
    ];
    for length in [
        "",
        "-44",
        "+44",
        "44.0",
        "4e1",
        "0x2c",
        "44 44",
        "44,44",
        "\"44\"",
        "null",
        "NaN",
        "1073741824",
        "4194305",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "99999999999999999999999999999999999999",
    ] {
        cases.push(with(&format!("Content-Length: {length}\r\n\r\n")));
    }
    // A stream that ends too early, wherever it does.
    cases.extend((0..good.len()).map(|end| good[..end].to_vec()));
    cases.into_iter().map(|stream| (stream, FRAMING)).collect()
}

/// Messages that are not JSON.
fn texts() -> Vec<Case> {
    let deep = "[".repeat(100_000);
    let texts = [
        "",
        " ",
        "{",
        "}",
        "{]",
        "nul",
        "'x'",
        "{'id':1}",
        "{\"id\":1,}",
        "{}{}",
        "{} x",
        "\u{feff}{}",
        "{\"id\":01}",
        "{\"id\":.5}",
        "{\"id\":1e999}",
        "{\"id\":\"\\ud800\"}",
        "{\"id\":\"\u{1}\"}",
        "{\"id\":NaN}",
        "{\"id\":\"",
        "// c\n{}",
        deep.as_str(),
    ];
    let mut cases: Vec<_> = texts.map(framed).into();
    for bytes in [
        &b"\xff"[..],
        b"{\"id\":\"\xc3\x28\"}",
        b"\xed\xa0\x80",
        b"{\"\x80\":1}",
    ] {
        cases.push(
            [
                format!("Content-Length: {}\r\n\r\n", bytes.len()).as_bytes(),
                bytes,
            ]
            .concat(),
        );
    }
    cases.into_iter().map(|stream| (stream, FRAMING)).collect()
}

/// JSON that is not a request.
fn envelopes() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in [
        "null",
        "true",
        "0",
        "-1.5",
        "\"describe\"",
        "[]",
        "[1]",
        "[{}]",
        "{}",
        "{\"a\":{}}",
    ] {
        cases.push((framed(text), REQUEST));
    }
    for version in [
        "\"1.0\"", "\"2\"", "\"2.0 \"", "2.0", "2", "null", "[]", "{}", "\"\"",
    ] {
        let text = format!(r#"{{"jsonrpc":{version},"id":1,"method":"describe"}}"#);
        cases.push((framed(&text), REQUEST));
    }
    for id in ["true", "false", "{}", "[]", "[1]", "{\"a\":1}"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"describe"}}"#);
        cases.push((framed(&text), REQUEST));
    }
    for method in ["null", "1", "[]", "{}", "true", "[\"describe\"]"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":{method}}}"#);
        cases.push((framed(&text), REQUEST));
    }
    for method in [
        "",
        " ",
        "x",
        "Describe",
        "describe ",
        "current",
        "down-to",
        "rpc.discover",
        "shutdown",
        "up\\u0000",
        "../up",
        "initialize",
    ] {
        for params in ["{}", "null", "[]"] {
            let text =
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
            cases.push((framed(&text), METHOD));
        }
    }
    for text in [
        r#"{"jsonrpc":"2.0","method":"describe"}"#.to_owned(),
        format!(r#"{{"jsonrpc":"2.0","method":"up","params":{{"ctx":{CTX}}}}}"#),
        r#"{"jsonrpc":"2.0","id":1,"method":"describe","method":"describe"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"describe"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"describe"}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"describe","params":{},"params":{}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"method":"describe","x":{"a":1,"\u0061":1}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"result":null}"#.to_owned(),
        r#"[{"jsonrpc":"2.0","id":1,"method":"describe"}]"#.to_owned(),
    ] {
        cases.push((framed(&text), REQUEST));
    }
    cases
}

/// Requests with other parameters than the method has.
fn parameters() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |method: &str, params: &str, code| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        cases.push((framed(&text), code));
    };
    for params in ["[]", "1", "\"x\"", "true"] {
        add("describe", params, PARAMS);
    }
    let double = format!(r#"{{"ctx":{CTX},"ctx":{CTX}}}"#);
    let twice = CTX.replace("\"fraise\"", "\"host\":null,\"fraise\"");
    for method in [
        "current_revision",
        "up",
        "down_to",
        "verify",
        "preflight",
        "post_migrate",
    ] {
        for params in [
            "null",
            "[]",
            "{}",
            "1",
            "{\"ctx\":null}",
            "{\"ctx\":[]}",
            "{\"ctx\":\"x\"}",
        ] {
            add(method, params, PARAMS);
        }
        add(method, &double, REQUEST);
        add(
            method,
            &format!(r#"{{"target":"1","ctx":{twice}}}"#),
            REQUEST,
        );
        for (field, value) in [
            ("fraise", "\"shop\""),
            ("environment", "\"test\""),
            ("workdir", "\".\""),
        ] {
            let pair = format!("\"{field}\":{value}");
            for instead in [
                "\"x\":1".to_owned(),
                format!("\"{field}\":null"),
                format!("\"{field}\":7"),
            ] {
                let ctx = CTX.replace(&pair, &instead);
                add(method, &format!(r#"{{"target":"1","ctx":{ctx}}}"#), PARAMS);
            }
        }
        for wrong in ["[]", "7", "{\"A\":1}", "\"x\""] {
            let ctx = CTX.replace("\"env_secrets\":{}", &format!("\"env_secrets\":{wrong}"));
            add(method, &format!(r#"{{"target":"1","ctx":{ctx}}}"#), PARAMS);
        }
    }
    for target in ["1", "[]", "{}", "true"] {
        for method in ["up", "down_to"] {
            add(
                method,
                &format!(r#"{{"ctx":{CTX},"target":{target}}}"#),
                PARAMS,
            );
        }
    }
    add(
        "down_to",
        &format!(r#"{{"ctx":{CTX},"target":null}}"#),
        PARAMS,
    );
    add("down_to", &format!(r#"{{"ctx":{CTX}}}"#), PARAMS);
    cases
}

#[test]
fn malformed_messages_are_errors_and_start_nothing() {
    let stage = Stage::new("touch \"$stage/started\"");
    let cases = [streams(), texts(), envelopes(), parameters()].concat();
    assert!(cases.len() >= 200, "{}", cases.len());
    for (stream, code) in &cases {
        let began = Instant::now();
        let answered = stage.answer(stream);
        let shown = String::from_utf8_lossy(&stream[..stream.len().min(300)]);
        assert_eq!(answered.code(), *code, "{shown}: {}", answered.response);
        assert_eq!(answered.status, Some(1), "{shown}");
        assert!(
            answered.message().len() < 600,
            "{shown}: {}",
            answered.message()
        );
        assert_eq!(answered.stderr, "", "{shown}");
        assert!(began.elapsed() < PATIENCE);
    }
    assert!(!stage.path("started").exists(), "confiture was started");
}
