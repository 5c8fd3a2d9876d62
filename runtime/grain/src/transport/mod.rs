//! The transport around one grain's fd 3: Cap'n Proto messages over a socket, with limits that an app cannot pass.
//!
//! The RPC library accepts whatever a peer sends, as fast as it comes, and keeps all of it. A grain is hostile until
//! shown otherwise, so this transport stands in between:
//!
//! - **Reading stops** while calls of the grain that are not answered yet hold 8 MiB or are 1 000, while answers to the
//!   grain that it does not fetch hold 8 MiB, or while all grains together hold 256 MiB and this one is among the big
//!   ones. It goes on as soon as room is made. While it stands still the grain's *returns* stand still too, as in real
//!   Sandstorm: our own calls into that grain wait until the calls it made before have been answered. So whoever
//!   answers a grain's call must not wait without bound for the same grain, and whoever calls a grain sets a timeout.
//! - **Disconnected** is a grain that sends what is no message, one larger than 64 MiB or with more than 512 segments
//!   or 4 096 capabilities, that stops for a minute within a message, that never finishes 10 000 answered calls, that
//!   resolves promises in circles (the library would follow them for ever) or in long chains, or that lets 128 MiB
//!   pile up unread. The reason is kept for the grain's log; nobody else notices.
//! - **Fairness**: one message of a grain is handled at each turn of its task; after 16 in a row, or 1 MiB read or
//!   written, everybody else gets a turn: other grains, sockets, jobs of other threads.
//! - A `Finish` that comes before the call was answered is held back until it is: calls of apps are not cancelled by it
//!   (real Sandstorm does not do so either). The library would otherwise forget to answer and never free the entry.
//!
//! Nothing is allocated on a grain's say-so: buffers grow with what has arrived, not with what a header claims.

mod inspect;
mod message;
mod pool;
mod receive;
mod send;

pub use pool::Pool;

use std::cell::{Cell, RefCell};
use std::os::unix::net::UnixStream as StdStream;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use capnp::capability::Promise;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{IncomingMessage, OutgoingMessage, VatNetwork};
use tokio::net::UnixStream;

use inspect::Calls;
use receive::Receiver;
use send::Sender;

/// What one grain may ask of the appliance through fd 3.
#[derive(Clone, Debug)]
pub struct ApiLimits {
    /// Bytes of calls that are not answered yet, above which reading stops.
    pub call_bytes: usize,
    /// How many calls may be unanswered before reading stops.
    pub calls: usize,
    /// How many answered calls may be left unfinished before the grain is disconnected.
    pub unfinished: usize,
    /// Bytes of answers which the grain does not fetch, above which reading stops.
    pub reply_bytes: usize,
    /// Bytes waiting to be fetched by the grain, above which it is disconnected.
    pub unread_bytes: usize,
    /// The largest message.
    pub message_bytes: usize,
    /// How many segments a message may have.
    pub segments: usize,
    /// How many capabilities a message may carry.
    pub capabilities: u32,
    /// How often a promise may resolve to another promise.
    pub promise_chain: u32,
    /// How long a grain may stop in the middle of a message.
    pub stall: Duration,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            call_bytes: 8 << 20,
            calls: 1000,
            unfinished: 10_000,
            reply_bytes: 8 << 20,
            unread_bytes: 128 << 20,
            message_bytes: 64 << 20,
            segments: 512,
            capabilities: 4096,
            promise_chain: 256,
            stall: Duration::from_mins(1),
        }
    }
}

/// What reader, writer and the messages in between share.
struct Shared {
    limits: ApiLimits,
    pool: Pool,
    stream: UnixStream,
    calls: RefCell<Calls>,
    /// Bytes of unanswered calls, as long as their messages exist.
    call_bytes: Cell<usize>,
    /// Bytes of every message from the grain that still exists, of its read buffer, and of what waits to be written.
    held: Cell<usize>,
    sender: RefCell<Sender>,
    /// Wakes the reader when there is room again.
    reader: RefCell<Option<Waker>>,
    /// Set for good by the first reason to end the connection.
    closed: RefCell<Option<Closed>>,
    /// Set by every call into the grain; the keep-alive clears it.
    used: Cell<bool>,
}

/// Why a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The app closed its end.
    ByApp,
    /// The app broke the rules; the sentence says how.
    Fault(String),
    /// We closed it; the sentence says why.
    ByUs(String),
}

impl Closed {
    fn to_error(&self) -> capnp::Error {
        // Always "disconnected": whoever holds a capability may then open the grain again.
        capnp::Error::disconnected(match self {
            Self::ByApp => "the app closed its connection".to_owned(),
            Self::Fault(text) => format!("the app was disconnected: {text}"),
            Self::ByUs(text) => text.clone(),
        })
    }
}

impl Shared {
    fn wake_reader(&self) {
        if let Some(waker) = self.reader.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Ends the connection. The first reason stays.
    fn close(&self, why: Closed) {
        self.closed.borrow_mut().get_or_insert(why);
        self.wake_reader();
    }

    /// Ends the connection because of what the app did, and gives the error for the library.
    fn fault(&self, text: impl Into<String>) -> capnp::Error {
        self.close(Closed::Fault(text.into()));
        self.closed_error().unwrap_or_else(|| capnp::Error::disconnected(String::new()))
    }

    fn closed_error(&self) -> Option<capnp::Error> {
        self.closed.borrow().as_ref().map(Closed::to_error)
    }

    fn hold(&self, bytes: usize) {
        self.held.set(self.held.get() + bytes);
        self.pool.take(bytes);
    }

    fn free(&self, bytes: usize) {
        self.held.set(self.held.get() - bytes);
        self.pool.give(bytes);
    }

    /// Whether the grain has had its share and reading must wait.
    fn is_full(&self) -> bool {
        self.calls.borrow().unanswered() >= self.limits.calls
            || self.call_bytes.get() >= self.limits.call_bytes
            || self.sender.borrow().reply_bytes() >= self.limits.reply_bytes
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.give(self.held.get());
    }
}

/// The handle of one grain's connection that stays with whoever looks after the grain.
#[derive(Clone)]
pub struct Control(Rc<Shared>);

impl Control {
    /// Ends the connection: everybody's calls fail as disconnected, with `why`.
    pub fn close(&self, why: &str) {
        self.0.close(Closed::ByUs(why.to_owned()));
    }

    /// Why the connection has ended, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.0.closed.borrow().clone()
    }

    /// Whether anybody called into the grain since the last time of asking.
    pub fn take_used(&self) -> bool {
        self.0.used.replace(false)
    }

    /// Counts as a use of the grain.
    pub fn set_used(&self) {
        self.0.used.set(true);
    }

    /// How many calls of the grain are unanswered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.0.calls.borrow().unanswered()
    }

    /// How many bytes this connection holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.0.held.get()
    }
}

/// The network of two that a grain and the appliance make up; we are its server side.
pub struct Network {
    shared: Rc<Shared>,
    receiver: Rc<RefCell<Receiver>>,
    accepted: bool,
}

impl Network {
    /// Takes over our end of the socket pair whose other end is the grain's fd 3.
    ///
    /// # Errors
    /// When the socket cannot be registered with the runtime; must be called on the vat.
    pub fn new(stream: StdStream, limits: ApiLimits, pool: Pool) -> std::io::Result<(Self, Control)> {
        stream.set_nonblocking(true)?;
        let shared = Rc::new(Shared {
            limits,
            pool,
            stream: UnixStream::from_std(stream)?,
            calls: RefCell::default(),
            call_bytes: Cell::new(0),
            held: Cell::new(0),
            sender: RefCell::default(),
            reader: RefCell::new(None),
            closed: RefCell::new(None),
            used: Cell::new(true),
        });
        let receiver = Rc::new(RefCell::new(Receiver::new(shared.clone())));
        Ok((Self { shared: shared.clone(), receiver, accepted: false }, Control(shared)))
    }

    fn connection(&self) -> Box<dyn capnp_rpc::Connection<Side>> {
        Box::new(Connection { shared: self.shared.clone(), receiver: self.receiver.clone() })
    }
}

impl VatNetwork<Side> for Network {
    fn connect(&mut self, host: Side) -> Option<Box<dyn capnp_rpc::Connection<Side>>> {
        (host == Side::Client).then(|| self.connection())
    }

    fn accept(&mut self) -> Promise<Box<dyn capnp_rpc::Connection<Side>>, capnp::Error> {
        if std::mem::replace(&mut self.accepted, true) {
            Promise::from_future(std::future::pending())
        } else {
            Promise::ok(self.connection())
        }
    }

    fn drive_until_shutdown(&mut self) -> Promise<(), capnp::Error> {
        let shared = self.shared.clone();
        Promise::from_future(async move {
            std::future::poll_fn(|context| send::poll_write(&shared, context)).await;
            // Every reason is in `closed`; an error here would only be printed by the library.
            Ok(())
        })
    }
}

struct Connection {
    shared: Rc<Shared>,
    receiver: Rc<RefCell<Receiver>>,
}

impl capnp_rpc::Connection<Side> for Connection {
    fn get_peer_vat_id(&self) -> Side {
        Side::Client
    }

    fn new_outgoing_message(&mut self, first_segment_word_size: u32) -> Box<dyn OutgoingMessage> {
        Box::new(send::Outgoing::new(self.shared.clone(), first_segment_word_size))
    }

    fn receive_incoming_message(&mut self) -> Promise<Option<Box<dyn IncomingMessage>>, capnp::Error> {
        let receiver = self.receiver.clone();
        Promise::from_future(std::future::poll_fn(move |context| receiver.borrow_mut().poll(context)))
    }

    fn shutdown(&mut self, result: capnp::Result<()>) -> Promise<(), capnp::Error> {
        if let Err(error) = result {
            // The library found fault with a message that passed our own look at it.
            self.shared.close(if error.kind == capnp::ErrorKind::Disconnected {
                Closed::ByApp
            } else {
                Closed::Fault(format!("it broke the protocol: {}", error.extra))
            });
        }
        send::shutdown(&self.shared);
        Promise::ok(())
    }
}

#[cfg(test)]
mod tests;
