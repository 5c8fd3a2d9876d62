//! The program: reads its arguments and runs until the app ends.

use granary_http_bridge::run::{Options, USAGE, run};

fn main() {
    let code = match Options::parse(std::env::args_os().skip(1)) {
        Ok(options) => run(options),
        Err(text) => {
            eprintln!("** HTTP-BRIDGE: {text}\n{USAGE}");
            2
        }
    };
    std::process::exit(code);
}
