//! What a story is, and the steps that several begin with.

use crate::engine::stand::Stand;
use crate::engine::way::Way;

/// Steps on one stand, each of which continues from the one before.
pub struct Story {
    pub name: &'static str,
    /// The variants in which `--quick` runs it, with the newest release.
    pub quick: &'static [Way],
    /// How it begins; without it, the project and the database are empty.
    pub before: Option<fn(&mut Stand<'_>) -> anyhow::Result<()>>,
    pub steps: &'static [Step],
}

impl Story {
    /// Whether any of its steps can be done with this variant.
    pub fn is_for(&self, way: Way) -> bool {
        self.steps.iter().any(|step| step.ways.contains(&way))
    }
}

/// An action, and the check of its result.
pub struct Step {
    pub name: &'static str,
    /// The variants that play it.
    pub ways: &'static [Way],
    /// The reason for which one of ours ends differently from the shipped adapter.
    pub reasons: &'static [(Way, &'static str)],
    pub run: fn(&mut Stand<'_>) -> anyhow::Result<()>,
}

impl Step {
    /// States that ours end differently from the shipped adapter, for this reason.
    pub(super) const fn because(self, reasons: &'static [(Way, &'static str)]) -> Self {
        Self { reasons, ..self }
    }
}

pub(super) const fn step(
    name: &'static str,
    run: fn(&mut Stand<'_>) -> anyhow::Result<()>,
) -> Step {
    step_only(&Way::ALL, name, run)
}

pub(super) const fn step_only(
    ways: &'static [Way],
    name: &'static str,
    run: fn(&mut Stand<'_>) -> anyhow::Result<()>,
) -> Step {
    Step {
        name,
        ways,
        reasons: &[],
        run,
    }
}

/// Begins with the migration `001`, deployed as `v1`.
pub(super) fn first_deploy(stand: &mut Stand<'_>) -> anyhow::Result<()> {
    product(stand)?;
    stand.deploy("v1")?.committed()?;
    stand.is_at(&["001"], &["product"])
}

/// The migration `001`: the table `product`.
pub(super) fn product(stand: &Stand<'_>) -> anyhow::Result<()> {
    stand.project.migration(
        "001_product",
        "CREATE TABLE product (id int PRIMARY KEY, price int);\n",
        "DROP TABLE product;\n",
    )
}

/// The migration `002`: the table `stock`.
pub(super) fn stock(stand: &Stand<'_>) -> anyhow::Result<()> {
    stand.project.migration(
        "002_stock",
        "CREATE TABLE stock (id int PRIMARY KEY);\n",
        "DROP TABLE stock;\n",
    )
}
