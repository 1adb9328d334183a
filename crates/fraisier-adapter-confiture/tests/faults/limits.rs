//! A machine that is out of something.

use fraisier_adapter_api::{AdapterCtx, AdapterErrorKind};
use fraisier_adapter_confiture::tools::process::Exit;
use fraisier_adapter_confiture::tools::process::{Obstacle, RunError, Runner};
use fraisier_adapter_confiture::{ConfitureMigration, DatabaseState};

use super::support::*;

/// Opens files until no more can be, and closes the last `spare` of them.
fn exhaust(spare: usize) -> Vec<std::fs::File> {
    let mut files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    files.truncate(files.len() - spare);
    files
}

#[test]
fn running_out_of_descriptors_at_any_point_is_a_failure() {
    isolated(
        "limits::running_out_of_descriptors_at_any_point_is_a_failure",
        "ulimit -n 80",
        || {
            let runner = Runner::default();
            let (mut refused, mut succeeded) = (0, 0);
            for spare in 0..30 {
                let held = exhaust(spare);
                let outcome = block_on(runner.run(script("printf x > \"$1\""), None, listener()));
                drop(held);
                match outcome {
                    Ok(output) => {
                        assert_eq!(report_of(&output).as_deref(), Some(&b"x"[..]));
                        succeeded += 1;
                    }
                    Err(RunError::Supervisor(_) | RunError::Program(_, Obstacle::Exhausted, _)) => {
                        refused += 1;
                    }
                    Err(other) => panic!("with {spare} to spare: {other:?}"),
                }
            }
            assert!(refused > 0 && succeeded > 0, "{refused} and {succeeded}");
            // What failed for want of descriptors works again when there are some.
            block_on(runner.run(script("exit 0"), None, listener())).unwrap();
        },
    );
}

#[test]
fn running_out_of_descriptors_advises_to_retry() {
    isolated(
        "limits::running_out_of_descriptors_advises_to_retry",
        "ulimit -n 80",
        || {
            let dir = tempfile::TempDir::new().unwrap();
            std::fs::create_dir_all(dir.path().join("db/migrations")).unwrap();
            let mut ctx = AdapterCtx::new("shop", "test")
                .with_resolved_secret("DATABASE_URL", "postgresql://db.example/shop");
            ctx.workdir = dir.path().into();
            let mut refused = 0;
            for spare in 0..40 {
                let held = exhaust(spare);
                // One for each, so that each has to start its thread.
                let adapter = ConfitureMigration::with_program("/bin/true");
                let error = block_on(adapter.up(&ctx, None)).unwrap_err();
                drop(held);
                if error.advice().contains("try again") {
                    assert_eq!(
                        error.kind(),
                        AdapterErrorKind::Execution,
                        "{spare}: {error}"
                    );
                    assert_eq!(*error.state(), DatabaseState::NotStarted, "{error}");
                    refused += 1;
                } else {
                    assert!(error.what().contains("no report"), "{spare}: {error}");
                }
            }
            assert!((9..40).contains(&refused), "{refused}");
        },
    );
}

#[test]
fn running_out_of_threads_is_a_failure() {
    isolated("limits::running_out_of_threads_is_a_failure", "", || {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| {
            let size = line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?;
            size.parse::<u64>().ok()
        });
        let before = getrlimit(Resource::As);
        // Enough for a runtime, and too little for the stack of another thread.
        let limit = Rlimit {
            current: size.map(|size| (size + 1024) * 1024),
            ..before
        };
        let runner = Runner::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            setrlimit(Resource::As, limit).unwrap();
            let outcome = runner.run(script("exit 0"), None, listener()).await;
            setrlimit(Resource::As, before).unwrap();
            assert!(
                matches!(outcome, Err(RunError::Supervisor(_))),
                "{outcome:?}"
            );
            // What failed for want of a thread works again when there is one.
            runner
                .run(script("exit 0"), None, listener())
                .await
                .unwrap();
        });
    });
}

#[test]
fn an_unwritable_report_directory_is_refused_before_the_start() {
    isolated(
        "limits::an_unwritable_report_directory_is_refused_before_the_start",
        "TMPDIR=/nowhere/at/all; export TMPDIR",
        || match run(None, script("exit 0")) {
            Err(RunError::TempDir(parent, _)) => {
                assert_eq!(parent, std::path::Path::new("/nowhere/at/all"));
            }
            other => panic!("{other:?}"),
        },
    );
}

#[test]
fn a_report_that_the_disk_cannot_hold_is_cut_or_absent() {
    let output = run(
        None,
        script("printf x > /dev/full || exit 1; printf x > \"$1\""),
    )
    .unwrap();
    assert_eq!(output.exit, Exit::Code(1));
    assert_eq!(report_of(&output), None);
    // A limit on the size of files cuts the report, and kills its writer where whoever started this
    // test does not ignore that signal, as Python does for its children.
    let output = run(
        None,
        script("ulimit -f 1; exec head -c 100000 /dev/zero > \"$1\""),
    )
    .unwrap();
    let exit = output.exit;
    assert!(matches!(exit, Exit::Signal(25) | Exit::Code(1)), "{exit:?}");
    let written = report_of(&output).map(|report| report.len());
    assert!(written.is_some_and(|size| size < 100_000), "{written:?}");
}
