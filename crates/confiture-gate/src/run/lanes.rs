//! Limits how many cases run at the same time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Locks the mutex, even after a thread panicked while it held the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Slots for cases, which all candidates share.
#[derive(Debug)]
pub struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Slots {
    /// Slots for `count` cases, and for at least one.
    pub fn new(count: usize) -> Self {
        Self {
            free: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    /// Runs `work` in the next free slot.
    pub(crate) fn within<O>(&self, work: impl FnOnce() -> O) -> O {
        let mut free = lock(&self.free);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let output = work();
        *lock(&self.free) += 1;
        self.freed.notify_one();
        output
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use contract_lab::parallel::in_parallel;

    use super::*;

    #[test]
    fn at_most_one_case_runs_in_each_slot() {
        let slots = Slots::new(2);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let items: Vec<usize> = (0..20).collect();
        let done = in_parallel(8, &items, |item| {
            slots.within(|| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                *item
            })
        });
        assert_eq!(done.len(), 20);
        assert!(most.load(Ordering::SeqCst) <= 2);
    }
}
