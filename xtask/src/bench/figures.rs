//! The figures, and the table in which they are printed.

use std::fmt;
use std::time::{Duration, Instant};

/// Lines of `what, ours, theirs, ratio`.
#[derive(Debug, Default)]
pub struct Figures(Vec<[String; 4]>);

impl Figures {
    /// A line of two times.
    pub fn times(&mut self, what: &str, ours: &[Duration], theirs: (&str, &[Duration])) {
        let (name, theirs) = theirs;
        let ratios: Vec<f64> = ours
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64())
            .collect();
        self.0.push([
            what.to_owned(),
            seconds(median(ours)),
            format!("{} {name}", seconds(median(theirs))),
            format!("{:.2}", middle(&ratios)),
        ]);
    }

    /// A line of two sizes, in bytes.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn sizes(&mut self, what: &str, ours: u64, (name, theirs): (&str, u64)) {
        self.0.push([
            what.to_owned(),
            megabytes(ours),
            format!("{} {name}", megabytes(theirs)),
            format!("{:.2}", ours as f64 / theirs as f64),
        ]);
    }

    /// A line without a comparison.
    pub fn alone(&mut self, what: &str, value: String) {
        self.0
            .push([what.to_owned(), value, String::new(), String::new()]);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ["", "adapter", "beside", "ratio"].map(str::to_owned);
        // The label is above its figures: in one line they would need 92 columns.
        for [what, ours, theirs, ratio] in std::iter::once(&heading).chain(&self.0) {
            if !what.is_empty() {
                writeln!(f, "{what}")?;
            }
            let line = format!("  {ours:>10}  {theirs:<38} {ratio:>6}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Runs functions in turn, after one round that does not count.
pub fn in_turn<const N: usize>(
    rounds: usize,
    mut things: [&mut dyn FnMut() -> anyhow::Result<()>; N],
) -> anyhow::Result<[Vec<Duration>; N]> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=rounds {
        contract_lab::interrupt::check()?;
        for (thing, times) in things.iter_mut().zip(&mut times) {
            let time = timed(thing)?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    Ok(times)
}

/// How long one run takes.
pub fn timed(run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let began = Instant::now();
    run()?;
    Ok(began.elapsed())
}

/// The median, of at least one.
pub fn median(times: &[Duration]) -> Duration {
    let seconds: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
    Duration::from_secs_f64(middle(&seconds))
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// As `0.123 s`, or as `4.5 ms` where that says more.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.02 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.3} s")
    }
}

/// As `64 MB`, or as `2.19 MB` if it is small.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn megabytes(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 5.0 {
        format!("{megabytes:.2} MB")
    } else {
        format!("{megabytes:.0} MB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_pairs() {
        let ms = |times: &[u64]| -> Vec<Duration> {
            times.iter().map(|ms| Duration::from_millis(*ms)).collect()
        };
        let mut figures = Figures::default();
        figures.times("x", &ms(&[10, 40, 30]), ("y", &ms(&[10, 10, 10])));
        let table = figures.to_string();
        for figure in ["0.030 s", "10.0 ms y", "3.00"] {
            assert!(table.contains(figure), "{table}");
        }
    }
}
