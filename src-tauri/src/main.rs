//! `granary-desktop`: Granary with windows and a tray.

fn main() {
    tauri::Builder::default().build(tauri::generate_context!()).expect("x").run(|_, _| {});
}
