//! Reads messages from a grain: few system calls for many small ones, no memory that is not filled.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use capnp::Word;
use capnp_rpc::IncomingMessage;
use tokio::time::{Instant, Sleep};

use super::inspect::Verdict;
use super::message::{Header, Incoming, header};
use super::{Closed, Shared};

/// The read buffer, in words: 64 KiB.
const BUFFER: usize = 8192;
/// Messages of at least so many words take the buffer with them instead of being copied out of it.
const TAKE: usize = BUFFER / 2;
/// How many messages are handled in a row before the vat looks at its sockets and at the jobs of other threads.
const STREAK: u32 = 16;
/// How much is read before others get their turn.
const BUDGET: usize = 1 << 20;

pub(super) struct Receiver {
    shared: Rc<Shared>,
    words: Vec<Word>,
    /// Bytes of `words` in use: from `start` (always whole words) to `end`.
    start: usize,
    end: usize,
    /// What the pool was charged for the buffer.
    charged: usize,
    /// When the grain last sent anything, and the alarm for when it stops within a message.
    progress: Instant,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Messages since the grain last had nothing to say, and the pause after many of them.
    streak: u32,
    pause: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// Messages the library gets next: every `Finish` that was held back.
    due: VecDeque<(u32, bool)>,
}

type Received = Result<Option<Box<dyn IncomingMessage>>, capnp::Error>;

impl Receiver {
    pub(super) fn new(shared: Rc<Shared>) -> Self {
        Self {
            shared,
            words: Vec::new(),
            start: 0,
            end: 0,
            charged: 0,
            progress: Instant::now(),
            alarm: None,
            streak: 0,
            pause: None,
            due: VecDeque::new(),
        }
    }

    /// The next message, when there is one and there is room for it.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let mut budget = BUDGET;
        loop {
            if let Some(error) = self.shared.closed_error() {
                return Poll::Ready(Err(error));
            }
            *self.shared.reader.borrow_mut() = Some(context.waker().clone());
            self.due.extend(self.shared.sender.borrow_mut().take_due());
            if let Some((question, release)) = self.due.pop_front() {
                return Poll::Ready(Ok(Some(Box::new(finish(question, release)))));
            }
            if self.shared.is_full() {
                return Poll::Pending;
            }
            // Waking ourselves would not do: a local task that is ready goes before everything that is not a task.
            if self.streak >= STREAK {
                let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::task::yield_now()));
                std::task::ready!(pause.as_mut().poll(context));
                self.pause = None;
                self.streak = 0;
            }
            let needed = match self.next_message() {
                Ok(Some(message)) => {
                    self.streak += 1;
                    return Poll::Ready(Ok(Some(message)));
                }
                Ok(None) => self.needed(),
                Err(error) => return Poll::Ready(Err(error)),
            };
            if budget == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !self.make_room(needed, context) {
                return Poll::Pending;
            }
            match self.read(budget, context) {
                Poll::Ready(Ok(0)) => {
                    let why = if self.start == self.end {
                        Closed::ByApp
                    } else {
                        Closed::Fault("it closed its API socket in the middle of a message".to_owned())
                    };
                    self.shared.close(why);
                }
                Poll::Ready(Ok(count)) => budget = budget.saturating_sub(count),
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "reading a grain's API socket failed");
                    self.shared.close(Closed::ByApp);
                }
                Poll::Pending => {
                    self.streak = 0;
                    return if self.is_stalled(context) {
                        let limit = self.shared.limits.stall.as_secs();
                        Poll::Ready(Err(self
                            .shared
                            .fault(format!("it stopped for {limit} s in the middle of a message"))))
                    } else {
                        Poll::Pending
                    };
                }
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        &Word::words_to_bytes(&self.words)[self.start..self.end]
    }

    /// Takes the next message out of the buffer, if it is there as a whole and is not for us alone.
    fn next_message(&mut self) -> Result<Option<Box<dyn IncomingMessage>>, capnp::Error> {
        loop {
            let limits = &self.shared.limits;
            let length = match header(self.bytes(), limits.segments, limits.message_bytes) {
                Header::Incomplete => return Ok(None),
                Header::Refused(text) => return Err(self.shared.fault(text)),
                Header::Words(words) => words,
            };
            if self.end - self.start < length * 8 {
                return Ok(None);
            }
            let mut message = Incoming::new(self.take(length));
            let verdict = self.shared.calls.borrow_mut().received(&message, &self.shared.limits);
            match verdict {
                Verdict::Pass { is_call, capabilities } => {
                    message.charge(&self.shared, is_call, capabilities);
                    return Ok(Some(Box::new(message)));
                }
                Verdict::Hold => {}
                Verdict::Refuse(text) => return Err(self.shared.fault(text)),
            }
        }
    }

    /// The first `length` words in use, out of the buffer.
    fn take(&mut self, length: usize) -> Vec<Word> {
        let first = self.start / 8;
        self.start += length * 8;
        if length < TAKE || first > 0 {
            let copy = self.words[first..first + length].to_vec();
            if self.start == self.end && self.words.len() > BUFFER {
                self.replace_buffer(Vec::new());
            }
            return copy;
        }
        // A large message at the very start: it keeps the memory, the few bytes behind it move to a new buffer.
        let rest = self.end - self.start;
        let mut words = Word::allocate_zeroed_vec(BUFFER.max(rest.div_ceil(8)));
        Word::words_to_bytes_mut(&mut words)[..rest].copy_from_slice(self.bytes());
        let mut taken = self.replace_buffer(words);
        (self.start, self.end) = (0, rest);
        taken.truncate(length);
        taken
    }

    fn replace_buffer(&mut self, words: Vec<Word>) -> Vec<Word> {
        (self.start, self.end) = (0, 0);
        self.charge(words.len() * 8);
        std::mem::replace(&mut self.words, words)
    }

    fn charge(&mut self, bytes: usize) {
        self.shared.hold(bytes);
        self.shared.free(std::mem::replace(&mut self.charged, bytes));
    }

    /// How many bytes the buffer must be able to hold before the next message can be whole.
    fn needed(&self) -> usize {
        let limits = &self.shared.limits;
        match header(self.bytes(), limits.segments, limits.message_bytes) {
            Header::Words(words) => words * 8,
            // The longest table of segments.
            _ => (limits.segments + 2) * 4,
        }
    }

    /// Makes the buffer large enough to read on: at most twice of what has arrived. `false`: wait for the pool.
    fn make_room(&mut self, needed: usize, context: &Context<'_>) -> bool {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let size = self.words.len() * 8;
        if self.start > 0 && (self.end == size || self.start + needed > size) {
            let (from, to) = (self.start, self.end);
            Word::words_to_bytes_mut(&mut self.words).copy_within(from..to, 0);
            (self.start, self.end) = (0, to - from);
        }
        let (held, waker) = (self.shared.held.get(), context.waker());
        if self.end < size {
            return self.shared.pool.may_take(held, 0, waker);
        }
        let larger = if size == 0 { BUFFER * 8 } else { needed.min(size * 2).max(size + 8) };
        if !self.shared.pool.may_take(held, larger, waker) {
            return false;
        }
        let mut words = Word::allocate_zeroed_vec(larger.div_ceil(8));
        let (used, end) = (self.end, self.end);
        Word::words_to_bytes_mut(&mut words)[..used].copy_from_slice(&Word::words_to_bytes(&self.words)[..used]);
        self.charge(words.len() * 8);
        self.words = words;
        self.end = end;
        true
    }

    fn read(&mut self, budget: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let end = (self.words.len() * 8).min(self.end + budget);
        loop {
            std::task::ready!(self.shared.stream.poll_read_ready(context))?;
            let room = &mut Word::words_to_bytes_mut(&mut self.words)[self.end..end];
            match self.shared.stream.try_read(room) {
                Ok(count) => {
                    self.end += count;
                    self.progress = Instant::now();
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Whether the grain has sent part of a message and then nothing for too long. Sets the alarm otherwise.
    fn is_stalled(&mut self, context: &mut Context<'_>) -> bool {
        if self.start == self.end {
            self.alarm = None;
            return false;
        }
        let deadline = self.progress + self.shared.limits.stall;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context).is_ready()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.charge(0);
    }
}

/// A `Finish` message of our own making, in place of one that was held back.
fn finish(question: u32, release: bool) -> Incoming {
    let mut builder = capnp::message::Builder::new(capnp::message::HeapAllocator::new().first_segment_words(16));
    let mut finish = builder.init_root::<capnp_rpc::rpc_capnp::message::Builder<'_>>().init_finish();
    finish.set_question_id(question);
    finish.set_release_result_caps(release);
    let bytes = capnp::serialize::write_message_to_words(&builder);
    let mut words = Word::allocate_zeroed_vec(bytes.len() / 8);
    Word::words_to_bytes_mut(&mut words).copy_from_slice(&bytes);
    Incoming::new(words)
}
