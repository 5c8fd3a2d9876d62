//! Checks and embeds what Tauri reads of its configuration.

fn main() {
    tauri_build::build();
}
