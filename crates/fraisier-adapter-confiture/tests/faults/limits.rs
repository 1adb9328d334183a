//! A machine that is out of something.

use fraisier_adapter_confiture::process::Exit;
use fraisier_adapter_confiture::process::{Obstacle, Options, RunError, Runner};

use super::support::*;

/// Opens files until no more can be, and closes the last `spare` of them.
fn exhaust(spare: usize) -> Vec<std::fs::File> {
    let mut files: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    files.truncate(files.len() - spare);
    files
}

#[test]
fn descriptors_may_run_out_at_any_point() {
    isolated(
        "limits::descriptors_may_run_out_at_any_point",
        "ulimit -n 80",
        || {
            let runner = Runner::new(Options::default());
            let (mut refused, mut succeeded) = (0, 0);
            for spare in 0..30 {
                let held = exhaust(spare);
                let outcome = block_on(runner.run(script("printf x > \"$1\""), context()));
                drop(held);
                match outcome {
                    Ok(output) => {
                        assert_eq!(report_of(&output).as_deref(), Some(&b"x"[..]));
                        succeeded += 1;
                    }
                    Err(
                        RunError::Supervisor { .. }
                        | RunError::Program {
                            obstacle: Obstacle::Descriptors,
                            ..
                        },
                    ) => refused += 1,
                    Err(other) => panic!("with {spare} to spare: {other:?}"),
                }
            }
            assert!(refused > 0 && succeeded > 0, "{refused} and {succeeded}");
            // What failed for want of descriptors works again when there are some.
            block_on(runner.run(script("exit 0"), context())).unwrap();
        },
    );
}

#[test]
fn no_place_for_the_report_is_said_before_anything_runs() {
    isolated(
        "limits::no_place_for_the_report_is_said_before_anything_runs",
        "TMPDIR=/nowhere/at/all; export TMPDIR",
        || match run(Options::default(), script("exit 0")) {
            Err(RunError::TempDir { parent, .. }) => {
                assert_eq!(parent, std::path::Path::new("/nowhere/at/all"));
            }
            other => panic!("{other:?}"),
        },
    );
}

#[test]
fn a_report_that_the_disk_cannot_hold_is_what_the_child_makes_of_it() {
    let output = run(
        Options::default(),
        script("printf x > /dev/full || exit 1; printf x > \"$1\""),
    )
    .unwrap();
    assert_eq!(output.exit, Exit::Code(1));
    assert_eq!(report_of(&output), None);
    // A limit on the size of files cuts the report and kills its writer.
    let output = run(
        Options::default(),
        script("ulimit -f 1; exec head -c 100000 /dev/zero > \"$1\""),
    )
    .unwrap();
    assert_eq!(output.exit, Exit::Signal(25));
    let written = report_of(&output).map(|report| report.len());
    assert!(written.is_some_and(|size| size < 100_000), "{written:?}");
}
