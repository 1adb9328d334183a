//! Sample projects that several cases start from.

use crate::project::Project;

/// Three reversible migrations of a small shop.
pub(super) fn shop() -> Project {
    Project::empty()
        .migration(
            "001_customers",
            "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);",
            "DROP TABLE customers;",
        )
        .migration(
            "002_orders",
            "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers);",
            "DROP TABLE orders;",
        )
        .migration(
            "003_email",
            "ALTER TABLE customers ADD COLUMN email text;",
            "ALTER TABLE customers DROP COLUMN email;",
        )
}

/// One reversible migration.
pub(super) fn single(up: &str, down: &str) -> Project {
    Project::empty().migration("001_change", up, down)
}

/// A migration written in Python, as the text of `<version>_<name>.py`.
pub(super) fn python(version: &str, name: &str, attributes: &str, up: &str, down: &str) -> String {
    format!(
        r#"from confiture.models.migration import Migration


class Change(Migration):
    version = "{version}"
    name = "{name}"
    {attributes}

    def up(self):
        self.execute("{up}")

    def down(self):
        self.execute("{down}")"#
    )
}
