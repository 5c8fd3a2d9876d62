//! Where pages lead: inside Granary, or out to the person's browser, after the whole address was shown.

use std::path::Path;
use std::process::{Command, Stdio};

use granary_gateway::browser::{OpenOptions, open};
use gtk::prelude::*;
use url::Url;
use webkit2gtk::{
    NavigationAction, NavigationPolicyDecision, NavigationPolicyDecisionExt as _, NavigationType,
    PolicyDecisionExt as _, PolicyDecisionType, ResponsePolicyDecision, ResponsePolicyDecisionExt as _,
    URIRequestExt as _, WebView, WebViewExt as _,
};

use crate::{dialog, environment};

/// Longer addresses carry something else than an address.
const LONGEST: usize = 8192;

/// What a page's wish to go somewhere comes to.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// Granary's own, or made by the page itself.
    Stay,
    /// Somebody else's, which the person's browser may show.
    Out(String),
    /// Nothing that anybody opens.
    Nowhere,
}

fn way(uri: &str, origin: &Url) -> Way {
    let Ok(url) = Url::parse(uri) else { return Way::Nowhere };
    match url.scheme() {
        "about" | "blob" | "data" => Way::Stay,
        "https" if url.port_or_known_default() == origin.port_or_known_default() && is_ours(&url, origin) => Way::Stay,
        "https" | "http" | "mailto" if uri.len() <= LONGEST => Way::Out(url.into()),
        _ => Way::Nowhere,
    }
}

fn is_ours(url: &Url, origin: &Url) -> bool {
    let (Some(host), Some(shell)) = (url.host_str(), origin.host_str()) else { return false };
    host == shell || host.strip_suffix(shell).is_some_and(|label| label.ends_with('.'))
}

/// Keeps the pages of `view` inside; `inside` opens an address of Granary's that a page wants in another window.
pub(crate) fn guard(view: &WebView, origin: &str, inside: impl Fn(String) + 'static) {
    let origin = Url::parse(origin).expect("the shell origin is a URL");
    view.connect_decide_policy(move |view, decision, kind| {
        match kind {
            PolicyDecisionType::NavigationAction | PolicyDecisionType::NewWindowAction => {
                let Some(decision) = decision.downcast_ref::<NavigationPolicyDecision>() else { return false };
                let action = decision.navigation_action();
                let uri = action.as_ref().and_then(NavigationAction::request).and_then(|request| request.uri());
                let uri = uri.unwrap_or_default();
                let clicked = action.as_ref().is_some_and(|action| {
                    action.is_user_gesture() || action.navigation_type() == NavigationType::LinkClicked
                });
                let new = kind == PolicyDecisionType::NewWindowAction;
                match way(&uri, &origin) {
                    Way::Stay if !new => return false,
                    Way::Stay if uri.starts_with("https:") && clicked => inside(uri.into()),
                    Way::Out(address) if clicked => ask(view, address),
                    _ => tracing::debug!("a page was kept from going somewhere by itself"),
                }
                decision.ignore();
                true
            }
            PolicyDecisionType::Response => {
                let Some(decision) = decision.downcast_ref::<ResponsePolicyDecision>() else { return false };
                // What cannot be shown is saved, where the person says.
                if decision.is_mime_type_supported() {
                    return false;
                }
                decision.download();
                true
            }
            _ => false,
        }
    });
    // No page gets a window that it made itself.
    view.connect_create(|_, _| None);
}

fn ask(view: &WebView, address: String) {
    let parent = view.toplevel().and_then(|top| top.downcast::<gtk::Window>().ok());
    let text = address.clone();
    dialog::ask(parent.as_ref(), "Open this address in your browser?", &text, "Open", move || open_foreign(&address));
}

/// Opens somebody else's address in the person's browser.
fn open_foreign(address: &str) {
    let mut command = Command::new("xdg-open");
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for name in environment::ours() {
        command.env_remove(name);
    }
    match command.spawn() {
        Ok(mut child) => {
            std::thread::spawn(move || child.wait());
        }
        Err(error) => {
            dialog::say(
                None,
                "No browser was opened",
                &format!("xdg-open could not be started: {error}. Install xdg-utils."),
            );
        }
    }
}

/// Opens an address of Granary's own in the person's browser. It holds a secret, so it goes through a private file.
pub(crate) fn open_own(url: &str, data: &Path) -> Result<(), String> {
    let home = std::env::home_dir().ok_or("Granary does not know your home folder; set HOME.")?;
    let mut options = OpenOptions::new(granary_appliance::socket::folder(data), home);
    options.without = environment::ours().collect();
    open(url, &options).map(granary_gateway::browser::Redirect::expire).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_leave_or_lead_nowhere() {
        let origin = Url::parse("https://granary.localhost:6443").unwrap();
        let out = |text: &str| Way::Out(text.to_owned());
        for (uri, expected) in [
            ("https://granary.localhost:6443/grains", Way::Stay),
            ("https://ui-00.granary.localhost:6443/x", Way::Stay),
            ("about:blank", Way::Stay),
            ("about:srcdoc", Way::Stay),
            ("blob:https://ui-00.granary.localhost:6443/1", Way::Stay),
            ("https://granary.localhost:6444/", out("https://granary.localhost:6444/")),
            ("http://granary.localhost:6443/", out("http://granary.localhost:6443/")),
            ("https://evilgranary.localhost:6443/", out("https://evilgranary.localhost:6443/")),
            ("https://example.com/?a=b#c", out("https://example.com/?a=b#c")),
            ("mailto:somebody@example.com", out("mailto:somebody@example.com")),
            ("javascript:alert(1)", Way::Nowhere),
            ("file:///etc/passwd", Way::Nowhere),
            ("tauri://localhost/", Way::Nowhere),
            ("ssh://example.com", Way::Nowhere),
            ("", Way::Nowhere),
        ] {
            assert_eq!(way(uri, &origin), expected, "{uri}");
        }
        let long = format!("https://example.com/{}", "x".repeat(LONGEST));
        assert_eq!(way(&long, &origin), Way::Nowhere);
    }
}
