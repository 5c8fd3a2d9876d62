//! HTTP/1.1 as text: what is sent to the app and what comes back, with no socket and no Cap'n Proto in it.

mod body;
mod cookie;
mod date;
mod fields;
mod request;
mod response;

pub use body::{Decoder, Framing};
pub use cookie::{Cookie, Expires};
pub(crate) use date::civil_date;
pub use date::parse_cookie_date;
pub use fields::{Disposition, ETag, percent_decode, percent_encode, text};
pub use request::{Head as RequestHead, Method};
pub use response::{Head as ResponseHead, MAX_HEAD, parse as parse_response};

/// Why bytes cannot be sent as a request, or cannot be taken as a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value would end its header line, or the request line, early.
    #[error(
        "{0} contains a line break, a NUL byte or another character that may not stand there; the request was not sent to the app"
    )]
    Unsendable(&'static str),
    /// The status line or a header line is not HTTP.
    #[error("the app's answer is not HTTP: {0}")]
    Malformed(&'static str),
    /// The status line and the headers never end.
    #[error("the headers of the app's answer are longer than {MAX_HEAD} bytes or more than a thousand lines")]
    HeadTooLong,
    /// Two statements on how long the body is disagree, or the way it is coded is not known.
    #[error("the app's answer does not say clearly where its body ends: {0}")]
    Framing(&'static str),
    /// The body breaks the rules of chunked coding.
    #[error("the chunks of the app's answer are broken: {0}")]
    Chunks(&'static str),
}
