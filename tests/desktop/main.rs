//! The desktop program on a display and a session bus of its own.

mod support;

mod edges;
mod first_run;
mod hostile;
mod life;
mod rules;
mod tray;
