//! Pictures of apps as the desktop takes them.

use granary_appliance::FrontEnd;
use gtk::gdk_pixbuf::{Pixbuf, PixbufLoader};
use gtk::prelude::*;

/// Pixels of a window's picture.
const SIZE: i32 = 128;

/// The picture of an app; `None` when it has none that can be drawn.
pub(crate) async fn of_app(front: &FrontEnd, app: &str) -> Option<Pixbuf> {
    let (_, bytes) = front.file(&format!("/apps/{app}/icon?kind=grain")).await.ok()?;
    let loader = PixbufLoader::new();
    loader.connect_size_prepared(|loader, _, _| loader.set_size(SIZE, SIZE));
    let written = loader.write(&bytes);
    loader.close().ok()?;
    written.ok()?;
    loader.pixbuf()
}

/// Granary's own.
pub(crate) fn own() -> tauri::image::Image<'static> {
    tauri::include_image!("icons/128.png")
}
