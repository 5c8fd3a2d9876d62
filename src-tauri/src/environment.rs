//! The program's environment, set before there are threads: what WebKit's processes inherit, and what nobody else may.

use std::path::Path;

/// A second layer below the proxy of each window: a library that asked these would meet a port where nobody answers.
const NO_WAY_OUT: &[(&str, &str)] = &[
    ("http_proxy", "http://127.0.0.1:9"),
    ("https_proxy", "http://127.0.0.1:9"),
    ("ftp_proxy", "http://127.0.0.1:9"),
    ("all_proxy", "socks5://127.0.0.1:9"),
    ("no_proxy", ""),
    ("GIO_USE_PROXY_RESOLVER", "libproxy"),
];

/// Would open a door into every page.
const DOORS: &[&str] = &["WEBKIT_INSPECTOR_SERVER", "WEBKIT_INSPECTOR_HTTP_SERVER"];

/// Sets it. To be called while the program has one thread.
pub(crate) fn prepare() {
    // A test program's driver would be out of reach too.
    if !is_automated() {
        for name in DOORS {
            // SAFETY: there is no other thread that could read the environment meanwhile.
            unsafe { std::env::remove_var(name) };
        }
        for (name, value) in NO_WAY_OUT {
            // SAFETY: as above.
            unsafe { std::env::set_var(name, value) };
        }
    }
    if breaks_on_dmabuf() && std::env::var_os(DMABUF).is_none() {
        // SAFETY: as above.
        unsafe { std::env::set_var(DMABUF, "1") };
    }
}

/// What programs of the person's must not inherit from us: their browser has a network.
pub(crate) fn ours() -> impl Iterator<Item = &'static str> {
    NO_WAY_OUT.iter().map(|(name, _)| *name).chain([DMABUF])
}

/// WebKit's way of drawing that NVIDIA's own driver shows as an empty window.
const DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// NVIDIA's own driver is loaded. (The free one, nouveau, has no such file.)
fn breaks_on_dmabuf() -> bool {
    Path::new("/proc/driver/nvidia/version").exists()
}

/// Whether a test program drives the main window: only in builds for development, and only when asked for.
pub(crate) fn is_automated() -> bool {
    cfg!(debug_assertions) && std::env::var_os("GRANARY_AUTOMATION").is_some()
}
