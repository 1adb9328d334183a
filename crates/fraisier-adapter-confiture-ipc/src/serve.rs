//! One call of the engine: a request on standard input, a response on standard output.

use std::io::{self, Write as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fraisier_adapter_api::AdapterError;

use crate::answer::{self, Answer, CallError};
use crate::drill;
use crate::exit::Status;
use crate::frame;
use crate::limit::{self, Limit};
use crate::options::{self, Caller};
use crate::page::printable;
use crate::request::{Call, Id, Refusal, Request, parse};
use crate::response::Response;
use crate::runtime;
use crate::stop::{self, Why};

/// How long the request may take to arrive. The engine writes it in one piece and closes the pipe.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Answers the request on standard input.
#[must_use]
pub fn serve() -> Status {
    let Request { id, call } = match receive() {
        Ok(request) => request,
        Err(Refusal { id, error }) => return respond(id, Err(error.into())),
    };
    match make(call) {
        Ok((answer, stopped)) => match respond(id, answer) {
            Status::Failed if stopped == Some(Why::Signal) => Status::Stopped,
            status => status,
        },
        Err(error) => respond(id, Err(error.into())),
    }
}

/// Makes the call, and returns why it was stopped, if it was. An error is one of before the call.
fn make(call: Call) -> Result<(Answer, Option<Why>), AdapterError> {
    let builder = options::builder(Caller::Engine, None)?;
    let runtime = runtime::start()?;
    runtime.block_on(drill::refuse(&call, builder.clone()))?;
    let adapter = builder.build();
    if Limit(adapter.timeout()).is_beyond_the_engine() {
        tracing::warn!(
            "FRAISIER_CONFITURE_TIMEOUT is not below {:?}: fraisier kills a call that takes longer, \
             and gets no result. Next: set it lower, or leave it unset",
            limit::OF_THE_ENGINE
        );
    }
    Ok(runtime.block_on(answer::make(adapter, call, stop::requested())))
}

/// The request on standard input. One that does not arrive in time is refused.
fn receive() -> Result<Request, Refusal> {
    let (sender, arrived) = mpsc::channel();
    // If nothing arrives, this thread still waits when the program ends.
    let reader = thread::Builder::new().spawn(move || {
        // This fails when nobody waits any more.
        let _ = sender.send(frame::read(io::stdin().lock()));
    });
    let message = match reader {
        Err(why) => Err(why),
        Ok(_) => arrived.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let why = format!("it did not end within {PATIENCE:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, why))
        }),
    };
    parse(&message?)
}

/// Writes the response, and the evidence of an error to standard error.
fn respond(id: Id, answer: Answer) -> Status {
    let status = match &answer {
        Ok(_) => Status::Done,
        Err(CallError { error, .. }) => {
            if let Some(evidence) = &error.stderr {
                // The response is written even if standard error is closed.
                let _ = writeln!(io::stderr(), "{}", printable(evidence.trim_end()));
            }
            Status::Failed
        }
    };
    let written = Response::new(id, answer)
        .to_json()
        .map_err(io::Error::from)
        .and_then(|response| frame::write(io::stdout().lock(), &response));
    match written {
        Ok(()) => status,
        Err(why) => {
            tracing::error!(%why, "the response could not be written");
            Status::Unheard
        }
    }
}
