//! How much one gateway takes on at once, and how long it waits.

use std::time::Duration;

/// Every bound of the listener, in one place. The defaults suit one person with many documents open.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; the one idle longest makes room.
    pub connections: usize,
    /// Connections at once that have not finished the TLS handshake; the oldest makes room.
    pub handshakes: usize,
    /// Requests being answered at once, over all connections; more get 503.
    pub requests: usize,
    /// As many more for the shell alone, so that no document, nor several together, leave the owner's pages without.
    pub shell_requests: usize,
    /// For the TLS handshake.
    pub handshake_timeout: Duration,
    /// For the head of an HTTP/1.1 request, counted from the end of the one before: also the keep-alive time.
    pub head_timeout: Duration,
    /// From the handshake to the first request.
    pub first_request_timeout: Duration,
    /// How long an HTTP/2 connection without a request stays.
    pub idle_timeout: Duration,
    /// How long a request's body may stand still while somebody waits for it.
    pub body_stall_timeout: Duration,
    /// Header fields of an HTTP/1.1 request.
    pub header_fields: usize,
    /// Bytes of all header fields of a request, cookies included. Browsers may send 180 cookies of 4 KiB each, and have
    /// to get the recovery page then.
    pub header_bytes: usize,
    /// Bytes of all header fields but the cookies.
    pub header_bytes_without_cookies: usize,
    /// Streams of one HTTP/2 connection. Browsers use one connection a host, for no certificate speaks for two.
    pub streams: u32,
    /// Bytes of uploads on their way, per stream.
    pub stream_window: u32,
    /// Bytes of uploads on their way, per connection.
    pub connection_window: u32,
    /// Bytes of an answer waiting for a slow client, per stream.
    pub send_buffer: usize,
    /// How long a connection told to go, with nothing under way, may take to say goodbye.
    pub goodbye: Duration,
    /// How long requests in flight may go on when the gateway stops.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            handshakes: 256,
            requests: 8192,
            shell_requests: 1024,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(60),
            first_request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(300),
            body_stall_timeout: Duration::from_secs(300),
            header_fields: 256,
            header_bytes: 1024 * 1024,
            header_bytes_without_cookies: 48 * 1024,
            streams: 1024,
            stream_window: 1024 * 1024,
            connection_window: 4 * 1024 * 1024,
            send_buffer: 256 * 1024,
            goodbye: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(2),
        }
    }
}
