//! Switches WebKit's own ways out off: looking names up, and connecting, ahead of need. The bindings have no name for
//! these; the settings are reached by the library's functions.

use std::ffi::{CStr, c_char};

use gtk::glib::translate::ToGlibPtr as _;
use webkit2gtk::Settings;

/// They reach the network without asking the proxy, or without anybody's wish.
const OFF: &[&CStr] = &[c"LinkDNSPrefetch", c"LinkPreconnect", c"LinkPreconnectEarlyHints"];

#[repr(C)]
struct Feature {
    _opaque: [u8; 0],
}

#[repr(C)]
struct FeatureList {
    _opaque: [u8; 0],
}

// In webkit2gtk-4.1 since 2.42, which the binding is older than.
unsafe extern "C" {
    fn webkit_settings_get_all_features() -> *mut FeatureList;
    fn webkit_feature_list_get_length(list: *mut FeatureList) -> usize;
    fn webkit_feature_list_get(list: *mut FeatureList, index: usize) -> *mut Feature;
    fn webkit_feature_list_unref(list: *mut FeatureList);
    fn webkit_feature_get_identifier(feature: *mut Feature) -> *const c_char;
    fn webkit_settings_set_feature_enabled(
        settings: *mut webkit2gtk::ffi::WebKitSettings,
        feature: *mut Feature,
        enabled: gtk::glib::ffi::gboolean,
    );
}

/// Switches them off, and tells how many of them this WebKit has.
pub(crate) fn switch_off(settings: &Settings) -> usize {
    let mut found = 0;
    // SAFETY: the list is ours until it is given back, and its entries live as long as it does; an identifier is a C string
    // of the entry's; the settings are alive.
    unsafe {
        let list = webkit_settings_get_all_features();
        for index in 0..webkit_feature_list_get_length(list) {
            let feature = webkit_feature_list_get(list, index);
            if OFF.contains(&CStr::from_ptr(webkit_feature_get_identifier(feature))) {
                webkit_settings_set_feature_enabled(settings.to_glib_none().0, feature, 0);
                found += 1;
            }
        }
        webkit_feature_list_unref(list);
    }
    found
}
