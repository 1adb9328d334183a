//! Asks how far a long `up` is, beside it.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Gives the call's answer, and polls `aside` until then.
pub(super) async fn beside<T>(call: impl Future<Output = T>, aside: impl Future<Output = ()>) -> T {
    let (mut call, mut aside) = (pin!(call), pin!(aside));
    let mut goes_on = true;
    poll_fn(|context| {
        if let Poll::Ready(answer) = call.as_mut().poll(context) {
            return Poll::Ready(answer);
        }
        goes_on = goes_on && aside.as_mut().poll(context).is_pending();
        Poll::Pending
    })
    .await
}

/// Waits, with any runtime around it or none. False when no thread can be started.
pub(super) async fn wait(interval: Duration) -> bool {
    /// How soon the thread notices that nobody waits any more.
    const STEP: Duration = Duration::from_millis(200);
    let (reply, waited) = oneshot::channel();
    let thread = thread::Builder::new().name("confiture-progress".into());
    let began = Instant::now();
    let started = thread.spawn(move || {
        while let Some(left) = interval.checked_sub(began.elapsed())
            && !left.is_zero()
            && !reply.is_closed()
        {
            thread::sleep(left.min(STEP));
        }
        let _ = reply.send(());
    });
    started.is_ok() && waited.await.is_ok()
}
