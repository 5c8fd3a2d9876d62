//! Granary's own dialogs: windows that no page can draw, cover or press. What says yes works only after a moment, so that
//! a click meant for the page below does not choose.

use std::time::Duration;

use gtk::glib;
use gtk::prelude::*;
use gtk::{ButtonsType, DialogFlags, MessageType, ResponseType};

/// How long a dialog has to be seen before it takes a yes.
const ARMING: Duration = Duration::from_millis(700);
/// Characters of a long text that are shown before it scrolls.
const WIDTH: i32 = 60;

/// Asks, with a long text that is shown whole, and runs `yes` if the answer is yes.
pub(crate) fn ask(parent: Option<&gtk::Window>, question: &str, text: &str, action: &str, yes: impl Fn() + 'static) {
    let dialog =
        gtk::MessageDialog::new(parent, DialogFlags::MODAL, MessageType::Question, ButtonsType::None, question);
    dialog.set_title("Granary");
    dialog.add_button("_Cancel", ResponseType::Cancel);
    dialog.add_button(&format!("_{action}"), ResponseType::Accept);
    dialog.set_default_response(ResponseType::Cancel);
    dialog.set_response_sensitive(ResponseType::Accept, false);
    let label = gtk::Label::new(Some(text));
    label.set_selectable(true);
    label.set_line_wrap(true);
    label.set_line_wrap_mode(gtk::pango::WrapMode::Char);
    label.set_max_width_chars(WIDTH);
    label.set_xalign(0.0);
    let scrolled = gtk::ScrolledWindow::new(gtk::Adjustment::NONE, gtk::Adjustment::NONE);
    scrolled.set_policy(gtk::PolicyType::Never, gtk::PolicyType::Automatic);
    scrolled.set_propagate_natural_height(true);
    scrolled.set_max_content_height(240);
    scrolled.add(&label);
    if let Ok(area) = dialog.message_area().downcast::<gtk::Box>() {
        area.pack_start(&scrolled, true, true, 0);
    }
    let armed = dialog.downgrade();
    glib::timeout_add_local_once(ARMING, move || {
        if let Some(dialog) = armed.upgrade() {
            dialog.set_response_sensitive(ResponseType::Accept, true);
        }
    });
    dialog.connect_response(move |dialog, response| {
        dialog.close();
        if response == ResponseType::Accept {
            yes();
        }
    });
    dialog.show_all();
    dialog.present();
}

/// Says something that went wrong.
pub(crate) fn say(parent: Option<&gtk::Window>, title: &str, text: &str) {
    let dialog = gtk::MessageDialog::new(parent, DialogFlags::MODAL, MessageType::Warning, ButtonsType::Close, title);
    dialog.set_title("Granary");
    dialog.set_secondary_text(Some(text));
    dialog.connect_response(|dialog, _| dialog.close());
    dialog.show_all();
    dialog.present();
}

/// Says why Granary did not start, in a window where there is a display, and in the terminal.
#[expect(clippy::print_stderr, reason = "whoever started it in a terminal looks there")]
pub(crate) fn failure_at_start(text: &str) {
    eprintln!("{text}");
    if gtk::init().is_ok() {
        let dialog = gtk::MessageDialog::new(
            gtk::Window::NONE,
            DialogFlags::MODAL,
            MessageType::Error,
            ButtonsType::Close,
            "Granary did not start",
        );
        dialog.set_title("Granary");
        dialog.set_secondary_text(Some(text));
        dialog.run();
    }
}
