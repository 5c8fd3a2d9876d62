//! A webview that nothing gets out of: a context of its own, whose only way is the appliance's proxy.

use std::path::Path;

use granary_appliance::{Reach, Window};
use webkit2gtk::{
    AutomationSessionExt as _, CookieAcceptPolicy, CookieManagerExt as _, HardwareAccelerationPolicy, NetworkProxyMode,
    NetworkProxySettings, Settings, SettingsExt as _, TLSErrorsPolicy, WebContext, WebContextExt as _, WebView,
    WebsiteDataManager, WebsiteDataManagerExt as _,
};

use crate::{environment, features};

/// What a person may choose of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choices {
    /// Draw without the graphics card.
    pub(crate) software: bool,
    /// The developer's tools.
    pub(crate) tools: bool,
}

/// A webview for `place`. The main window's page remembers small things in `folder`; a grain's window forgets everything.
pub(crate) fn webview(place: &Window, folder: &Path, choices: Choices) -> WebView {
    let main = *place.reach() == Reach::Shell;
    let data = if main {
        let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
        WebsiteDataManager::builder().base_data_directory(path("data")).base_cache_directory(path("cache")).build()
    } else {
        WebsiteDataManager::new_ephemeral()
    };
    let mut proxy = NetworkProxySettings::new(Some(&place.proxy()), &[]);
    data.set_network_proxy_settings(NetworkProxyMode::Custom, Some(&mut proxy));
    // Behind the proxy there is nobody but this very process, so a certificate proves nothing more.
    data.set_tls_errors_policy(TLSErrorsPolicy::Ignore);
    let context = WebContext::with_website_data_manager(&data);
    // There are no third parties here; libsoup takes a grain's host for one, below the shell's.
    if let Some(cookies) = context.cookie_manager() {
        cookies.set_accept_policy(CookieAcceptPolicy::Always);
    }
    let automated = main && environment::is_automated();
    if automated {
        context.set_automation_allowed(true);
    }
    let settings = settings(choices);
    if features::switch_off(&settings) == 0 {
        tracing::warn!("this WebKit does not let its look-ahead of names be switched off");
    }
    let view =
        WebView::builder().web_context(&context).settings(&settings).is_controlled_by_automation(automated).build();
    if automated {
        let driven = view.clone();
        context.connect_automation_started(move |_, session| {
            let driven = driven.clone();
            session.connect_create_web_view(None, move |_| driven.clone());
        });
    }
    view
}

fn settings(choices: Choices) -> Settings {
    let settings = Settings::new();
    settings.set_enable_developer_extras(choices.tools);
    settings.set_enable_media_stream(false);
    settings.set_enable_webrtc(false);
    settings.set_enable_encrypted_media(false);
    settings.set_enable_fullscreen(false);
    settings.set_enable_page_cache(false);
    settings.set_javascript_can_open_windows_automatically(false);
    settings.set_javascript_can_access_clipboard(false);
    settings.set_allow_file_access_from_file_urls(false);
    settings.set_allow_universal_access_from_file_urls(false);
    settings.set_allow_top_navigation_to_data_urls(false);
    settings.set_enable_write_console_messages_to_stdout(false);
    if choices.software {
        settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
    }
    settings
}
