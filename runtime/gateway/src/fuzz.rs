//! Entry point for fuzzing what a browser, or something that poses as one, may send before anything is known of it.

use http::header::{COOKIE, HOST, HeaderMap, HeaderValue, SET_COOKIE};
use http::{HeaderName, Request};

use crate::cookies::{self, Found};
use crate::host;
use crate::names::{COOKIE_PREFIX, Names, Place};
use crate::session::InitQuery;

/// Reads the first line as a request's target and the others as headers, and takes the request apart as the gateway does.
///
/// # Panics
///
/// When a cookie of Granary's would pass in either direction, a doubled one would count, or a redirect would lead away.
pub fn request(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let target = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(line[colon + 1..].trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    incoming_cookies(&headers);
    outgoing_cookies(&headers);
    let Ok(mut request) = Request::builder().uri(target).body(()) else { return };
    *request.headers_mut() = headers;
    let asked = request.uri().clone();
    if let Ok(authority) = host::authority(&mut request) {
        assert_eq!(request.headers().get_all(HOST).iter().count(), 1);
        assert_eq!(request.headers()[HOST].as_bytes(), authority.as_bytes());
        assert!(asked.authority().is_none_or(|named| named.as_str() == authority));
        assert!(request.uri().path().starts_with('/') && request.uri().authority().is_none());
        let place = Names::new(6443).place(&authority);
        assert_eq!(place == Place::Shell, authority == "granary.localhost:6443");
        if let Place::Session(label) = place {
            assert_eq!(authority, format!("{label}.granary.localhost:6443"));
        }
    }
    if let Some(query) = InitQuery::parse(request.uri().query().unwrap_or_default()) {
        let base = url::Url::parse("https://ui-0.granary.localhost:6443/_granary-init").expect("a URL");
        let led = base.join(&query.path).expect("a local path is a URL");
        assert_eq!(led.origin(), base.origin(), "{} leads away", query.path);
        assert!(HeaderValue::try_from(&query.path).is_ok() && query.code.len() <= data.len());
    }
}

fn incoming_cookies(headers: &HeaderMap) {
    let name = format!("{COOKIE_PREFIX}owner-6443");
    let times = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter(|pair| pair.split(|byte| *byte == b'=').next().map(<[u8]>::trim_ascii) == Some(name.as_bytes()))
        .count();
    match cookies::find(headers, &name) {
        Found::None => assert_eq!(times, 0),
        Found::One(_) => assert_eq!(times, 1),
        Found::Several => assert!(times > 1),
    }
    let mut stripped = headers.clone();
    cookies::strip_own(&mut stripped);
    assert!(stripped.get_all(COOKIE).iter().count() <= 1);
    assert!(cookies::names(&stripped).iter().all(|name| !is_ours(name)));
    let mut again = stripped.clone();
    cookies::strip_own(&mut again);
    assert_eq!(again, stripped, "stripping once is enough");
}

fn outgoing_cookies(headers: &HeaderMap) {
    let mut cleaned = headers.clone();
    cookies::clean_set_cookies(&mut cleaned);
    for set in cleaned.get_all(SET_COOKIE) {
        let set = String::from_utf8_lossy(set.as_bytes()).into_owned();
        assert!(!is_ours(set.trim_start().trim_start_matches('=').trim_start()), "{set}");
    }
}

fn is_ours(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with(&COOKIE_PREFIX.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_put_together_at_random_break_nothing(pieces in proptest::collection::vec(prop_oneof![
            Just("cookie:"), Just("\ncookie:"), Just("\nset-cookie:"), Just("\nhost:"), Just("\n"), Just(";"), Just("="), Just(" "),
            Just("__Host-granary-owner-6443"), Just("__host-granary-session-1"), Just("a"), Just("\u{e9}"), Just("Domain"),
            Just("granary.localhost:6443"), Just("ui-0123456789abcdef0123456789abcdef."), Just("/"), Just("//"), Just("\\"),
            Just("https://"), Just("/_granary-init?code=a&path="), Just("%2f"), Just("%5c"), Just("%09"), Just("%"), Just("@"),
            Just("."), Just(".."), Just("?"), Just("#"), Just("&"), Just(":")], 0..24)) {
            super::request(pieces.concat().as_bytes());
        }

        #[test]
        fn random_bytes_break_nothing(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::request(&data);
        }
    }
}
