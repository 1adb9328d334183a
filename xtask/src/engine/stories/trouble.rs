//! Deploys that cannot get at the database.

use std::net::TcpListener;

use super::story::{Story, first_deploy, step, stock};

/// A migration lock that is held elsewhere, and a server that is not there.
pub const TROUBLE: Story = Story {
    name: "trouble",
    quick: &[],
    before: Some(first_deploy),
    steps: &[
        step("lock held", |stand| {
            let elsewhere = stand.start_elsewhere()?;
            stand.wait_for_sleep()?;
            stock(stand)?;
            // Before it asks for the lock, an older release changes the ledger, and waits for whoever
            // reads that: only the limit of the command ends it.
            let (limit, value, words) = if stand.since("0.48.0") {
                ("FRAISIER_CONFITURE_LOCK_TIMEOUT_MS", "1500", "lock")
            } else {
                ("FRAISIER_CONFITURE_TIMEOUT", "30s", "timeout of 30s")
            };
            stand.env.insert(limit, value.into());
            let deployed = stand.deploy("v2");
            stand.env.clear();
            drop(elsewhere);
            deployed?.rolled_back("migrate", words)?;
            stand.is_at(&["001"], &["product"])?;
            stand.nothing_is_left()
        }),
        step("lock free again", |stand| {
            stand.deploy("v2")?.committed()?;
            stand.is_at(&["001", "002"], &["product", "stock"])?;
            stand.nothing_is_left()
        }),
        step("server unreachable", |stand| {
            // A port that was free a moment ago, and on which nobody listens.
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let dsn = format!("postgresql://shop:nobody@127.0.0.1:{port}/shop");
            for name in ["SHOP_DATABASE_URL", "DATABASE_URL"] {
                stand.env.insert(name, dsn.clone().into());
            }
            let deployed = stand.deploy("v3");
            stand.env.clear();
            deployed?.rolled_back("migrate", "Connection refused")?;
            stand.is_at(&["001", "002"], &["product", "stock"])?;
            stand.nothing_is_left()
        }),
    ],
};
