//! The same work on many items, on a few threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Applies `work` to every item on `lanes` threads, and stops at the first error.
pub fn in_parallel<I: Sync, O: Send>(
    lanes: usize,
    items: &[I],
    work: impl Fn(&I) -> anyhow::Result<O> + Sync,
) -> anyhow::Result<Vec<O>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<anyhow::Result<Vec<O>>> = Mutex::new(Ok(Vec::new()));
    let lock = || done.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..lanes.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if lock().is_err() {
                        return;
                    }
                    let outcome = work(item);
                    let mut done = lock();
                    match (outcome, done.as_mut()) {
                        (Ok(output), Ok(outputs)) => outputs.push(output),
                        (Err(error), Ok(_)) => *done = Err(error),
                        (_, Err(_)) => {}
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_processed_once() {
        let items: Vec<usize> = (0..100).collect();
        let mut outputs = in_parallel(4, &items, |item| Ok(item * 2)).unwrap();
        outputs.sort_unstable();
        assert_eq!(outputs, (0..200).step_by(2).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let worked = AtomicUsize::new(0);
        let items: Vec<usize> = (0..1000).collect();
        let outcome = in_parallel(1, &items, |item| {
            worked.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(*item < 3, "enough");
            Ok(())
        });
        assert!(outcome.is_err());
        assert_eq!(worked.into_inner(), 4);
    }
}
