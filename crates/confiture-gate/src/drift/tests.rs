use super::*;
use crate::tests::{call_of, recording};

/// The ids of the differences between two calls.
fn ids(before: &RecordedCall, now: &RecordedCall) -> Vec<String> {
    let findings = drift(&recording(before), &recording(now));
    findings.iter().map(|finding| finding.change.id()).collect()
}

const SAFE: &str = r#"{"ok": true, "window_safe": true, "issues": [{"code": "A"}]}"#;

#[test]
fn equal_calls_have_no_changes() {
    let call = call_of(0, Some(SAFE), "done");
    assert!(ids(&call, &call).is_empty());
    let reordered = r#"{"issues": [{"code": "A"}], "window_safe": true, "ok": true}"#;
    assert!(ids(&call, &call_of(0, Some(reordered), "done")).is_empty());
}

#[test]
fn each_change_has_a_name() {
    let before = call_of(0, Some(SAFE), "done");
    for (now, expected) in [
        (
            call_of(
                0,
                Some(r#"{"ok": true, "issues": [{"code": "A"}]}"#),
                "done",
            ),
            &["field-gone:window_safe"][..],
        ),
        (
            call_of(0, Some(&SAFE.replace("window_safe", "windowSafe")), "done"),
            &["field-renamed:window_safe:windowSafe"],
        ),
        (
            call_of(
                0,
                Some(&SAFE.replace("true, \"iss", "\"true\", \"iss")),
                "done",
            ),
            &["field-retyped:window_safe:boolean:string"],
        ),
        (
            call_of(
                0,
                Some(&SAFE.replace("\"ok\": true", "\"ok\": true, \"ok\": true")),
                "done",
            ),
            &["field-doubled:ok"],
        ),
        (
            call_of(
                0,
                Some(&SAFE.replace("{\"ok\"", "{\"parser\": {}, \"ok\"")),
                "done",
            ),
            &["field-new:parser"],
        ),
        (
            call_of(0, Some(&SAFE.replace("\"A\"", "\"B\"")), "done"),
            &["issue-gone:A", "issue-new:B"],
        ),
        (call_of(7, Some(SAFE), "done"), &["exit:0:7"]),
        (call_of(139, Some(SAFE), "done"), &["signal:11"]),
        (call_of(0, None, "done"), &["no-report"]),
        (call_of(0, Some(&SAFE[..20]), "done"), &["broken-report"]),
        (call_of(0, Some(SAFE), "finished"), &["wording:stdout"]),
    ] {
        assert_eq!(ids(&before, &now), expected);
    }
}

#[test]
fn a_code_in_place_of_a_report_is_one_change() {
    let envelope = r#"{"ok": false, "error": {"code": "LOCK_1300", "message": "held"}}"#;
    let before = call_of(0, Some(SAFE), "");
    let now = call_of(6, Some(envelope), "");
    assert_eq!(ids(&before, &now), ["exit:0:6", "code:none:LOCK_1300"]);
    let other = call_of(6, Some(&envelope.replace("1300", "1301")), "");
    assert_eq!(ids(&now, &other), ["code:LOCK_1300:LOCK_1301"]);
}

#[test]
fn a_usage_error_names_the_refused_option() {
    let before = call_of(0, Some(SAFE), "");
    for (text, what) in [
        (
            "╭─ Error ─╮\n│ No such option: --no-config │\n╰─╯",
            "--no-config",
        ),
        ("No such command 'preflight'.", "preflight"),
        ("Got unexpected extra argument (001)", "001"),
    ] {
        let mut now = call_of(2, None, "");
        now.stderr = text.into();
        assert_eq!(ids(&before, &now)[0], format!("refused:{what}"));
    }
}

#[test]
fn help_pages_are_compared_by_their_options() {
    let page = |text: &str| {
        let mut call = call_of(0, None, text);
        call.argv = ["migrate", "up", "--help"].map(str::to_owned).to_vec();
        call
    };
    let before = page("--target -t <str>\n--output -o <path>\n");
    let now = page("--output -o <path>\n--foo <str>\n");
    assert_eq!(
        ids(&before, &now),
        ["option-gone:--target -t <str>", "option-new:--foo <str>"]
    );
}
