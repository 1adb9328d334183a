//! The stories: what is deployed, step by step, and what must be true after each step.

mod database;
mod deaths;
mod deploys;
mod gates;
mod places;
mod story;
mod trouble;
mod webhook;

pub use self::story::{Step, Story};

/// Every story, the longest first.
pub const STORIES: &[&Story] = &[
    &deaths::OVER_THE_LIMIT,
    &deploys::DEPLOYS,
    &deaths::KILLED,
    &gates::BLUE_GREEN,
    &gates::POLICY,
    &places::REHEARSAL,
    &deploys::HALF,
    &trouble::TROUBLE,
    &places::ONLY_IN_THE_ARTIFACT,
    &database::REFRESH,
    &database::DATABASE,
    &database::DRILL,
    &gates::FAIL_ON_BLOCK,
    &database::ADMINISTRATOR,
    &webhook::WEBHOOK,
    &deploys::FIRST_UNHEALTHY,
    &gates::EMPTY,
    &places::FOUND,
];
