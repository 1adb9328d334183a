use fraisier_adapter_api::AdapterErrorKind;

use super::*;

const CTX: &str = r#"{"fraise":"shop","environment":"test","host":null,"workdir":".",
    "migrations_path":null,"env_secrets":{"DATABASE_URL":"DATABASE_URL"},"previous_revision":null,
    "artifact_ref":null,"settings":{}}"#;

fn with(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

fn refused(message: &str) -> (String, AdapterError) {
    let Refusal { id, error } = parse(message.as_bytes()).expect_err(message);
    (id.0.get().to_owned(), error)
}

#[test]
fn every_method_is_understood() {
    let ctx = format!(r#"{{"ctx":{CTX}}}"#);
    for (method, params) in [
        ("describe", "{}"),
        ("describe", "null"),
        ("current_revision", ctx.as_str()),
        ("up", &ctx),
        ("up", &format!(r#"{{"ctx":{CTX},"target":null}}"#)),
        ("up", &format!(r#"{{"ctx":{CTX},"target":"002"}}"#)),
        (
            "down_to",
            &format!(r#"{{"target":"002","ctx":{CTX},"more":1}}"#),
        ),
        ("verify", &ctx),
        ("preflight", &ctx),
        ("post_migrate", &ctx),
    ] {
        let request = parse(with(method, params).as_bytes()).expect(method);
        assert_eq!(request.call.method(), method);
        assert_eq!(request.id.0.get(), "1");
        match request.call {
            Call::Up(ctx, target) => {
                assert_eq!(ctx.fraise, "shop");
                assert_eq!(target.is_some(), params.contains("002"));
            }
            Call::DownTo(_, target) => assert_eq!(target.as_str(), "002"),
            _ => {}
        }
    }
}

#[test]
fn describe_needs_no_params() {
    let message = br#"{"method":"describe","id":"a","jsonrpc":"2.0"}"#;
    assert!(matches!(
        parse(message).expect("a request").call,
        Call::Describe
    ));
}

#[test]
fn an_id_is_returned_unchanged() {
    for id in [
        "1",
        "-1",
        "1.50",
        "123456789012345678901234567890",
        "1e2",
        r#""a\u0062""#,
        "\"\"",
        "null",
    ] {
        let message = format!(r#"{{"jsonrpc":"2.0","id": {id} ,"method":"describe"}}"#);
        assert_eq!(parse(message.as_bytes()).expect(id).id.0.get(), id);
        let (kept, _) = refused(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"x"}}"#));
        assert_eq!(kept, id);
    }
    for id in ["true", "false", "{}", "[1]"] {
        let (kept, error) = refused(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"describe"}}"#
        ));
        assert_eq!((kept.as_str(), error.code), ("null", INVALID_REQUEST));
    }
}

/// A message, the number and the `id` that it is refused with, and what is said.
type Case<'a> = (&'a str, i32, &'a str, &'a str);

fn check(cases: &[Case<'_>]) {
    for &(message, code, id, says) in cases {
        let (kept, error) = refused(message);
        assert_eq!(
            (error.code, kept.as_str()),
            (code, id),
            "{message:.80}: {error}"
        );
        assert!(error.message.contains(says), "{message:.80}: {error}");
        assert!(error.message.len() < 600, "{error}");
        if code != -32601 {
            assert!(error.message.contains("nothing was started"), "{error}");
            assert_eq!(error.kind, AdapterErrorKind::Protocol);
        }
    }
}

#[test]
fn invalid_requests_have_the_numbers_of_json_rpc() {
    let deep = format!("{}1{}", "[".repeat(1000), "]".repeat(1000));
    check(&[
        ("", PARSE_ERROR, "null", "not JSON"),
        ("{", PARSE_ERROR, "null", "not JSON"),
        ("{}{}", PARSE_ERROR, "null", "not JSON"),
        (deep.as_str(), PARSE_ERROR, "null", "not JSON"),
        (r#"{"id":1,}"#, PARSE_ERROR, "null", "not JSON"),
        (
            r#"{"jsonrpc":"2.0","id":1e999,"method":"describe"}"#,
            PARSE_ERROR,
            "null",
            "not JSON",
        ),
        (r#""describe""#, INVALID_REQUEST, "null", "not an object"),
        ("null", INVALID_REQUEST, "null", "not an object"),
        ("[]", INVALID_REQUEST, "null", "a batch"),
        (
            &format!("[{}]", with("describe", "{}")),
            INVALID_REQUEST,
            "null",
            "a batch",
        ),
        ("{}", INVALID_REQUEST, "null", "a notification"),
        (
            r#"{"jsonrpc":"2.0","method":"describe"}"#,
            INVALID_REQUEST,
            "null",
            "a notification",
        ),
        (
            r#"{"id":1,"method":"describe"}"#,
            INVALID_REQUEST,
            "1",
            "`jsonrpc`",
        ),
        (
            r#"{"jsonrpc":"1.0","id":1,"method":"describe"}"#,
            INVALID_REQUEST,
            "1",
            "`jsonrpc`",
        ),
        (
            r#"{"jsonrpc":2.0,"id":1,"method":"describe"}"#,
            INVALID_REQUEST,
            "1",
            "`jsonrpc`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1}"#,
            INVALID_REQUEST,
            "1",
            "`method`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":null}"#,
            INVALID_REQUEST,
            "1",
            "`method`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":["describe"]}"#,
            INVALID_REQUEST,
            "1",
            "`method`",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"describe"}"#,
            INVALID_REQUEST,
            "null",
            "twice",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"describe","m\u0065thod":"up"}"#,
            INVALID_REQUEST,
            "null",
            "twice",
        ),
        (
            &with("describe", r#"{"x":[{"a":1,"a":2}]}"#),
            INVALID_REQUEST,
            "null",
            "twice",
        ),
        (
            &with("up", &format!(r#"{{"ctx":{CTX},"ctx":{CTX}}}"#)),
            INVALID_REQUEST,
            "null",
            "twice",
        ),
    ]);
    let error = parse(b"{\"id\": \"\xff\"}").expect_err("no UTF-8").error;
    assert_eq!(error.code, PARSE_ERROR);
}

#[test]
fn an_unknown_method_differs_from_invalid_params() {
    let short_of = |field: &str| {
        let ctx = CTX.replace(&format!("\"{field}\":"), "\"other\":");
        with("verify", &format!(r#"{{"ctx":{ctx}}}"#))
    };
    check(&[
        (&with("DESCRIBE", "{}"), -32601, "1", "`DESCRIBE`"),
        (&with("", "{}"), -32601, "1", "``"),
        (
            &with(&"x".repeat(100_000), "{}"),
            -32601,
            "1",
            "does not implement",
        ),
        (
            &with("describe", "[]"),
            INVALID_PARAMS,
            "1",
            "not an object",
        ),
        (&with("describe", "7"), INVALID_PARAMS, "1", "not an object"),
        (
            &with("verify", "null"),
            INVALID_PARAMS,
            "1",
            "not an object",
        ),
        (&with("verify", "{}"), INVALID_PARAMS, "1", "`ctx`"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"verify"}"#,
            INVALID_PARAMS,
            "1",
            "`ctx`",
        ),
        (
            &with("verify", r#"{"ctx":null}"#),
            INVALID_PARAMS,
            "1",
            "null",
        ),
        (
            &with("verify", &format!("[{CTX}]")),
            INVALID_PARAMS,
            "1",
            "not an object",
        ),
        (&short_of("fraise"), INVALID_PARAMS, "1", "`fraise`"),
        (
            &short_of("environment"),
            INVALID_PARAMS,
            "1",
            "`environment`",
        ),
        (&short_of("workdir"), INVALID_PARAMS, "1", "`workdir`"),
        (
            &with("up", &format!(r#"{{"ctx":{CTX},"target":2}}"#)),
            INVALID_PARAMS,
            "1",
            "a string",
        ),
        (
            &with("down_to", &format!(r#"{{"ctx":{CTX},"target":null}}"#)),
            INVALID_PARAMS,
            "1",
            "a string",
        ),
        (
            &with("down_to", &format!(r#"{{"ctx":{CTX}}}"#)),
            INVALID_PARAMS,
            "1",
            "`target`",
        ),
    ]);
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let ctx = CTX.replace(
        r#"{"DATABASE_URL":"DATABASE_URL"}"#,
        r#""postgresql://app:hunter2@db/shop""#,
    );
    let (_, error) = refused(&with("verify", &format!(r#"{{"ctx":{ctx}}}"#)));
    assert!(!error.message.contains("hunter2"), "{error}");
}
