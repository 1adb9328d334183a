//! A thread for each call and for each command, so that nothing that they do blocks the caller's runtime.

use std::future::poll_fn;
use std::io;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tracing::Span;

/// The threads whose caller has gone, each as a channel that it closes at its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Threads(Arc<Mutex<Vec<watch::Receiver<()>>>>);

impl Threads {
    /// Runs `work` on a thread of its own. Dropping the future drops the work there.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(crate) async fn run<T, F>(&self, work: impl FnOnce() -> F + Send + 'static) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (reply, result) = oneshot::channel();
        let (end, ended) = watch::channel(());
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let span = Span::current();
        let thread = thread::Builder::new().name("confiture".into());
        let thread = thread.spawn(move || {
            let _end = end;
            let _dispatch = tracing::dispatcher::set_default(&dispatch);
            let _span = span.entered();
            drive(work, reply);
        })?;
        let mut caller = Caller {
            threads: self,
            ended: Some(ended),
        };
        let result = result.await;
        caller.ended = None;
        match result {
            Ok(result) => result,
            Err(_) => match thread.join() {
                Ok(()) => unreachable!("the work replies unless its caller has gone"),
                Err(panic) => resume_unwind(panic),
            },
        }
    }

    /// Waits until every thread whose caller has gone has ended, and those that it was the caller of.
    pub(crate) async fn settled(&self) {
        loop {
            let mut threads = self.lock().clone().into_iter();
            let Some(mut thread) = threads.find(|thread| thread.has_changed().is_ok()) else {
                return;
            };
            // Nothing is ever sent: this is an error once the thread has ended.
            let _ = thread.changed().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives the work until it is done or nobody waits for it.
fn drive<T, F: Future<Output = T>>(
    work: impl FnOnce() -> F,
    mut reply: oneshot::Sender<io::Result<T>>,
) {
    let result = Builder::new_current_thread().enable_time().build();
    let result = result.map(|runtime| {
        runtime.block_on(async {
            let dropped = async {
                reply.closed().await;
                None
            };
            race(async { Some(work().await) }, dropped).await
        })
    });
    if let Some(result) = result.transpose() {
        let _ = reply.send(result);
    }
}

/// The result of the future that ends first, where both do of the first one. The other is dropped.
pub(crate) async fn race<T>(first: impl Future<Output = T>, second: impl Future<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Pending => second.as_mut().poll(context),
        ready @ Poll::Ready(_) => ready,
    })
    .await
}

/// Leaves the thread to [`Threads::settled`] when the caller's future is dropped.
struct Caller<'a> {
    threads: &'a Threads,
    ended: Option<watch::Receiver<()>>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            let mut threads = self.threads.lock();
            threads.retain(|thread| thread.has_changed().is_ok());
            threads.push(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_runs_on_another_thread_and_its_panic_reaches_the_caller() {
        let here = thread::current().id();
        let there = Threads::default()
            .run(async || thread::current().id())
            .await
            .expect("a thread");
        assert_ne!(here, there);
        let panicking = tokio::spawn(async {
            let threads = Threads::default();
            let work = async || -> () { panic!("as expected") };
            threads.run(work).await
        });
        assert!(panicking.await.is_err_and(|error| error.is_panic()));
    }

    #[tokio::test]
    async fn a_dropped_call_stops_its_work_and_settles() {
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let threads = Threads::default();
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(dropped.clone());
        let call = threads.run(move || async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        let timed_out = tokio::time::timeout(Duration::from_millis(50), call).await;
        assert!(timed_out.is_err());
        threads.settled().await;
        assert!(dropped.load(Ordering::SeqCst));
    }
}
