//! Writes messages to a grain: what the library queues, gathered into few system calls, with a bound.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use capnp::capability::Promise;
use capnp::message::{Builder, HeapAllocator};
use capnp_rpc::OutgoingMessage;
use capnp_rpc::rpc_capnp::message;
use tokio::net::UnixStream;

use super::{Closed, Shared};

/// How many pieces one system call writes at most, and of how many messages.
const PIECES: usize = 128;
/// How much is written before others get their turn.
const BUDGET: usize = 1 << 20;
/// What a queued message costs beside its own words.
const OVERHEAD: usize = 512;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Sender {
    queue: VecDeque<Queued>,
    /// What the queue costs, and the part of it that answers the grain.
    bytes: usize,
    reply_bytes: usize,
    writer: Option<Waker>,
    /// Each `Finish` that was held back and may now go to the library.
    due: Vec<(u32, bool)>,
    ending: bool,
    ended: bool,
}

struct Queued {
    table: Vec<u8>,
    message: Rc<Builder<HeapAllocator>>,
    length: usize,
    written: usize,
    cost: usize,
    is_call: bool,
}

impl Sender {
    pub(super) fn reply_bytes(&self) -> usize {
        self.reply_bytes
    }

    pub(super) fn take_due(&mut self) -> Vec<(u32, bool)> {
        std::mem::take(&mut self.due)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    fn push(&mut self, queued: Queued) {
        self.bytes += queued.cost;
        if !queued.is_call {
            self.reply_bytes += queued.cost;
        }
        self.queue.push_back(queued);
        self.wake();
    }

    fn pop(&mut self) -> usize {
        let Some(queued) = self.queue.pop_front() else { return 0 };
        self.bytes -= queued.cost;
        if !queued.is_call {
            self.reply_bytes -= queued.cost;
        }
        queued.cost
    }

    /// Forgets `count` bytes that are written; gives the cost that becomes free.
    fn advance(&mut self, mut count: usize) -> usize {
        let mut freed = 0;
        while let Some(first) = self.queue.front_mut() {
            let left = first.length - first.written;
            if count < left {
                first.written += count;
                break;
            }
            count -= left;
            freed += self.pop();
        }
        freed
    }

    /// Writes the first pieces of the queue.
    fn write(&self, stream: &UnixStream) -> io::Result<usize> {
        let segments: Vec<_> = self.queue.iter().take(PIECES).map(|q| q.message.get_segments_for_output()).collect();
        let mut skip = self.queue.front().map_or(0, |first| first.written);
        let mut length = 0;
        let mut pieces = Vec::with_capacity(PIECES.min(segments.len() * 2));
        'all: for (queued, segments) in self.queue.iter().zip(&segments) {
            for piece in std::iter::once(queued.table.as_slice()).chain(segments.iter().copied()) {
                if pieces.len() == PIECES || length >= BUDGET {
                    break 'all;
                }
                let skipped = skip.min(piece.len());
                skip -= skipped;
                if skipped < piece.len() {
                    let rest = &piece[skipped..];
                    length += rest.len();
                    pieces.push(IoSlice::new(rest));
                }
            }
        }
        stream.try_write_vectored(&pieces)
    }
}

/// Writes what is queued until the connection ends.
pub(super) fn poll_write(shared: &Rc<Shared>, context: &mut Context<'_>) -> Poll<()> {
    let mut budget = BUDGET;
    loop {
        let mut sender = shared.sender.borrow_mut();
        if sender.queue.is_empty() || budget == 0 {
            if sender.ending && sender.queue.is_empty() {
                drop(sender);
                return end(shared);
            }
            sender.writer = Some(context.waker().clone());
            if !sender.queue.is_empty() {
                sender.wake();
            }
            return Poll::Pending;
        }
        let result = match shared.stream.poll_write_ready(context) {
            Poll::Ready(Ok(())) => sender.write(&shared.stream),
            Poll::Ready(Err(error)) => Err(error),
            // At the end nobody waits for an app that does not read.
            Poll::Pending if sender.ending => {
                drop(sender);
                return end(shared);
            }
            Poll::Pending => {
                sender.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
        };
        let freed = match result {
            Ok(count) => {
                budget = budget.saturating_sub(count);
                sender.advance(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => {
                tracing::debug!(%error, "writing to a grain's API socket failed");
                let freed = drop_all(&mut sender);
                drop(sender);
                shared.free(freed);
                shared.close(Closed::ByApp);
                continue;
            }
        };
        drop(sender);
        if freed > 0 {
            shared.free(freed);
            // Answers that were fetched make room for more calls.
            shared.wake_reader();
        }
    }
}

fn drop_all(sender: &mut Sender) -> usize {
    std::iter::from_fn(|| (!sender.queue.is_empty()).then(|| sender.pop())).sum()
}

/// Nothing more is written once what is queued is gone, or once the app does not take it.
pub(super) fn shutdown(shared: &Shared) {
    let mut sender = shared.sender.borrow_mut();
    sender.ending = true;
    sender.wake();
}

fn end(shared: &Shared) -> Poll<()> {
    let freed = {
        let mut sender = shared.sender.borrow_mut();
        sender.ended = true;
        drop_all(&mut sender)
    };
    shared.free(freed);
    // The descriptor itself is closed when the last capability is dropped; the app is told now.
    if let Err(error) = nix::sys::socket::shutdown(shared.stream.as_raw_fd(), nix::sys::socket::Shutdown::Both) {
        tracing::debug!(%error, "a grain's API socket was closed already");
    }
    Poll::Ready(())
}

/// A message to a grain that the library is still writing.
pub(super) struct Outgoing {
    shared: Rc<Shared>,
    message: Builder<HeapAllocator>,
}

impl Outgoing {
    pub(super) fn new(shared: Rc<Shared>, hint: u32) -> Self {
        // The library asks for 8 KiB for each call, most of which are far smaller; a builder grows by itself.
        let allocator = HeapAllocator::new().first_segment_words(hint.clamp(16, 128));
        Self { shared, message: Builder::new(allocator) }
    }

    fn queue(shared: &Rc<Shared>, message: Rc<Builder<HeapAllocator>>) {
        let Ok(root) = message.get_root_as_reader::<message::Reader<'_>>() else { return };
        let sent = shared.calls.borrow_mut().sent(root);
        if sent.is_call {
            shared.used.set(true);
        }
        let (table, length) = {
            let segments = message.get_segments_for_output();
            let table = table(&segments);
            let length = table.len() + segments.iter().map(|segment| segment.len()).sum::<usize>();
            (table, length)
        };
        let cost = message.size_in_words() * 8 + OVERHEAD;
        let mut sender = shared.sender.borrow_mut();
        if let Some(finish) = sent.finish {
            sender.due.push(finish);
        }
        if !sender.ended {
            shared.hold(cost);
            sender.push(Queued { table, message, length, written: 0, cost, is_call: sent.is_call });
        }
        let unread = sender.bytes;
        drop(sender);
        if unread > shared.limits.unread_bytes {
            shared.close(Closed::Fault(format!("it left {} MiB on its API socket unread", unread >> 20)));
        } else {
            // An answer makes room for another call.
            shared.wake_reader();
        }
    }
}

/// The table of segments that goes before a message.
fn table(segments: &[&[u8]]) -> Vec<u8> {
    let count = segments.len();
    let mut table = Vec::with_capacity((count / 2 + 1) * 8);
    let mut push = |number: usize| table.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    push(count - 1);
    segments.iter().for_each(|segment| push(segment.len() / 8));
    if count.is_multiple_of(2) {
        push(0);
    }
    table
}

impl OutgoingMessage for Outgoing {
    fn get_body(&mut self) -> capnp::Result<capnp::any_pointer::Builder<'_>> {
        self.message.get_root()
    }

    fn get_body_as_reader(&self) -> capnp::Result<capnp::any_pointer::Reader<'_>> {
        self.message.get_root_as_reader()
    }

    fn send(self: Box<Self>) -> (Promise<(), capnp::Error>, Rc<Builder<HeapAllocator>>) {
        let Self { shared, message } = *self;
        let message = Rc::new(message);
        Self::queue(&shared, message.clone());
        // Nobody waits for single messages: back-pressure is by the streams' windows and by the limits above.
        (Promise::ok(()), message)
    }

    fn take(self: Box<Self>) -> Builder<HeapAllocator> {
        self.message
    }

    fn size_in_words(&self) -> usize {
        self.message.size_in_words()
    }
}
