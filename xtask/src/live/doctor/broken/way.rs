//! A way to break a project, and what ends it.

use std::any::Any;

use crate::live::doctor::scene::{Expected, Scene};

/// What has to be found (nothing: the project is healthy), and what keeps it broken until then.
pub(in crate::live::doctor) type Broken = (Option<Expected>, Option<Box<dyn Any>>);

pub(in crate::live::doctor) type Breaks = fn(&mut Scene<'_>) -> anyhow::Result<Broken>;

#[allow(
    clippy::unnecessary_wraps,
    reason = "the end of each way to break something"
)]
pub(super) fn finds(
    check: &'static str,
    status: &'static str,
    says: &'static str,
) -> anyhow::Result<Broken> {
    Ok((
        Some(Expected {
            check,
            status,
            says,
        }),
        None,
    ))
}

pub(super) fn keeps(found: anyhow::Result<Broken>, kept: impl Any) -> anyhow::Result<Broken> {
    found.map(|(expected, _)| (expected, Some(Box::new(kept) as Box<dyn Any>)))
}
