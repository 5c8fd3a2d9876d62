//! One line on the grain's log, written at once so that it does not mix with the app's own.

use std::fmt::Arguments;
use std::io::Write;

/// Writes a line. A log that cannot be written is no reason to stop.
pub(crate) fn line(text: Arguments<'_>) {
    let line = format!("** HTTP-BRIDGE: {text}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// `log!("...")` writes a line on the grain's log.
macro_rules! log {
    ($($arg:tt)*) => { $crate::log::line(format_args!($($arg)*)) };
}
pub(crate) use log;
