//! TLS, host names, browser rules, and HTTP to WebSession.

pub mod web;

pub use web::body;
