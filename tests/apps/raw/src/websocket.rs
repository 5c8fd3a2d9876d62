//! WebSocket: raw frames of RFC 6455 in both directions.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use capnp::Error;
use granary_wire::web_session_capnp::web_session::web_socket_stream;

/// Sends back every frame.
pub(crate) struct Echo {
    pending: RefCell<Vec<u8>>,
    client: RefCell<Option<web_socket_stream::Client>>,
}

impl Echo {
    pub(crate) fn new(client: web_socket_stream::Client) -> Self {
        Self { pending: RefCell::default(), client: RefCell::new(Some(client)) }
    }
}

impl web_socket_stream::Server for Echo {
    async fn send_bytes(self: Rc<Self>, params: web_socket_stream::SendBytesParams) -> Result<(), Error> {
        self.pending.borrow_mut().extend_from_slice(params.get()?.get_message()?);
        // What belongs together is answered together, so that calls that overlap keep the order.
        let mut answers = Vec::new();
        let mut closing = false;
        while let Some(frame) = Frame::take(&mut self.pending.borrow_mut()) {
            match frame.opcode {
                0x8 => {
                    answers.extend(encode(0x88, &frame.payload));
                    closing = true;
                }
                0x9 => answers.extend(encode(0x8a, &frame.payload)),
                0xa => {}
                _ => answers.extend(encode(frame.first, &frame.payload)),
            }
        }
        let client = if closing { self.client.take() } else { self.client.borrow().clone() };
        let Some(client) = client else { return Ok(()) };
        if answers.is_empty() {
            return Ok(());
        }
        let mut request = client.send_bytes_request();
        request.get().set_message(&answers);
        request.send().await
    }
}

/// Keeps a socket open that only the app writes to.
pub(crate) struct Sink;

impl web_socket_stream::Server for Sink {
    async fn send_bytes(self: Rc<Self>, _: web_socket_stream::SendBytesParams) -> Result<(), Error> {
        Ok(())
    }
}

/// Sends `count` text frames, then a close frame.
pub(crate) fn push(client: web_socket_stream::Client, count: u64, pause: Duration) {
    tokio::task::spawn_local(async move {
        for index in 0..count {
            let mut request = client.send_bytes_request();
            request.get().set_message(&encode(0x81, format!("message {index}").as_bytes()));
            if request.send().await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
        let mut request = client.send_bytes_request();
        request.get().set_message(&encode(0x88, &1000_u16.to_be_bytes()));
        let _ = request.send().await;
    });
}

struct Frame {
    first: u8,
    opcode: u8,
    payload: Vec<u8>,
}

impl Frame {
    /// Takes the first whole frame out of `bytes`.
    fn take(bytes: &mut Vec<u8>) -> Option<Self> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (length, mut start) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
            short => (usize::from(short), 2),
        };
        let mut key = [0; 4];
        if second & 0x80 != 0 {
            key.copy_from_slice(bytes.get(start..start + 4)?);
            start += 4;
        }
        let mut payload = bytes.get(start..start.checked_add(length)?)?.to_vec();
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        bytes.drain(..start + length);
        Some(Self { first, opcode: first & 0xf, payload })
    }
}

/// An unmasked frame.
fn encode(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first & 0x8f];
    match payload.len() {
        length @ 0..126 => bytes.push(u8::try_from(length).unwrap_or(0)),
        length @ 126..0x1_0000 => {
            bytes.push(126);
            bytes.extend(u16::try_from(length).unwrap_or(0).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}
