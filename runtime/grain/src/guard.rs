//! A session's capability, whose calls fail as *disconnected* however the connection ended.
//!
//! When a grain breaks the protocol, the RPC library ends the connection with an error of type *failed*, in every call and
//! for ever. Whoever holds the session opens it again only for *disconnected*; so that is what they are told.

use capnp::any_pointer;
use capnp::capability::{Promise, RemotePromise, Request};
use capnp::private::capability::{ClientHook, ParamsHook, PipelineHook, RequestHook, ResultsHook};
use capnp::{Error, ErrorKind, MessageSize};

use crate::transport::Control;

/// Wraps a capability of the grain behind `control`.
pub(crate) fn guard(inner: Box<dyn ClientHook>, control: Control) -> Box<dyn ClientHook> {
    Box::new(Guard { inner, control })
}

struct Guard {
    inner: Box<dyn ClientHook>,
    control: Control,
}

struct GuardedRequest {
    inner: Box<dyn RequestHook>,
    control: Control,
}

/// The error of a call, once the connection has ended, is that it has ended.
fn translate(error: Error, control: &Control) -> Error {
    match (error.kind, control.closed()) {
        (ErrorKind::Failed, Some(_)) => Error::disconnected(error.extra),
        _ => error,
    }
}

impl ClientHook for Guard {
    fn add_ref(&self) -> Box<dyn ClientHook> {
        guard(self.inner.add_ref(), self.control.clone())
    }

    fn new_call(
        &self,
        interface_id: u64,
        method_id: u16,
        size_hint: Option<MessageSize>,
    ) -> Request<any_pointer::Owned, any_pointer::Owned> {
        let inner = self.inner.new_call(interface_id, method_id, size_hint).hook;
        Request::new(Box::new(GuardedRequest { inner, control: self.control.clone() }))
    }

    fn call(
        &self,
        interface_id: u64,
        method_id: u16,
        params: Box<dyn ParamsHook>,
        results: Box<dyn ResultsHook>,
    ) -> Promise<(), Error> {
        let (answer, control) = (self.inner.call(interface_id, method_id, params, results), self.control.clone());
        Promise::from_future(async move { answer.await.map_err(|error| translate(error, &control)) })
    }

    /// A capability of ours, not of the connection's: the library must not look inside.
    fn get_brand(&self) -> usize {
        0
    }

    fn get_ptr(&self) -> usize {
        self.inner.get_ptr()
    }

    fn get_resolved(&self) -> Option<Box<dyn ClientHook>> {
        None
    }

    fn when_more_resolved(&self) -> Option<Promise<Box<dyn ClientHook>, Error>> {
        None
    }

    fn when_resolved(&self) -> Promise<(), Error> {
        self.inner.when_resolved()
    }
}

impl RequestHook for GuardedRequest {
    fn get(&mut self) -> any_pointer::Builder<'_> {
        self.inner.get()
    }

    fn get_brand(&self) -> usize {
        0
    }

    fn send(self: Box<Self>) -> RemotePromise<any_pointer::Owned> {
        let Self { inner, control } = *self;
        let RemotePromise { promise, pipeline } = inner.send();
        let promise = Promise::from_future(async move { promise.await.map_err(|error| translate(error, &control)) });
        RemotePromise { promise, pipeline }
    }

    fn send_streaming(self: Box<Self>) -> Promise<(), Error> {
        let Self { inner, control } = *self;
        let answer = inner.send_streaming();
        Promise::from_future(async move { answer.await.map_err(|error| translate(error, &control)) })
    }

    fn tail_send(self: Box<Self>) -> Option<(u32, Promise<(), Error>, Box<dyn PipelineHook>)> {
        self.inner.tail_send()
    }
}
