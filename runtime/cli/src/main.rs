//! The headless program and the command line.

#[allow(clippy::print_stdout)]
fn main() {
    println!("{}", granary_appliance::api::document().to_pretty_json().unwrap_or_default());
}
