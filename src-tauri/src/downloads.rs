//! Downloads: the person chooses where a file goes, sees how far it is, and can stop it.

use gtk::prelude::*;
use gtk::{FileChooserAction, ResponseType, glib};
use webkit2gtk::{Download, DownloadExt as _, WebContextExt as _, WebView, WebViewExt as _};

use crate::dialog;

/// Asks about each download of the pages of `view`.
pub(crate) fn ask(view: &WebView) {
    let Some(context) = view.context() else { return };
    let view = view.downgrade();
    context.connect_download_started(move |_, download| {
        let view = view.clone();
        download.connect_decide_destination(move |download, suggested| {
            let parent =
                view.upgrade().and_then(|view| view.toplevel()).and_then(|top| top.downcast::<gtk::Window>().ok());
            match choose(parent.as_ref(), suggested) {
                Some(destination) => {
                    download.set_allow_overwrite(true);
                    download.set_destination(&destination);
                    show_progress(parent.as_ref(), download);
                }
                None => download.cancel(),
            }
            true
        });
    });
}

/// Where to; the desktop's own dialog asks before it overwrites.
fn choose(parent: Option<&gtk::Window>, suggested: &str) -> Option<String> {
    let chooser = gtk::FileChooserNative::new(
        Some("Save this file"),
        parent,
        FileChooserAction::Save,
        Some("Save"),
        Some("Cancel"),
    );
    chooser.set_do_overwrite_confirmation(true);
    chooser.set_current_name(&plain(suggested));
    (chooser.run() == ResponseType::Accept).then(|| chooser.uri().map(|uri| uri.to_string())).flatten()
}

/// A name without anything that could mean another folder, a hidden file or another reading direction.
fn plain(name: &str) -> String {
    let bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let cleaned: String = name.chars().map(|c| if bad(c) { '_' } else { c }).take(120).collect();
    let cleaned = cleaned.trim_start_matches('.').trim();
    if cleaned.is_empty() { "download".into() } else { cleaned.to_owned() }
}

fn show_progress(parent: Option<&gtk::Window>, download: &Download) {
    let window = gtk::Dialog::new();
    window.set_title("Saving a file");
    window.set_transient_for(parent);
    window.set_default_size(360, -1);
    let bar = gtk::ProgressBar::new();
    bar.set_show_text(true);
    bar.set_margin(18);
    window.content_area().add(&bar);
    window.add_button("Stop", ResponseType::Cancel);
    let stopped = download.clone();
    window.connect_response(move |window, _| {
        stopped.cancel();
        window.close();
    });
    let drawn = bar.clone();
    download.connect_estimated_progress_notify(move |download| drawn.set_fraction(download.estimated_progress()));
    let (done, failed) = (window.downgrade(), window.downgrade());
    download.connect_finished(move |_| close(&done));
    let parent = parent.map(glib::ObjectExt::downgrade);
    download.connect_failed(move |_, error| {
        close(&failed);
        if !error.matches(webkit2gtk::DownloadError::CancelledByUser) {
            let parent = parent.as_ref().and_then(glib::WeakRef::upgrade);
            dialog::say(parent.as_ref(), "The file was not saved", error.message());
        }
    });
    window.show_all();
}

fn close(window: &glib::WeakRef<gtk::Dialog>) {
    if let Some(window) = window.upgrade() {
        window.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, expected) in [
            ("report.pdf", "report.pdf"),
            ("../../.bashrc", "_.._.bashrc"),
            (".profile", "profile"),
            ("a/b\\c", "a_b_c"),
            ("x\u{202e}fdp.exe", "x_fdp.exe"),
            ("", "download"),
            ("...", "download"),
        ] {
            assert_eq!(plain(name), expected, "{name:?}");
        }
    }
}
