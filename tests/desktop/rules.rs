//! What the desktop's sources and configuration must not hold: any bridge between pages and the program.

use std::path::Path;

use serde_json::Value;

#[test]
fn there_is_no_command_and_no_capability() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config: Value = serde_json::from_slice(&std::fs::read(folder.join("tauri.conf.json")).unwrap()).unwrap();
    assert_eq!(config["app"]["security"]["capabilities"], serde_json::json!([]));
    assert_eq!(config["app"]["withGlobalTauri"], false);
    assert_eq!(config["app"]["windows"], serde_json::json!([]), "Tauri's own windows would hold Tauri's webviews");
    assert!(!folder.join("capabilities").exists() && !folder.join("permissions").exists());
    for entry in std::fs::read_dir(folder.join("src")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for bridge in [
            "invoke_handler",
            "generate_handler",
            "tauri::command",
            "WebviewWindow",
            "WebviewBuilder",
            "add_child",
            "register_script_message_handler",
            "register_uri_scheme",
            "add_script",
            ".plugin(",
        ] {
            assert!(!text.contains(bridge), "{} has {bridge}", path.display());
        }
    }
}
