//! The program as the engine starts it: its standard streams, its ends.

mod calls;
mod ends;
mod malformed;
mod support;
