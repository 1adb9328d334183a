//! What is deployed, step by step, and what has to be so after each.

mod deaths;
mod deploys;
mod gates;
mod places;
mod story;
mod trouble;

pub use self::story::Story;

/// Every story, the longest first.
pub const STORIES: &[&Story] = &[
    &deaths::OVER_THE_LIMIT,
    &deploys::DEPLOYS,
    &deaths::KILLED,
    &gates::BLUE_GREEN,
    &gates::POLICY,
    &places::REHEARSAL,
    &deploys::HALF,
    &deploys::HALF_UNDONE,
    &trouble::TROUBLE,
    &places::ONLY_IN_THE_ARTIFACT,
    &gates::EMPTY,
    &places::FOUND,
];
