//! The forms of the report.

pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod terminal;
mod view;

use crate::result::Judgement;

/// The verdict in one line, which comes first in every form.
pub fn headline(judged: &Judgement) -> String {
    view::View::new(judged).headline
}
