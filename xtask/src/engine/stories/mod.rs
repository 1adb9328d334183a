//! What is deployed, step by step, and what has to be so after each.

mod deaths;
mod deploys;
mod gates;
mod places;
mod trouble;

use super::stand::{Stand, Way};

/// Steps on one stand, each on what the one before left.
pub struct Story {
    pub name: &'static str,
    /// Whether `--quick` tells it too, with the newest release.
    pub quick: &'static [Way],
    /// What it begins with, beside an empty project and database.
    pub before: Option<fn(&mut Stand<'_>) -> anyhow::Result<()>>,
    pub steps: &'static [Step],
}

/// Something that is done and then judged.
pub struct Step {
    pub name: &'static str,
    /// The only way in which it can be done, where there is one.
    pub only: Option<Way>,
    pub run: fn(&mut Stand<'_>) -> anyhow::Result<()>,
}

const BOTH: &[Way] = &[Way::Program, Way::InProcess];

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

const fn step(name: &'static str, run: fn(&mut Stand<'_>) -> anyhow::Result<()>) -> Step {
    Step {
        name,
        only: None,
        run,
    }
}

const fn step_only(
    way: Way,
    name: &'static str,
    run: fn(&mut Stand<'_>) -> anyhow::Result<()>,
) -> Step {
    Step {
        name,
        only: Some(way),
        run,
    }
}

/// Begins with the migration `001`, deployed as `v1`.
fn first_deploy(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    product(stand)?;
    stand.deploy("v1")?.committed()?;
    stand.is_at(&["001"], &["product"])?;
    stand.nothing_is_left()
}

/// The migration `001`: the table `product`.
fn product(stand: &Stand<'_>) -> anyhow::Result<()> {
    stand.migration(
        "001_product",
        "CREATE TABLE product (id int PRIMARY KEY, price int);\n",
        "DROP TABLE product;\n",
    )
}

/// The migration `002`: the table `stock`.
fn stock(stand: &Stand<'_>) -> anyhow::Result<()> {
    stand.migration(
        "002_stock",
        "CREATE TABLE stock (id int PRIMARY KEY);\n",
        "DROP TABLE stock;\n",
    )
}
