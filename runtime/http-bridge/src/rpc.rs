//! Cap'n Proto RPC over the socket to the platform: few system calls, and no buffer that outlives its message.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use capnp::Error;
use capnp::any_pointer;
use capnp::capability::Promise;
use capnp::message::{Builder, HeapAllocator, Reader, ReaderOptions};
use capnp::serialize::{OwnedSegments, SegmentLengthsBuilder};
use capnp_rpc::rpc_twoparty_capnp::Side;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// The platform is trusted, but a message longer than this is a mistake.
const MAX_MESSAGE: usize = 256 << 20;
const MAX_SEGMENTS: usize = 512;
/// One read takes in several ordinary messages at once.
const READ_SIZE: usize = 16 << 10;
/// Slices for one `writev`, well below the kernel's limit.
const MAX_SLICES: usize = 64;
/// Enough for most messages the bridge sends, so that most have one segment.
const FIRST_SEGMENT_WORDS: u32 = 256;

type Message = Rc<Builder<HeapAllocator>>;

/// The one connection of this program.
pub struct Network {
    link: Link,
    writer: Option<OwnedWriteHalf>,
    accepted: bool,
}

impl Network {
    /// Takes over the socket. Call within a tokio runtime.
    pub fn new(socket: StdUnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(socket)?.into_split();
        let input = Input { half: reader, buffer: Vec::new(), at: 0 };
        let link = Link { output: Rc::default(), input: Rc::new(RefCell::new(Some(input))) };
        Ok(Self { link, writer: Some(writer), accepted: false })
    }
}

impl capnp_rpc::VatNetwork<Side> for Network {
    fn connect(&mut self, host: Side) -> Option<Box<dyn capnp_rpc::Connection<Side>>> {
        // The platform is the server, the app the client.
        (host == Side::Server).then(|| Box::new(self.link.clone()) as _)
    }

    fn accept(&mut self) -> Promise<Box<dyn capnp_rpc::Connection<Side>>, Error> {
        if std::mem::replace(&mut self.accepted, true) {
            return Promise::from_future(std::future::pending());
        }
        Promise::ok(Box::new(self.link.clone()))
    }

    fn drive_until_shutdown(&mut self) -> Promise<(), Error> {
        let Some(mut writer) = self.writer.take() else {
            return Promise::from_future(std::future::pending());
        };
        let output = Rc::clone(&self.link.output);
        Promise::from_future(std::future::poll_fn(move |cx| output.poll_write(&mut writer, cx)))
    }
}

#[derive(Clone)]
struct Link {
    output: Rc<Output>,
    input: Rc<RefCell<Option<Input>>>,
}

impl capnp_rpc::Connection<Side> for Link {
    fn get_peer_vat_id(&self) -> Side {
        Side::Server
    }

    fn new_outgoing_message(&mut self, first_segment_words: u32) -> Box<dyn capnp_rpc::OutgoingMessage> {
        let words = first_segment_words.clamp(FIRST_SEGMENT_WORDS / 8, FIRST_SEGMENT_WORDS);
        Box::new(Outgoing {
            message: Builder::new(HeapAllocator::new().first_segment_words(words)),
            output: Rc::clone(&self.output),
        })
    }

    fn receive_incoming_message(&mut self) -> Promise<Option<Box<dyn capnp_rpc::IncomingMessage>>, Error> {
        let slot = Rc::clone(&self.input);
        Promise::from_future(async move {
            let taken = slot.borrow_mut().take();
            let mut input = taken.ok_or_else(|| Error::failed("two readers of one connection".to_owned()))?;
            let message = input.read_message().await?;
            *slot.borrow_mut() = Some(input);
            Ok(message.map(|message| Box::new(Incoming(message)) as _))
        })
    }

    fn shutdown(&mut self, result: capnp::Result<()>) -> Promise<(), Error> {
        let mut state = self.output.0.borrow_mut();
        state.closed = Some(result);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        Promise::ok(())
    }
}

struct Incoming(Reader<OwnedSegments>);

impl capnp_rpc::IncomingMessage for Incoming {
    fn get_body(&self) -> capnp::Result<any_pointer::Reader<'_>> {
        self.0.get_root()
    }
}

struct Outgoing {
    message: Builder<HeapAllocator>,
    output: Rc<Output>,
}

impl capnp_rpc::OutgoingMessage for Outgoing {
    fn get_body(&mut self) -> capnp::Result<any_pointer::Builder<'_>> {
        self.message.get_root()
    }

    fn get_body_as_reader(&self) -> capnp::Result<any_pointer::Reader<'_>> {
        self.message.get_root_as_reader()
    }

    fn send(self: Box<Self>) -> (Promise<(), Error>, Message) {
        let message = Rc::new(self.message);
        let mut state = self.output.0.borrow_mut();
        // After the end nobody reads any more.
        if state.closed.is_none() {
            state.queue.push_back(Framed { table: segment_table(&message), message: Rc::clone(&message) });
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        }
        (Promise::ok(()), message)
    }

    fn take(self: Box<Self>) -> Builder<HeapAllocator> {
        self.message
    }

    fn size_in_words(&self) -> usize {
        self.message.size_in_words()
    }
}

struct Framed {
    table: Vec<u8>,
    message: Message,
}

impl Framed {
    fn len(&self) -> usize {
        self.table.len() + self.message.get_segments_for_output().iter().map(|segment| segment.len()).sum::<usize>()
    }
}

fn segment_table(message: &Builder<HeapAllocator>) -> Vec<u8> {
    let segments = message.get_segments_for_output();
    let mut table = Vec::with_capacity((segments.len() / 2 + 1) * 8);
    // A message has far fewer than 2^32 segments and words.
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    table.extend_from_slice(&number(segments.len() - 1));
    for segment in segments.iter() {
        table.extend_from_slice(&number(segment.len() / 8));
    }
    if segments.len().is_multiple_of(2) {
        table.extend_from_slice(&[0; 4]);
    }
    table
}

#[derive(Default)]
struct Output(RefCell<OutputState>);

#[derive(Default)]
struct OutputState {
    queue: VecDeque<Framed>,
    /// How much of the first message is written.
    written: usize,
    /// Set while nothing is queued.
    waker: Option<Waker>,
    /// Whether the others were given a turn since the queue filled.
    settled: bool,
    closed: Option<capnp::Result<()>>,
}

impl Output {
    fn poll_write(&self, writer: &mut OwnedWriteHalf, cx: &mut Context<'_>) -> Poll<capnp::Result<()>> {
        loop {
            let mut state = self.0.borrow_mut();
            if state.queue.is_empty() {
                if let Some(result) = state.closed.take() {
                    return Poll::Ready(result);
                }
                state.waker = Some(cx.waker().clone());
                state.settled = false;
                return Poll::Pending;
            }
            if !state.settled {
                // A return is mostly followed by the release of its parameters: let both go out in one write, which
                // wakes the platform once.
                state.settled = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let outcome = {
                let mut slices = Vec::with_capacity(8);
                let mut skip = state.written;
                for framed in &state.queue {
                    let segments = framed.message.get_segments_for_output();
                    for part in std::iter::once(framed.table.as_slice()).chain(segments.iter().copied()) {
                        let passed = skip.min(part.len());
                        skip -= passed;
                        if passed < part.len() && slices.len() < MAX_SLICES {
                            slices.push(IoSlice::new(&part[passed..]));
                        }
                    }
                    if slices.len() >= MAX_SLICES {
                        break;
                    }
                }
                Pin::new(&mut *writer).poll_write_vectored(cx, &slices)
            };
            match outcome {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => {
                    state.queue.clear();
                    state.closed = Some(Ok(()));
                    return Poll::Ready(Err(Error::disconnected(error.to_string())));
                }
                Poll::Ready(Ok(count)) => {
                    state.written += count;
                    while let Some(length) = state.queue.front().map(Framed::len)
                        && state.written >= length
                    {
                        state.written -= length;
                        state.queue.pop_front();
                    }
                }
            }
        }
    }
}

struct Input {
    half: OwnedReadHalf,
    buffer: Vec<u8>,
    /// What is used up of the buffer.
    at: usize,
}

impl Input {
    fn unread(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Waits for at least `count` bytes in the buffer. False when the connection ends first.
    async fn need(&mut self, count: usize) -> io::Result<bool> {
        while self.unread().len() < count {
            self.buffer.drain(..self.at);
            self.at = 0;
            if self.buffer.is_empty() {
                // While the grain is idle there is no buffer at all.
                self.buffer = Vec::new();
                self.half.readable().await?;
            }
            self.buffer.reserve(READ_SIZE.max(count));
            if self.half.read_buf(&mut self.buffer).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn read_message(&mut self) -> capnp::Result<Option<Reader<OwnedSegments>>> {
        let cut_off = || Error::disconnected("the platform's message was cut off".to_owned());
        if !self.need(8).await? {
            return if self.unread().is_empty() { Ok(None) } else { Err(cut_off()) };
        }
        let number = |bytes: &[u8], i: usize| -> usize {
            bytes
                .get(i * 4..i * 4 + 4)
                .and_then(|four| four.try_into().ok())
                .map_or(0, |four| u32::from_le_bytes(four) as usize)
        };
        let count = number(self.unread(), 0).saturating_add(1);
        if count > MAX_SEGMENTS {
            return Err(Error::failed(format!("a message of the platform has {count} segments")));
        }
        let table_length = (count / 2 + 1) * 8;
        if !self.need(table_length).await? {
            return Err(cut_off());
        }
        let mut lengths = SegmentLengthsBuilder::with_capacity(count);
        for i in 1..=count {
            lengths.try_push_segment(number(self.unread(), i))?;
        }
        if lengths.total_words() > MAX_MESSAGE / 8 {
            return Err(Error::failed(format!("a message of the platform is longer than {MAX_MESSAGE} bytes")));
        }
        self.at += table_length;
        let mut segments = lengths.into_owned_segments();
        let ready = self.unread().len().min(segments.len());
        segments[..ready].copy_from_slice(&self.unread()[..ready]);
        self.at += ready;
        // The rest of a long message goes to its place without a detour.
        let mut rest = &mut segments[ready..];
        while !rest.is_empty() {
            let count = self.half.read(rest).await?;
            if count == 0 {
                return Err(cut_off());
            }
            rest = &mut rest[count..];
        }
        let options = ReaderOptions { traversal_limit_in_words: Some(MAX_MESSAGE / 4), nesting_limit: 64 };
        Ok(Some(Reader::new(segments, options)))
    }
}
