//! The ways to read what the gate says.

pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod terminal;
mod view;
