//! Deploys that cannot use the database.

use std::net::TcpListener;

use fraisier_adapter_api::AdapterCtx;
use fraisier_adapter_confiture::ConfitureMigration;

use super::story::{Story, first_deploy, step, stock};
use crate::live::call::{Direction, Running};
use crate::project::Project;

/// A migration lock that another session holds, and a server that is unreachable.
pub const TROUBLE: Story = Story {
    name: "trouble",
    quick: &[],
    before: Some(first_deploy),
    steps: &[
        step("lock held", |stand| {
            let other = Project::empty()?;
            stand.project.copy_to(&other)?;
            other.migration("900_long", "SELECT pg_sleep(600);", "SELECT 1;")?;
            let mut ctx = AdapterCtx::new("shop", "elsewhere")
                .with_resolved_secret("DATABASE_URL", stand.database.dsn());
            ctx.workdir = other.root().into();
            let confiture = ConfitureMigration::with_program(stand.root().join("bin/confiture"));
            let elsewhere = Running::start(confiture, ctx, Direction::Up);
            stand.wait_for_sleep()?;
            stock(stand)?;
            // Before an older release takes the lock, it changes the ledger and waits for every session
            // that reads it. Only the limit of the command ends this wait.
            let (limit, value, words) = if stand.since("0.48.0") {
                ("FRAISIER_CONFITURE_LOCK_TIMEOUT_MS", "1500", "lock")
            } else {
                ("FRAISIER_CONFITURE_TIMEOUT", "30s", "timeout of 30s")
            };
            stand.env.insert(limit, value.into());
            let deployed = stand.deploy("v2");
            stand.env.clear();
            elsewhere.cancel()?;
            deployed?.rolled_back("migrate", words)?;
            stand.is_at(&["001"], &["product"])
        }),
        step("lock free again", |stand| {
            stand.deploy("v2")?.committed()?;
            stand.is_at(&["001", "002"], &["product", "stock"])
        }),
        step("server unreachable", |stand| {
            // A port that was free a moment ago, on which nothing listens.
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let dsn = format!("postgresql://shop:nobody@127.0.0.1:{port}/shop");
            for name in ["SHOP_DATABASE_URL", "DATABASE_URL"] {
                stand.env.insert(name, dsn.clone().into());
            }
            let deployed = stand.deploy("v3");
            stand.env.clear();
            deployed?.rolled_back("migrate", "Connection refused")?;
            stand.is_at(&["001", "002"], &["product", "stock"])
        }),
    ],
};
