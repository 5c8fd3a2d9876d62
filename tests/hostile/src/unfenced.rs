//! A launcher for tests alone: it leaves a fence out when asked.

use std::process::exit;

fn main() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "--probe") {
        exit(0);
    }
    let Err(words) = granary_launcher::serve::<{ granary_sandbox::protocol::WITHOUT_ANY }>();
    eprintln!("granary-launcher-unfenced: {words}");
    exit(2);
}
