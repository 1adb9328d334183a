//! The table of the calls that were given up, and what it comes to.

use crate::exit::Unexpected;
use contract_lab::ui::{self, bad, good, warn};

/// A line of the table, and what is wrong in it.
pub struct Row {
    pub text: String,
    /// What is to be said of it on lines of their own.
    pub remarks: Vec<String>,
    /// Something was left after [`LIMIT`](super::aftermath::LIMIT).
    pub late: bool,
    /// An interrupt left ledger and tables in disagreement, which is confiture's doing and not the
    /// adapter's.
    pub torn: bool,
    pub faults: Vec<String>,
}

#[derive(Default)]
pub struct Table {
    rows: usize,
    torn: usize,
    faults: usize,
}

impl Table {
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.torn += usize::from(row.torn);
        self.faults += usize::from(!row.faults.is_empty());
        let mark = match (row.faults.is_empty(), row.torn) {
            (true, false) => good("ok"),
            (true, true) => warn("torn"),
            (false, _) => bad("FAULT"),
        };
        ui::print(&format!("  {} {mark}", row.text));
        for remark in row.remarks.iter().chain(&row.faults) {
            ui::print(&format!("    {remark}"));
        }
    }

    pub fn verdict(&self) -> anyhow::Result<()> {
        let Self { rows, torn, faults } = self;
        ui::print(&format!(
            "{rows} cases, {torn} torn by confiture, {faults} with faults"
        ));
        if *faults > 0 {
            let text = format!("{faults} of {rows} given-up calls left something behind");
            return Err(Unexpected(text).into());
        }
        Ok(())
    }
}
