//! Calls on a stream of the app's, several under way at once, in order, bounded in bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use capnp::Error;
use capnp::any_pointer;
use capnp::capability::{Promise, Response};
use futures::stream::{FuturesUnordered, StreamExt as _};

/// The bytes that are on the way to an app. Whoever writes asks [`Window::has_room`] first.
pub(super) struct Window {
    limit: usize,
    bytes: usize,
    calls: FuturesUnordered<Call>,
}

struct Call {
    size: usize,
    promise: Promise<Response<any_pointer::Owned>, Error>,
}

impl Future for Call {
    type Output = (usize, Result<(), Error>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let size = self.size;
        Pin::new(&mut self.promise).poll(cx).map(|result| (size, result.map(drop)))
    }
}

impl Window {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, bytes: 0, calls: FuturesUnordered::new() }
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.limit
    }

    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// Sends a call that carries `size` bytes. A streaming call's own flow control is passed by: its window is the
    /// connection's, this one is the gateway's.
    pub(super) fn send<Params: capnp::traits::Owned>(
        &mut self,
        size: usize,
        call: capnp::capability::StreamingRequest<Params>,
    ) {
        self.bytes += size;
        self.calls.push(Call { size, promise: call.hook.send().promise });
    }

    /// Waits for one call to return; never returns while none is under way.
    pub(super) async fn returned(&mut self) -> Result<(), Error> {
        match self.calls.next().await {
            Some((size, result)) => {
                self.bytes -= size;
                result
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for all calls to return.
    pub(super) async fn drain(&mut self) -> Result<(), Error> {
        while !self.is_idle() {
            self.returned().await?;
        }
        Ok(())
    }
}
