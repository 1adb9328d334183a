//! The recorded reports, and the call of each.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use contract_catalogue::catalogue::catalogue;
use contract_catalogue::fixtures::{Fixtures, default_root};
use contract_catalogue::recording::RecordedCall;
use fraisier_adapter_api::Revision;
use fraisier_adapter_confiture::tools::process::Exit;
use fraisier_adapter_confiture::tools::replay::Preflight;
use serde_json::Value;

use crate::answers::{Permits, Request, permits};

/// A real report, and its call.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) request: Request,
    pub(crate) exit: i32,
    pub(crate) report: Value,
    /// What the unchanged report permits.
    pub(crate) intact: Permits,
}

/// Every report of every recording.
pub(crate) static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let mut samples = Vec::new();
    for (release, case, call) in CALLS.iter() {
        if let (Some(request), Some(report)) = (request(release, call), call.report_value()) {
            samples.push(Sample {
                name: format!("{release}/{case}"),
                intact: permits(
                    &request,
                    Exit::Code(call.exit),
                    report.to_string().into_bytes(),
                ),
                request,
                exit: call.exit,
                report,
            });
        }
    }
    assert!(
        samples.len() > 100,
        "{} reports are recorded",
        samples.len()
    );
    samples
});

/// A recorded call, with its release and its case.
pub(crate) type Called = (String, String, RecordedCall);

/// Every recorded call.
pub(crate) static CALLS: LazyLock<Vec<Called>> = LazyLock::new(|| {
    let fixtures = Fixtures::load(&default_root(), &catalogue()).expect("the recordings");
    let mut calls = Vec::new();
    for (case, release, recording) in fixtures.recordings() {
        for call in &recording.calls {
            calls.push((release.to_string(), case.to_owned(), call.clone()));
        }
    }
    calls
});

fn request(release: &str, call: &RecordedCall) -> Option<Request> {
    let argv: Vec<&str> = call.argv.iter().map(String::as_str).collect();
    let value_of = |option: &str| {
        let glued = format!("{option}=");
        argv.iter()
            .enumerate()
            .find_map(|(index, arg)| match arg.strip_prefix(&glued) {
                Some(value) => Some(value),
                None if *arg == option => argv.get(index + 1).copied(),
                None => None,
            })
    };
    match *argv.get(1)? {
        "current" => Some(Request::Current),
        "up" => Some(Request::Up(value_of("--target").map(Revision::new))),
        "down-to" => {
            // The revision is the one argument that may stand in either of these places.
            let first = argv.get(2).filter(|arg| !arg.starts_with('-'));
            let target = Revision::new(*first.or(argv.last())?);
            Some(Request::DownTo(target))
        }
        "verify" => Some(Request::Verify),
        "preflight" => {
            let report = call.report_value()?;
            let checked = report
                .pointer("/summary/migrations_checked")
                .and_then(Value::as_u64);
            let preflight = preflight(checked.unwrap_or(1), value_of("--against").is_some());
            Some(Request::Preflight(release.to_owned(), Box::new(preflight)))
        }
        _ => None,
    }
}

/// A look at as many migrations as were checked, every one of them harmless: then the verdict is
/// that of the report alone. They are read only then, so they stay.
pub(crate) fn preflight(migrations: u64, against: bool) -> Preflight {
    let properties = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/properties");
    let directory = properties.join(migrations.to_string());
    fs::create_dir_all(&directory).expect("a directory");
    for number in 0..migrations {
        let file = directory.join(format!("{number:03}_a.up.sql"));
        if !file.exists() {
            fs::write(file, "create table a (id int);").expect("written");
        }
    }
    Preflight::of_directory(&directory, against).expect("listed")
}
