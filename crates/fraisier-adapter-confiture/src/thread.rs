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

/// Starts threads. It is also a channel on which nothing is sent: each thread whose caller has gone is a
/// receiver of it until it ends.
#[derive(Debug, Clone)]
pub(crate) struct Threads(Arc<watch::Sender<()>>);

impl Default for Threads {
    fn default() -> Self {
        Self(Arc::new(watch::channel(()).0))
    }
}

/// What a thread and its caller share: the receiver, once the caller has gone.
type Abandoned = Arc<Mutex<Option<watch::Receiver<()>>>>;

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
        let abandoned = Abandoned::default();
        let _caller = Caller(self, abandoned.clone());
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let span = Span::current();
        let thread = thread::Builder::new().name("confiture".into());
        let thread = thread.spawn(move || {
            let _abandoned = abandoned;
            let _dispatch = tracing::dispatcher::set_default(&dispatch);
            let _span = span.entered();
            drive(work, reply);
        })?;
        match result.await {
            Ok(result) => result,
            Err(_) => match thread.join() {
                Ok(()) => unreachable!("the work replies unless its caller has gone"),
                Err(panic) => resume_unwind(panic),
            },
        }
    }

    /// Waits until every thread whose caller has gone has ended, and those that it was the caller of.
    pub(crate) async fn settled(&self) {
        self.0.closed().await;
    }
}

/// Lets [`Threads::settled`] wait for the thread, once the future of the caller has ended.
struct Caller<'a>(&'a Threads, Abandoned);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        let mut abandoned = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        *abandoned = Some(self.0.0.subscribe());
    }
}

/// Drives the work until it is done or nobody waits for it.
fn drive<T, F: Future<Output = T>>(
    work: impl FnOnce() -> F,
    mut reply: oneshot::Sender<io::Result<T>>,
) {
    let runtime = Builder::new_current_thread().enable_time().build();
    let result = runtime.map(|runtime| {
        let dropped = async {
            reply.closed().await;
            None
        };
        runtime.block_on(race(async { Some(work().await) }, dropped))
    });
    if let Some(result) = result.transpose() {
        let _ = reply.send(result);
    }
}

/// The result of the future that ends first, or of `first` if both have ended. The other is dropped.
pub(crate) async fn race<T>(first: impl Future<Output = T>, second: impl Future<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Pending => second.as_mut().poll(context),
        ready @ Poll::Ready(_) => ready,
    })
    .await
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
