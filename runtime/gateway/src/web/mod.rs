//! HTTP to an app's `WebSession` and back: every method, streaming both ways, WebSockets.

pub mod body;
mod target;

pub use body::{Body, BodyError, BoxError};
pub use target::{OpenError, SessionOpener, WebParams, WebSettings, WebTarget};
