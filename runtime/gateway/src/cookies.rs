//! Reading and writing cookies: exactly one of ours, none of ours to an app.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

use crate::names::COOKIE_PREFIX;

/// What a request's cookies say under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// No such cookie.
    None,
    /// Exactly one.
    One(&'a str),
    /// More than one: somebody set one of the same name for the whole site. None of them counts.
    Several,
}

/// Looks for the cookie `name`. Names are compared exactly.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Found<'a> {
    let mut found = Found::None;
    for pair in pairs(headers) {
        if pair_name(pair) != name.as_bytes() {
            continue;
        }
        if found != Found::None {
            return Found::Several;
        }
        let value = pair.get(name.len() + 1..).unwrap_or_default().trim_ascii();
        // A value of ours is ASCII; anything else simply matches no hash.
        found = Found::One(std::str::from_utf8(value).unwrap_or_default());
    }
    found
}

/// Joins all Cookie headers into one (HTTP/2 splits them) and takes out those with Granary's prefix, of every port and
/// in every case: browsers differ in whether the prefix is case-sensitive.
pub fn strip_own(headers: &mut HeaderMap) {
    let mut kept: Vec<u8> = Vec::new();
    for pair in pairs(headers).filter(|pair| !is_own(pair_name(pair))) {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(pair);
    }
    headers.remove(COOKIE);
    if let Ok(value) = HeaderValue::from_bytes(&kept)
        && !kept.is_empty()
    {
        headers.insert(COOKIE, value);
    }
}

/// Bytes of all Cookie headers.
pub fn size(headers: &HeaderMap) -> usize {
    headers.get_all(COOKIE).iter().map(HeaderValue::len).sum()
}

/// The names of all cookies of a request, without repetition, in order; those that cannot stand in a Set-Cookie header
/// are left out.
pub fn names(headers: &HeaderMap) -> Vec<String> {
    let mut names = Vec::new();
    for pair in pairs(headers) {
        let Ok(name) = std::str::from_utf8(pair_name(pair)) else { continue };
        if name.bytes().all(|b| b.is_ascii_graphic()) && !names.iter().any(|seen| seen == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Removes Set-Cookie headers of an app that would touch Granary's own cookies or reach beyond its host.
pub fn clean_set_cookies(headers: &mut HeaderMap) {
    if !headers.contains_key(SET_COOKIE) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter(|value| {
            let mut parts = value.as_bytes().split(|b| *b == b';');
            let pair = parts.next().unwrap_or_default().trim_ascii();
            let own = is_own(pair_name(pair)) || is_own(pair.strip_prefix(b"=").unwrap_or_default().trim_ascii());
            let wide = parts.any(|part| pair_name(part.trim_ascii()).eq_ignore_ascii_case(b"domain"));
            !own && !wide
        })
        .cloned()
        .collect();
    headers.remove(SET_COOKIE);
    for value in kept {
        headers.append(SET_COOKIE, value);
    }
}

/// A Set-Cookie value for one of Granary's cookies.
pub fn set(name: &str, value: &str, max_age: std::time::Duration) -> HeaderValue {
    let max_age = max_age.as_secs();
    HeaderValue::try_from(format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={max_age}"))
        .expect("names and tokens are plain ASCII")
}

/// A Set-Cookie value that makes the browser forget one of Granary's cookies.
pub fn forget(name: &str) -> HeaderValue {
    set(name, "", std::time::Duration::ZERO)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
}

fn pair_name(pair: &[u8]) -> &[u8] {
    pair.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii()
}

fn is_own(name: &[u8]) -> bool {
    name.get(..COOKIE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(COOKIE_PREFIX.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for cookie in cookies {
            map.append(COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
        }
        map
    }

    #[test]
    fn one_cookie_counts_and_several_do_not() {
        let name = "__Host-granary-owner-6443";
        let cases: [(&[&str], Found<'_>); 9] = [
            (&[], Found::None),
            (&["a=b"], Found::None),
            (&["a=b; __Host-granary-owner-6443=tok"], Found::One("tok")),
            (&["a=b", "__Host-granary-owner-6443=tok"], Found::One("tok")),
            (&["__Host-granary-owner-6443=tok; __Host-granary-owner-6443=tok"], Found::Several),
            (&["__Host-granary-owner-6443=tok", "__Host-granary-owner-6443=x"], Found::Several),
            (&["__Host-granary-owner-64430=tok"], Found::None),
            (&["__host-granary-owner-6443=tok"], Found::None),
            (&["__Host-granary-owner-6443"], Found::One("")),
        ];
        for (cookies, expected) in cases {
            assert_eq!(find(&headers(cookies), name), expected, "{cookies:?}");
        }
    }

    #[test]
    fn no_cookie_of_ours_reaches_an_app() {
        let cases: [(&[&str], Option<&str>); 6] = [
            (&["a=b; __Host-granary-session-6443=x; c=d"], Some("a=b; c=d")),
            (&["a=b", "c=d; __Host-granary-owner-1=x"], Some("a=b; c=d")),
            (&["__HOST-GRANARY-session-6443=x"], None),
            (&["__Host-granary-anything"], None),
            (&["a=b;;  ; c"], Some("a=b; c")),
            (&["__Host-other=1"], Some("__Host-other=1")),
        ];
        for (cookies, expected) in cases {
            let mut map = headers(cookies);
            strip_own(&mut map);
            let kept: Vec<_> = map.get_all(COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
            assert_eq!(kept, expected.into_iter().collect::<Vec<_>>(), "{cookies:?}");
        }
    }

    #[test]
    fn an_app_sets_cookies_for_its_own_host_only() {
        let mut map = HeaderMap::new();
        for value in [
            "plain=1; Path=/",
            "__Host-granary-session-6443=stolen; Path=/; Secure",
            "wide=1; Domain=granary.localhost",
            "wide2=1; dOmain =granary.localhost",
            "=__Host-granary-owner-6443=x",
            "domain=a-name-may-be-so",
        ] {
            map.append(SET_COOKIE, HeaderValue::from_static(value));
        }
        clean_set_cookies(&mut map);
        let kept: Vec<_> = map.get_all(SET_COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(kept, ["plain=1; Path=/", "domain=a-name-may-be-so"]);
    }
}
