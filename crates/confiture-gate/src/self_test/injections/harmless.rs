//! Controls: what changes from release to release and harms nobody.

use serde_json::json;

use super::injection::Injection;
use crate::wrapper::tamper::Act;

pub(super) fn injections() -> Vec<Injection> {
    let mut all = Vec::new();
    for call in ["current", "up", "down-to", "verify", "preflight"] {
        all.extend([
            Injection::harmless(
                call,
                Act::Add(String::new(), "elapsed_ms".to_owned(), json!(7)),
            ),
            Injection::harmless(call, Act::ReverseKeys),
            Injection::harmless(call, Act::Prepend("confiture says hello".to_owned())),
            Injection::harmless(call, Act::Warn("DeprecationWarning: soon".to_owned())),
        ]);
    }
    let add = |call, path: &str| {
        Injection::harmless(
            call,
            Act::Add(path.to_owned(), "note".to_owned(), json!("new")),
        )
    };
    let replace = |call, from: &str, to: &str| {
        Injection::harmless(call, Act::Replace(from.to_owned(), to.to_owned()))
    };
    all.extend([
        Injection::harmless("*", Act::Compact),
        add("up", "applied[]"),
        add("verify", "results[]"),
        add("preflight", "summary"),
        add("preflight", "issues[]"),
        add("preflight", "change_set"),
        add("preflight", "change_set.changes[]"),
        Injection::harmless(
            "preflight",
            Act::Push(
                "issues".to_owned(),
                json!({"severity": "info", "code": "PFLIGHT_NEWS", "message": "new", "migration": null,
                    "file": null, "line": null, "actionable": null, "details": {}}),
            ),
        ),
        Injection::harmless("preflight", Act::Reverse("issues".to_owned())),
        Injection::harmless("preflight", Act::Reverse("change_set.changes".to_owned())),
        Injection::harmless("preflight", Act::Drop("change_set.changes[].detail".to_owned())),
        Injection::harmless("preflight", Act::Drop("issues[].actionable".to_owned())),
        Injection::harmless("preflight", Act::Drop("issues[].line".to_owned())),
        Injection::harmless("preflight", Act::Drop("command".to_owned())),
        Injection::harmless("verify", Act::Reverse("results".to_owned())),
        Injection::harmless("verify", Act::Drop("parser".to_owned())),
        Injection::harmless("up", Act::Push("warnings".to_owned(), json!("be careful"))),
        Injection::harmless("up", Act::Drop("total_duration_ms".to_owned())),
        Injection::harmless("up", Act::Drop("ok".to_owned())),
        Injection::harmless("current", Act::Drop("checksum".to_owned())),
        Injection::harmless("current", Act::Drop("applied_at".to_owned())),
        replace("--exit-codes-json", "\"LOCK_1300\"", "\"LOCK_1300\", \"LOCK_1399\""),
        replace("current", "Output written to", "Report is in"),
        replace("--version", "native extension: yes", "native extension: no"),
        replace("--version", "parser: pglast", "parser: other"),
        replace("--help", "--dry-run", "--rehearse"),
        replace("--help", "Usage:", "How to use:"),
    ]);
    all
}
