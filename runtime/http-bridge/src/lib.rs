//! Runs an ordinary web server as a grain: speaks Cap'n Proto with the platform and HTTP with the app.
//!
//! Packages carry this program as `/sandstorm-http-bridge`. It starts the app's server, waits until it listens, and turns
//! each call on a session into a request and each response into a result. It has one thread, and while nothing happens
//! it holds no buffer, no connection and no timer.

mod app;
mod child;
pub mod config;
pub mod http;
mod log;
mod mail;
mod request;
mod response;
mod rpc;
pub mod run;
mod session;
mod upload;
mod view;
mod websocket;

/// Takes `bytes` as what an app sent and reads it as far as a response can be read, for fuzzing. Gives the body.
pub fn read_response(bytes: &[u8], to_head: bool) -> Result<Option<Vec<u8>>, http::Error> {
    let Some((head, length)) = http::parse_response(bytes, &|name| name.starts_with("x-"))? else { return Ok(None) };
    for value in [&head.etag, &head.content_disposition, &head.location].into_iter().flatten() {
        http::ETag::parse(value);
        http::Disposition::parse(value);
    }
    for cookie in &head.set_cookies {
        http::Cookie::parse(cookie);
    }
    let mut decoder = http::Decoder::new(head.framing(to_head));
    let mut rest = &bytes[length..];
    let mut body = Vec::new();
    while !rest.is_empty() && !decoder.is_done() {
        let (used, data) = decoder.next(rest)?;
        body.extend_from_slice(data);
        rest = &rest[used..];
    }
    Ok(Some(body))
}
