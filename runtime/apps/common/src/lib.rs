//! What the starter apps share: an `App` written as plain Rust becomes a grain that speaks Cap'n Proto on file descriptor 3.
//!
//! An app implements [`App`] and calls [`run`] from `main`. Handlers are synchronous and short (their work is a file or two on the local disk);
//! what is long, a download, an upload or a WebSocket, is streamed with back-pressure by the session.

mod reply;
mod session;
mod socket;
mod view;

pub use reply::{Body, Reply, Status};
pub use socket::Socket;
pub use view::{Permission, Role, View, Visitor};

use std::{io, os::fd::FromRawFd, rc::Rc};

use capnp_rpc::{RpcSystem, rpc_twoparty_capnp::Side, twoparty::VatNetwork};
use futures::AsyncReadExt;
use granary_wire::grain_capnp::ui_view;
use tokio_util::compat::TokioAsyncReadCompatExt;

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Request {
    /// Path without the leading slash and without the query, still percent-encoded.
    pub path: String,
    /// What followed the first `?`, still percent-encoded.
    pub query: String,
    /// The entity tags of `If-None-Match`, unquoted.
    pub if_none_match: Vec<String>,
}

impl Request {
    fn new(target: &str, if_none_match: Vec<String>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { path: path.to_owned(), query: query.to_owned(), if_none_match }
    }

    /// The path with percent-encoding undone; `None` when that is not UTF-8.
    #[must_use]
    pub fn decoded_path(&self) -> Option<String> {
        decode(&self.path)
    }
}

/// Undoes percent-encoding; `None` for broken escapes and for bytes that are not UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let [high, low, after @ ..] = tail else { return None };
            let digit = |b: u8| char::from(b).to_digit(16);
            bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Takes the bytes of one upload; dropped without [`Upload::finish`] it must leave nothing behind.
pub trait Upload {
    /// The size the browser announced, before the first byte.
    fn expect(&mut self, size: u64) -> Result<(), Reply>;
    /// The next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Reply>;
    /// All bytes are there.
    fn finish(self: Box<Self>) -> Reply;
}

/// An app: one instance is one grain.
pub trait App: 'static {
    /// Permissions and roles, told to the platform.
    fn view(&self) -> View;
    /// GET and HEAD.
    fn get(&self, who: &Visitor, request: &Request) -> Reply;
    /// POST with a small body.
    fn post(&self, _who: &Visitor, _request: &Request, _body: &[u8]) -> Reply {
        Reply::error(Status::MethodNotAllowed, "There is nothing to post to here.")
    }
    /// PUT: where its bytes go.
    fn put(&self, _who: &Visitor, _request: &Request) -> Result<Box<dyn Upload>, Reply> {
        Err(Reply::error(Status::MethodNotAllowed, "There is nothing to upload to here."))
    }
    /// DELETE.
    fn delete(&self, _who: &Visitor, _request: &Request) -> Reply {
        Reply::error(Status::MethodNotAllowed, "There is nothing to delete here.")
    }
    /// A WebSocket: an error refuses it, otherwise the app serves the socket in a task of its own.
    fn socket(self: Rc<Self>, _who: Rc<Visitor>, _request: &Request, _socket: Socket) -> Result<(), Reply> {
        Err(Reply::error(Status::NotFound, "There is no live connection here."))
    }
}

/// Serves `app` on file descriptor 3 until the platform goes away.
///
/// # Errors
/// When descriptor 3 is not a socket.
pub fn run<A: App>(app: A) -> io::Result<()> {
    // SAFETY: the platform hands every app exactly one descriptor beyond the standard three, number 3, and nothing else in this process uses it.
    let socket = unsafe { std::os::unix::net::UnixStream::from_raw_fd(3) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(Rc::new(app), socket))
}

/// Serves `app` on `socket`; resolves when the other side has gone.
///
/// # Errors
/// When the socket cannot be used, or the other side breaks the protocol.
pub async fn serve<A: App>(app: Rc<A>, socket: std::os::unix::net::UnixStream) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let (reader, writer) = tokio::net::UnixStream::from_std(socket)?.compat().split();
    let network = VatNetwork::new(
        futures::io::BufReader::new(reader),
        futures::io::BufWriter::new(writer),
        Side::Client,
        capnp::message::ReaderOptions::default(),
    );
    let view: ui_view::Client = capnp_rpc::new_client(view::MainView::new(app));
    RpcSystem::new(Box::new(network), Some(view.client)).await.map_err(|e| io::Error::other(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn percent_encoding_is_undone() {
        for (input, expected) in [
            ("plain", Some("plain")),
            ("a%20b%2Fc", Some("a b/c")),
            ("%C3%A4", Some("ä")),
            ("%", None),
            ("%2", None),
            ("%zz", None),
            ("%ff", None),
            ("%+1", None),
        ] {
            assert_eq!(decode(input).as_deref(), expected, "{input}");
        }
    }
}
