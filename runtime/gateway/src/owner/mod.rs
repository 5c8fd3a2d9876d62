//! The owner's logins: one-time codes, a cookie and a secret per browser, and the guard before the local API.

mod guard;
mod logins;
mod reach;
mod routes;

pub use logins::{LoginId, Logins, LoginsError};
pub use reach::Reach;

pub(crate) use logins::{is_local_path, write_atomically};

pub(crate) use guard::is_api;
pub(crate) use reach::{Holder, WindowId};
pub(crate) use routes::{Owner, handle};
