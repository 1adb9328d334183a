//! The wrapper as a program of its own, for the tests of this crate; `xtask` is its own wrapper.

use std::process::ExitCode;

fn main() -> ExitCode {
    contract_gate::wrapper::run_as_wrapper().unwrap_or_else(|| {
        eprintln!(
            "this program is started through a link that a `Wrapper` makes; \
             `cargo test -p contract-gate` does so"
        );
        ExitCode::from(2)
    })
}
