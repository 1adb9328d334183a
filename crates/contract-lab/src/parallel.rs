//! The same work on many items, on a few threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Applies `work` to every item on `lanes` threads. The results are in the order of the items.
pub fn in_parallel<I: Sync, O: Send>(
    lanes: usize,
    items: &[I],
    work: impl Fn(&I) -> O + Sync,
) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..lanes.max(1).min(items.len()) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { return };
                    let output = work(item);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((place, output));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_processed_once_and_its_result_is_in_its_place() {
        let items: Vec<usize> = (0..100).collect();
        let outputs = in_parallel(4, &items, |item| {
            // The first item ends last.
            if *item == 0 {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            item * 2
        });
        assert_eq!(outputs, (0..200).step_by(2).collect::<Vec<_>>());
    }
}
