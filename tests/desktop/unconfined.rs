//! The control of the hostile page's test: the same page in a plain webview, without anything of Granary's.

use gtk::prelude::*;
use webkit2gtk::{WebView, WebViewExt as _};

fn main() {
    gtk::init().expect("a display");
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    let view = WebView::new();
    view.load_uri(&std::env::args().nth(1).expect("an address"));
    window.add(&view);
    window.show_all();
    gtk::main();
}
