//! WebSockets: the handshake with the app, then bytes in both directions, whose frames are not our business.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use granary_wire::web_session_capnp::web_session::web_socket_stream;
use tokio::net::TcpStream;

use crate::app::{App, Connection, Error, send_all};
use crate::http::{self, RequestHead};
use crate::log::log;

/// One message to the platform.
const CHUNK: usize = 32 << 10;
/// How long the app may go on sending after the browser has gone.
const FAREWELL: Duration = Duration::from_secs(5);

/// The key is constant: it proves to a browser that a server speaks the protocol, and here the gateway does that.
const KEY: &str = "mj9i153gxeYNlGDoKdoXOQ==";

/// The headers of the handshake.
pub(crate) fn headers(head: &mut RequestHead, protocols: &[&[u8]]) -> Result<(), http::Error> {
    head.header("Upgrade", "websocket")?;
    head.header("Connection", "Upgrade")?;
    head.header("Sec-WebSocket-Key", KEY)?;
    if !protocols.is_empty() {
        head.header("Sec-WebSocket-Protocol", protocols.join(&b", "[..]))?;
    }
    head.header("Sec-WebSocket-Version", "13")
}

/// Opens a WebSocket with the app. Gives where the browser's bytes go and the protocol that the app chose; the app's
/// bytes go to `client`.
pub(crate) async fn open(
    app: &Rc<App>,
    head: RequestHead,
    client: web_socket_stream::Client,
) -> Result<(web_socket_stream::Client, String), Error> {
    let mut connection = app.connection(true).await?;
    send_all(&connection.stream, &head.finish()).await?;
    let head = connection.read_head().await?;
    if head.status != 101 {
        return Err(Error::Answer(format!("the app refused the WebSocket with status {}", head.status)));
    }
    let stream = Rc::clone(&connection.stream);
    let gone = Rc::new(Gone::default());
    let watch = Rc::clone(&gone);
    tokio::task::spawn_local(async move {
        let pump = pump(connection, client);
        let farewell = async {
            watch.notified.notified().await;
            tokio::time::sleep(FAREWELL).await;
        };
        let outcome = futures::future::select(Box::pin(pump), Box::pin(farewell)).await;
        if let futures::future::Either::Left((Err(error), _)) = outcome
            && !watch.is_gone.get()
        {
            log!("A WebSocket broke: {error}");
        }
    });
    Ok((capnp_rpc::new_client(ToApp { stream, gone }), head.websocket_protocol.unwrap_or_default()))
}

#[derive(Default)]
struct Gone {
    notified: tokio::sync::Notify,
    is_gone: Cell<bool>,
}

/// Sends the app's bytes to the browser until either has gone.
async fn pump(mut connection: Connection, client: web_socket_stream::Client) -> capnp::Result<()> {
    loop {
        let bytes = connection.unread();
        if !bytes.is_empty() {
            let mut request = client.send_bytes_request();
            request.get().set_message(bytes);
            let count = bytes.len();
            connection.consume(count);
            request.send().await?;
        }
        if !connection.receive(CHUNK).await.map_err(Error::from)? {
            return Ok(());
        }
    }
}

/// Takes the browser's bytes to the app. Its end is the end of the browser's side.
struct ToApp {
    stream: Rc<TcpStream>,
    gone: Rc<Gone>,
}

impl Drop for ToApp {
    fn drop(&mut self) {
        self.gone.is_gone.set(true);
        // Only this direction: the app shall still read what came before, which a full close might destroy.
        let _ = nix::sys::socket::shutdown(
            std::os::fd::AsRawFd::as_raw_fd(&*self.stream),
            nix::sys::socket::Shutdown::Write,
        );
        self.gone.notified.notify_one();
    }
}

impl web_socket_stream::Server for ToApp {
    async fn send_bytes(self: Rc<Self>, params: web_socket_stream::SendBytesParams) -> capnp::Result<()> {
        let message = params.get()?.get_message()?;
        send_all(&self.stream, message).await.map_err(|error| Error::from(error).into())
    }
}
