//! The launcher as it ships: every sandbox has every fence.

use std::process::exit;

fn main() {
    // The self-test runs this program itself as a guest.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "--probe") {
        exit(0);
    }
    let Err(words) = granary_launcher::serve::<0>();
    eprintln!("granary-launcher: {words}");
    exit(2);
}
