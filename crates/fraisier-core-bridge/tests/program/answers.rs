//! Every method, with what was recorded and with reports that are damaged.

use std::fmt::Debug;

use fraisier_core::adapter_axes::{AdapterError, AdapterErrorKind, MigrationAdapter, Revision};
use serde::Serialize;

use crate::stand_in::{Recorded, StandIn, newest};

/// What a call came to, comparable whatever the method.
type Answer = Result<String, AdapterError>;

fn text<T: Serialize + Debug>(answer: Result<T, AdapterError>) -> Answer {
    answer.map(|result| serde_json::to_string(&result).expect("serialised"))
}

/// Makes the call that was recorded.
async fn call(adapter: &dyn MigrationAdapter, stand_in: &StandIn, recorded: &Recorded) -> Answer {
    let ctx = stand_in.ctx();
    let argv = &recorded.argv;
    let after = |flag: &str| {
        let at = argv.iter().position(|arg| arg == flag)?;
        argv.get(at + 1).map(|target| Revision::new(target.clone()))
    };
    match argv[1].as_str() {
        "current" => text(adapter.current_revision(&ctx).await),
        "up" => text(adapter.up(&ctx, after("--target")).await),
        "down-to" => {
            let target = after("--").expect("a target");
            text(adapter.down_to(&ctx, target).await)
        }
        "verify" => text(adapter.verify(&ctx).await),
        "preflight" => text(adapter.preflight(&ctx).await),
        other => panic!("no method of the adapter calls {other}"),
    }
}

/// Both ways into the engine give the same answer; of an error, the program leaves the kind out.
async fn agree(stand_in: &StandIn, recorded: &Recorded, what: &str) -> Answer {
    let theirs = call(&stand_in.client(), stand_in, recorded).await;
    let ours = call(&stand_in.compiled_in(), stand_in, recorded).await;
    match (&theirs, &ours) {
        (Ok(theirs), Ok(ours)) => assert_eq!(theirs, ours, "{what}"),
        (Err(theirs), Err(ours)) => {
            assert_eq!(theirs.kind, AdapterErrorKind::Remote, "{what}");
            assert_eq!(theirs.code, ours.code, "{what}");
            assert_eq!(theirs.message, ours.message, "{what}");
            assert_eq!(theirs.adapter.as_deref(), Some("confiture-ipc"), "{what}");
            let evidence = ours.stderr.as_deref().unwrap_or_default().trim_end();
            let shown = theirs.stderr.as_deref().unwrap_or_default();
            assert!(shown.contains(evidence), "{what}: {shown} lacks {evidence}");
            assert!(!format!("{theirs:?}").contains("s3cr3t"), "{what}");
        }
        _ => panic!("{what}: {theirs:?} through the program, {ours:?} compiled in"),
    }
    theirs
}

#[tokio::test]
async fn recorded_results_equal_those_compiled_in() {
    let (mut results, mut errors) = (0, 0);
    for operation in ["current", "up", "down-to", "verify", "preflight"] {
        for (name, calls) in newest(operation) {
            let stand_in = StandIn::new();
            for recorded in calls.iter().rev() {
                stand_in.plays(recorded, recorded.report().as_deref());
            }
            match agree(&stand_in, &calls[0], &name).await {
                Ok(_) => results += 1,
                Err(_) => errors += 1,
            }
        }
    }
    println!("{results} results and {errors} errors agree");
    assert!(results > 30 && errors > 15, "{results} and {errors}");
}

#[tokio::test]
async fn a_damaged_report_is_a_numbered_error() {
    for (operation, case) in [
        ("current", "/at-head/"),
        ("up", "/all/"),
        ("down-to", "/first/"),
        ("verify", "/true/"),
        ("preflight", "/create-table/"),
    ] {
        let cases = newest(operation);
        let found = cases.iter().find(|(name, _)| name.contains(case));
        let recorded = &found.expect("the case").1[0];
        let whole = recorded.report().expect("a report");
        let half = &whole[..whole.len() / 2];
        let not_utf8 = [&whole[..whole.len() - 1], b", \"x\": \"\xff\"}"].concat();
        let twice = [&whole[..], &whole[..]].concat();
        for (damage, report) in [
            ("none", None),
            ("an empty one", Some(&b""[..])),
            ("half of one", Some(half)),
            ("an empty object", Some(&b"{}"[..])),
            ("a list", Some(&b"[]"[..])),
            ("null", Some(&b"null"[..])),
            ("no JSON", Some(&b"Content-Length: 2\r\n\r\n{}"[..])),
            ("not UTF-8", Some(&not_utf8[..])),
            ("two", Some(&twice[..])),
        ] {
            let stand_in = StandIn::new();
            stand_in.plays(recorded, report);
            let what = format!("{operation}, {damage}");
            let answer = agree(&stand_in, recorded, &what).await;
            let error = answer.expect_err(&what);
            assert!((-32099..=-32000).contains(&error.code), "{what}: {error:?}");
        }
    }
}

#[tokio::test]
async fn calls_without_a_command_have_a_response() {
    let stand_in = StandIn::new();
    let (client, compiled_in) = (stand_in.client(), stand_in.compiled_in());
    assert_eq!(
        text(client.describe().await).expect("described"),
        text(compiled_in.describe().await).expect("described"),
    );
    client.post_migrate(&stand_in.ctx()).await.expect("nothing");
}

#[tokio::test]
async fn a_bad_variable_is_an_error_of_every_method() {
    let stand_in = StandIn::new();
    let client = stand_in
        .client()
        .with_env("FRAISIER_CONFITURE_TIMEOUT", "now");
    let ctx = stand_in.ctx();
    let target = || Revision::new("001");
    for error in [
        client.describe().await.expect_err("describe"),
        client.current_revision(&ctx).await.expect_err("current"),
        client.up(&ctx, None).await.expect_err("up"),
        client.down_to(&ctx, target()).await.expect_err("down_to"),
        client.verify(&ctx).await.expect_err("verify"),
        client.preflight(&ctx).await.expect_err("preflight"),
        client.post_migrate(&ctx).await.expect_err("post_migrate"),
    ] {
        assert_eq!(error.kind, AdapterErrorKind::Remote);
        assert_eq!(error.code, AdapterErrorKind::InvalidConfig.code());
        assert!(
            error.message.contains("FRAISIER_CONFITURE_TIMEOUT"),
            "{error:?}"
        );
    }
}
