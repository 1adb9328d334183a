//! The public API is the committed one.

#[path = "support/public_api.rs"]
mod public_api;

fn main() -> std::process::ExitCode {
    public_api::main("fraisier_adapter_api")
}
