//! A request whose body comes in pieces.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use granary_wire::util_capnp::byte_stream;
use granary_wire::web_session_capnp::web_session::request_stream;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::app::{App, Connection, Error, Reply, send_all};
use crate::http::{Decoder, Method, RequestHead};
use crate::log::log;
use crate::response::{Asked, answer};

/// The stream that the platform writes the body to.
pub(crate) struct Upload {
    app: Rc<App>,
    method: Method,
    asked: Asked,
    phase: RefCell<Phase>,
    /// Where the answer will come, once the request is on its way.
    answering: RefCell<Option<Connection>>,
    changed: Notify,
    sent: Rc<Cell<bool>>,
}

enum Phase {
    /// Nothing is sent, because a size may still be told.
    Waiting {
        head: RequestHead,
        size: Option<u64>,
    },
    /// A call is at work.
    Busy,
    /// The head is sent.
    Open {
        stream: Rc<TcpStream>,
        left: Option<u64>,
    },
    /// The app does not read on. That is its right: it may have answered already.
    Deaf,
    /// The body is complete.
    Done,
    Failed(capnp::Error),
}

impl Upload {
    pub(crate) fn new(app: Rc<App>, head: RequestHead, method: Method, asked: Asked) -> Self {
        Self {
            app,
            method,
            asked,
            phase: RefCell::new(Phase::Waiting { head, size: None }),
            answering: RefCell::new(None),
            changed: Notify::new(),
            sent: Rc::default(),
        }
    }

    /// Sends `data`, and the end of the body if it is the last, with the head before it if that is still to be sent.
    async fn send(&self, data: &[u8], last: bool) -> capnp::Result<()> {
        let phase = self.phase.replace(Phase::Busy);
        let outcome = self.advance(phase, data, last).await;
        let (phase, result) = match outcome {
            Ok(phase) => (phase, Ok(())),
            Err(error) => {
                log!("{} {}: {}", self.method.name(), self.asked.path, error.extra);
                (Phase::Failed(error.clone()), Err(error))
            }
        };
        *self.phase.borrow_mut() = phase;
        self.changed.notify_waiters();
        result
    }

    async fn advance(&self, phase: Phase, data: &[u8], last: bool) -> capnp::Result<Phase> {
        let (stream, left, mut head) = match phase {
            Phase::Waiting { mut head, size } => {
                // With the first piece also the last, the size is known after all.
                let size = size.or_else(|| last.then_some(data.len() as u64));
                match size {
                    Some(size) => head.number("Content-Length", size),
                    None => head.number("Transfer-Encoding", "chunked"),
                }
                // A body is sent once, so the connection has to be new.
                let connection = self.app.connection(true).await?;
                let stream = Rc::clone(&connection.stream);
                *self.answering.borrow_mut() = Some(connection);
                self.changed.notify_waiters();
                (stream, size, head.finish())
            }
            Phase::Open { stream, left } => (stream, left, Vec::new()),
            Phase::Deaf if last => return Ok(Phase::Done),
            Phase::Deaf => return Ok(Phase::Deaf),
            Phase::Failed(error) => return Err(error),
            Phase::Done | Phase::Busy => {
                return Err(capnp::Error::failed("http-bridge: the body has been ended already".to_owned()));
            }
        };
        let outcome = match left {
            Some(left) => {
                let Some(left) = left.checked_sub(data.len() as u64) else {
                    return Err(capnp::Error::failed(
                        "http-bridge: the body is longer than expectSize said".to_owned(),
                    ));
                };
                if last && left > 0 {
                    return Err(capnp::Error::failed(format!(
                        "http-bridge: the body ended {left} bytes before the size that expectSize said"
                    )));
                }
                send_pair(&stream, head, data).await.map(|()| Some(left))
            }
            None => {
                if !data.is_empty() {
                    head.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                }
                let mut outcome = send_pair(&stream, head, data).await;
                let end: &[u8] = match (data.is_empty(), last) {
                    (true, true) => b"0\r\n\r\n",
                    (false, true) => b"\r\n0\r\n\r\n",
                    (false, false) => b"\r\n",
                    (true, false) => b"",
                };
                if outcome.is_ok() {
                    outcome = send_all(&stream, end).await;
                }
                outcome.map(|()| None)
            }
        };
        match outcome {
            Ok(_) if last => {
                self.sent.set(true);
                Ok(Phase::Done)
            }
            Ok(left) => Ok(Phase::Open { stream, left }),
            // What it answers is told by `getResponse`.
            Err(_) if last => Ok(Phase::Done),
            Err(_) => Ok(Phase::Deaf),
        }
    }

    async fn reply(&self) -> capnp::Result<Reply> {
        let mut connection = loop {
            let changed = self.changed.notified();
            if let Some(connection) = self.answering.borrow_mut().take() {
                break connection;
            }
            if let Phase::Failed(error) = &*self.phase.borrow() {
                return Err(error.clone());
            }
            changed.await;
        };
        let head = connection.read_head().await.map_err(|error: Error| {
            log!("{} {}: {error}", self.method.name(), self.asked.path);
            error
        })?;
        let decoder = Decoder::new(head.framing(false));
        let complete_request = self.sent.get();
        Ok(Reply { head, decoder, connection, complete_request })
    }
}

/// Sends a short thing before a long one, in one packet where that fits.
async fn send_pair(stream: &TcpStream, mut first: Vec<u8>, second: &[u8]) -> std::io::Result<()> {
    const TOGETHER: usize = 8 << 10;
    if second.len() <= TOGETHER {
        first.extend_from_slice(second);
        return send_all(stream, &first).await;
    }
    send_all(stream, &first).await?;
    send_all(stream, second).await
}

impl byte_stream::Server for Upload {
    async fn write(self: Rc<Self>, params: byte_stream::WriteParams) -> capnp::Result<()> {
        let data = params.get()?.get_data()?;
        if data.is_empty() {
            return Ok(());
        }
        self.send(data, false).await
    }

    async fn done(self: Rc<Self>, _: byte_stream::DoneParams, _: byte_stream::DoneResults) -> capnp::Result<()> {
        self.send(&[], true).await
    }

    async fn expect_size(
        self: Rc<Self>,
        params: byte_stream::ExpectSizeParams,
        _: byte_stream::ExpectSizeResults,
    ) -> capnp::Result<()> {
        let expected = params.get()?.get_size();
        // Once bytes are on their way it is too late, and no harm.
        if let Phase::Waiting { size, .. } = &mut *self.phase.borrow_mut() {
            *size = Some(expected);
        }
        Ok(())
    }
}

impl request_stream::Server for Upload {
    async fn get_response(
        self: Rc<Self>,
        _: request_stream::GetResponseParams,
        results: request_stream::GetResponseResults,
    ) -> capnp::Result<()> {
        let reply = self.reply().await?;
        answer(reply, self.asked.clone(), results)
            .await
            .inspect_err(|error| log!("{} {}: {}", self.method.name(), self.asked.path, error.extra))
    }
}
