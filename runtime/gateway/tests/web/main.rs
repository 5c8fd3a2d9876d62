//! The translation between HTTP and WebSession, against apps made for each test, in process and over real HTTP.

#![allow(clippy::type_complexity, clippy::semicolon_if_nothing_returned, reason = "tables read better so")]

mod app;
mod backpressure;
mod connections;
mod errors;
mod properties;
mod requests;
mod responses;
mod streams;
mod uploads;
mod websockets;
