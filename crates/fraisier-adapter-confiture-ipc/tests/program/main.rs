//! The program as the engine starts it: its standard streams, its ends.

mod calls;
mod drill;
mod ends;
mod malformed;
mod support;
