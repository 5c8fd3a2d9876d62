//! WebSockets: the platform carries raw RFC 6455 frames both ways; a library makes messages of them.

use std::rc::Rc;

use granary_wire::web_session_capnp::web_session::web_socket_stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, Join, duplex, join},
    sync::Mutex,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

/// A socket that yields and takes messages.
pub type Socket = WebSocketStream<Join<DuplexStream, DuplexStream>>;

/// Bytes in flight between the platform and the app, each way.
const BUFFER: usize = 64 * 1024;
/// The largest message that a page may send.
const MESSAGE: usize = 4 << 20;

/// A socket whose output goes to `client`, and the capability that takes its input.
pub(crate) async fn open(client: web_socket_stream::Client) -> (Socket, web_socket_stream::Client) {
    // Two pipes instead of one that is split: each end of each can then be dropped alone, which is how either side says goodbye.
    let (input, app_reads) = duplex(BUFFER);
    let (app_writes, mut output) = duplex(BUFFER);
    tokio::task::spawn_local(async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read) = output.read(&mut buffer).await
            && read > 0
        {
            let mut send = client.send_bytes_request();
            send.get().set_message(&buffer[..read]);
            if send.send().await.is_err() {
                break;
            }
        }
    });
    let limits = WebSocketConfig::default().max_message_size(Some(MESSAGE)).max_frame_size(Some(MESSAGE));
    let socket = WebSocketStream::from_raw_socket(join(app_reads, app_writes), Role::Server, Some(limits)).await;
    (socket, capnp_rpc::new_client(Input { pipe: Mutex::new(input) }))
}

/// Dropped by the platform when the browser has gone; the pipe then ends.
struct Input {
    pipe: Mutex<DuplexStream>,
}

impl web_socket_stream::Server for Input {
    async fn send_bytes(self: Rc<Self>, params: web_socket_stream::SendBytesParams) -> capnp::Result<()> {
        let bytes = params.get()?.get_message()?;
        // The lock keeps the order of calls: tokio's mutex is fair.
        self.pipe.lock().await.write_all(bytes).await.map_err(|e| capnp::Error::disconnected(e.to_string()))
    }
}
