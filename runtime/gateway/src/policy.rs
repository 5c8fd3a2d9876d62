//! The headers that every answer carries: what a page may load, who may frame it, and who may read it.

use http::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};

use crate::body::Body;
use crate::cookies;
use crate::names::Names;
use crate::owner::Reach;

const ORIGIN_AGENT_CLUSTER: HeaderName = HeaderName::from_static("origin-agent-cluster");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Request headers that never get past the gateway: a page cannot send them, a proxy that would is not there, and an
/// app must not believe them.
const DROPPED_FROM_REQUESTS: &[&str] =
    &["x-real-ip", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-granary-secret"];

/// The shell needs no device and no sensor.
const SHELL_PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), \
    fullscreen=(self), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), \
    publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=(), clipboard-read=(), \
    clipboard-write=(self), browsing-topics=()";
const GRAIN_PERMISSIONS: &str = "interest-cohort=(), browsing-topics=()";

/// The header values that are the same for all of an instance.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    shell_csp: HeaderValue,
    /// Of the desktop's main window, which frames nothing.
    main_csp: HeaderValue,
}

impl Policy {
    pub(crate) fn new(names: &Names) -> Self {
        // Scripts come from our own files only. Styles may stand in the page: they can load nothing from elsewhere.
        let shell = |frames: &str| {
            value(format!(
                "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
                 font-src 'self'; connect-src 'self'; manifest-src 'self'; frame-src {frames}; form-action 'self'; \
                 base-uri 'none'; frame-ancestors 'none'"
            ))
        };
        let sessions = format!("https://*.{}", names.shell_authority());
        Self { shell_csp: shell(&sessions), main_csp: shell("'none'") }
    }

    /// For everything of the shell origin, in a browser or in a window of the desktop.
    pub(crate) fn shell(&self, response: &mut Response<Body>, window: Option<&Reach>) {
        let csp = if window == Some(&Reach::Shell) { &self.main_csp } else { &self.shell_csp };
        let headers = response.headers_mut();
        // The gateway's own pages carry a stricter one already.
        headers.entry(CONTENT_SECURITY_POLICY).or_insert_with(|| csp.clone());
        private(headers);
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(SHELL_PERMISSIONS));
    }

    /// For an answer of an app, on the host of one session whose policy is `csp`.
    pub(crate) fn grain(response: &mut Response<Body>, csp: &HeaderValue) {
        let headers = response.headers_mut();
        cookies::clean_set_cookies(headers);
        headers.remove(CLEAR_SITE_DATA);
        headers.insert(CONTENT_SECURITY_POLICY, csp.clone());
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(ORIGIN_AGENT_CLUSTER, HeaderValue::from_static("?1"));
        headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(GRAIN_PERMISSIONS));
    }

    /// For what the gateway itself says on a session's host, or to a request that is for nobody.
    pub(crate) fn own(response: &mut Response<Body>) {
        let headers = response.headers_mut();
        headers
            .entry(CONTENT_SECURITY_POLICY)
            .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        private(headers);
        headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(GRAIN_PERMISSIONS));
    }
}

/// The CSP of a session's pages: everything from its own host, or made by the page itself; nothing from elsewhere.
pub(crate) fn session_csp(names: &Names, authority: &str) -> HeaderValue {
    const MADE: &str = "'self' 'unsafe-inline' 'unsafe-eval' data: blob:";
    let shell = names.shell_origin();
    value(format!(
        "default-src 'none'; webrtc 'block'; img-src {MADE}; media-src {MADE}; script-src {MADE}; style-src {MADE}; \
         child-src {MADE}; font-src {MADE}; frame-src {MADE} {shell}; worker-src 'none'; \
         connect-src 'self' wss://{authority}; form-action 'self'; base-uri 'self'; frame-ancestors 'self' {shell}"
    ))
}

/// The CSP of a page of the gateway's own that has one script, one style sheet and perhaps a form.
pub(crate) fn page_csp(names: &Names, script: &str, frame_ancestors: bool) -> HeaderValue {
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script.as_bytes()));
    let ancestors = if frame_ancestors { format!("'self' {}", names.shell_origin()) } else { "'none'".to_owned() };
    value(format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; form-action 'self'; \
         base-uri 'none'; frame-ancestors {ancestors}"
    ))
}

/// Takes out what must not reach a router or an app.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    for name in DROPPED_FROM_REQUESTS {
        headers.remove(*name);
    }
    cookies::strip_own(headers);
}

/// Makes the browser forget the cookies of the whole site.
pub(crate) fn clear_cookies(headers: &mut HeaderMap) {
    headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cookies\""));
}

fn private(headers: &mut HeaderMap) {
    // Not `no-referrer`: with it a form's Origin would be `null`.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(ORIGIN_AGENT_CLUSTER, HeaderValue::from_static("?1"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("policies are plain ASCII")
}
