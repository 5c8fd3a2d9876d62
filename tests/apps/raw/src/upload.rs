//! Bodies that stream: uploads into the app, downloads out of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use capnp::Error;
use granary_wire::util_capnp::{byte_stream, handle};
use granary_wire::web_session_capnp::web_session::request_stream;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::reply::Reply;

/// Counts what is uploaded.
pub(crate) struct Upload {
    about: Value,
    bytes: Cell<u64>,
    sum: Cell<u64>,
    chunks: Cell<u64>,
    expected: Cell<Option<u64>>,
    start: RefCell<Vec<u8>>,
    done: watch::Sender<bool>,
}

impl Upload {
    /// `about` goes into the answer too.
    pub(crate) fn new(about: Value) -> Self {
        Self {
            about,
            bytes: Cell::new(0),
            sum: Cell::new(0),
            chunks: Cell::new(0),
            expected: Cell::new(None),
            start: RefCell::default(),
            done: watch::Sender::new(false),
        }
    }

    pub(crate) fn add(&self, data: &[u8]) {
        self.bytes.set(self.bytes.get() + data.len() as u64);
        self.sum.set(data.iter().fold(self.sum.get(), |sum, byte| sum.wrapping_add(u64::from(*byte))));
        self.chunks.set(self.chunks.get() + 1);
        let mut start = self.start.borrow_mut();
        let room = 256_usize.saturating_sub(start.len());
        start.extend_from_slice(&data[..data.len().min(room)]);
    }

    pub(crate) fn report(&self) -> Reply {
        Reply::json(&json!({
            "bytes": self.bytes.get(),
            "sum": self.sum.get(),
            "chunks": self.chunks.get(),
            "expected": self.expected.get(),
            "done": *self.done.borrow(),
            "start": String::from_utf8_lossy(&self.start.borrow()),
            "request": self.about,
        }))
    }
}

impl byte_stream::Server for Upload {
    async fn write(self: Rc<Self>, params: byte_stream::WriteParams) -> Result<(), Error> {
        self.add(params.get()?.get_data()?);
        Ok(())
    }

    async fn done(self: Rc<Self>, _: byte_stream::DoneParams, _: byte_stream::DoneResults) -> Result<(), Error> {
        self.done.send_replace(true);
        Ok(())
    }

    async fn expect_size(
        self: Rc<Self>,
        params: byte_stream::ExpectSizeParams,
        _: byte_stream::ExpectSizeResults,
    ) -> Result<(), Error> {
        self.expected.set(Some(params.get()?.get_size()));
        Ok(())
    }
}

impl request_stream::Server for Upload {
    async fn get_response(
        self: Rc<Self>,
        _: request_stream::GetResponseParams,
        mut results: request_stream::GetResponseResults,
    ) -> Result<(), Error> {
        let mut done = self.done.subscribe();
        // The sender is part of `self` and so outlives the wait.
        let _ = done.wait_for(|done| *done).await;
        self.report().write(results.get())
    }
}

/// Lives as long as the platform wants the download.
struct Download(AbortHandle);

impl handle::Server for Download {
    async fn ping(self: Rc<Self>, _: handle::PingParams, _: handle::PingResults) -> Result<(), Error> {
        Ok(())
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts to send `bytes` bytes, byte i being `i mod 251`, and gives the handle that goes into the answer.
pub(crate) fn download(to: byte_stream::Client, bytes: u64, chunk: u64, expect: bool, finish: bool) -> handle::Client {
    let task = tokio::task::spawn_local(async move {
        if expect {
            let mut request = to.expect_size_request();
            request.get().set_size(bytes);
            let _ = request.send().promise.await;
        }
        let mut sent = 0;
        while sent < bytes {
            let count = chunk.min(bytes - sent);
            let mut request = to.write_request();
            let data = request.get().init_data(u32::try_from(count).unwrap_or(u32::MAX));
            for (offset, byte) in (sent..).zip(data.iter_mut()) {
                *byte = u8::try_from(offset % 251).unwrap_or(0);
            }
            if request.send().await.is_err() {
                return;
            }
            sent += count;
        }
        if finish {
            let _ = to.done_request().send().promise.await;
        }
    });
    capnp_rpc::new_client(Download(task.abort_handle()))
}
