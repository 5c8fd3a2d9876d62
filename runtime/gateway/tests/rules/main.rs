//! The gateway over real sockets: names, TLS, logins, sessions, limits, and who may connect.

mod fixture;
mod hosts;
mod limits;
mod owner;
mod sessions;
mod tls;
mod trust;
mod users;
mod windows;
