//! What happens when a child, its report, its output or the machine misbehaves: each fault ends in
//! the documented outcome, and leaves nothing behind.

mod death;
mod limits;
mod output;
mod programs;
mod reports;
mod runtimes;
mod stopping;
mod support;
