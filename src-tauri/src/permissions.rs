//! What a page asks the desktop for: camera, microphone, place, notifications, the clipboard. All of it is refused.

use webkit2gtk::{PermissionRequestExt as _, WebView, WebViewExt as _};

/// Refuses whatever a page of `view` asks for.
pub(crate) fn refuse(view: &WebView) {
    view.connect_permission_request(|_, request| {
        request.deny();
        true
    });
    view.connect_show_notification(|_, _| true);
    view.connect_enter_fullscreen(|_| true);
}
