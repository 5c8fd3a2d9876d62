//! Where windows stood, remembered by the appliance.

use granary_appliance::FrontEnd;
use granary_appliance::api::types::{Window as Known, WindowPatch, WindowPlace};
use tauri::Window;

/// Everything that is remembered.
pub(crate) async fn all(front: &FrontEnd) -> Vec<Known> {
    front.get("/windows").await.unwrap_or_default()
}

/// How a window stands now.
pub(crate) fn of(window: &Window) -> WindowPlace {
    let scale = window.scale_factor().unwrap_or(1.0);
    let size = window.inner_size().ok().map(|size| size.to_logical::<u32>(scale));
    let position = window.outer_position().ok().map(|position| position.to_logical::<i32>(scale));
    WindowPlace {
        x: position.map(|position| position.x),
        y: position.map(|position| position.y),
        width: size.map(|size| size.width),
        height: size.map(|size| size.height),
        maximized: window.is_maximized().unwrap_or(false),
        ..WindowPlace::default()
    }
}

/// Remembers it.
pub(crate) fn keep(front: &FrontEnd, label: String, grain_id: Option<String>, open: bool, place: WindowPlace) {
    let writer = front.clone();
    front.spawn(async move {
        let patch = WindowPatch { grain_id, open, place };
        let path = format!("/windows/{label}");
        let done: Result<serde_json::Value, _> = writer.call(granary_appliance::Method::PUT, &path, Some(&patch)).await;
        if let Err(problem) = done {
            tracing::warn!(%problem, "a window's place was not remembered");
        }
    });
}
