//! The table of the calls that were given up, and what it comes to.

use crate::exit::Unexpected;
use contract_lab::ui::{self, bad, good};

/// A line of the table, and what is wrong in it.
pub struct Row {
    pub text: String,
    /// Something was left after [`LIMIT`](super::aftermath::LIMIT).
    pub late: bool,
    pub faults: Vec<String>,
}

#[derive(Default)]
pub struct Table {
    rows: usize,
    faults: usize,
}

impl Table {
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.faults += usize::from(!row.faults.is_empty());
        let mark = if row.faults.is_empty() {
            good("ok")
        } else {
            bad("FAULT")
        };
        ui::print(&format!("  {} {mark}", row.text));
        for fault in &row.faults {
            ui::print(&format!("    {fault}"));
        }
    }

    pub fn verdict(&self) -> anyhow::Result<()> {
        let Self { rows, faults } = self;
        ui::print(&format!("{rows} cases, {faults} with faults"));
        if *faults > 0 {
            let text = format!("{faults} of {rows} stopped calls left something behind");
            return Err(Unexpected(text).into());
        }
        Ok(())
    }
}
