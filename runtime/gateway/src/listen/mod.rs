//! The listener: both loopback addresses, only our own user, bounded in every way, TLS, HTTP/1.1 and HTTP/2.

mod bind;
mod connection;
mod limits;
mod peer;
mod registry;

pub use bind::{BindError, Listeners};
pub use limits::Limits;
pub use peer::{PeerError, Peers};

pub(crate) use connection::{Server, Service};
pub(crate) use registry::Registry;
