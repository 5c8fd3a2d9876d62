//! UI sessions: a host of its own for each, a one-time way in, a cookie that is good for that host only.

mod answer;
mod sessions;
mod web;

pub use sessions::{NewSession, Revoke, SessionEvent, SessionUrl, Sessions};

pub(crate) use answer::{InitQuery, handle};
pub(crate) use web::answers;
