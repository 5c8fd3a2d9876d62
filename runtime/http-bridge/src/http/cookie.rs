//! Reads the cookies that an app sets.

use super::parse_cookie_date;

/// When a cookie ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expires {
    /// With the browser.
    Never,
    /// At this second since 1970.
    At(i64),
    /// So many seconds from now.
    In(u64),
}

/// What a `Set-Cookie` header says. Domain and Secure are the gateway's business and are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The name, as written.
    pub name: &'a str,
    /// The value, as written, quotes included.
    pub value: &'a str,
    /// When it ends.
    pub expires: Expires,
    /// Whether scripts may not see it.
    pub http_only: bool,
    /// Below which path it is sent back.
    pub path: Option<&'a str>,
}

impl<'a> Cookie<'a> {
    /// Reads the value of one `Set-Cookie` header. `None` when it has no name.
    pub fn parse(header: &'a str) -> Option<Self> {
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let name = name.trim();
        if name.is_empty() {
            return None;
        }
        let mut cookie = Cookie { name, value: value.trim(), expires: Expires::Never, http_only: false, path: None };
        let mut max_age = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let (key, value) = (key.trim(), value.trim());
            if key.eq_ignore_ascii_case("expires") {
                if let Some(at) = parse_cookie_date(value) {
                    cookie.expires = Expires::At(at);
                }
            } else if key.eq_ignore_ascii_case("max-age") {
                max_age = parse_max_age(value).or(max_age);
            } else if key.eq_ignore_ascii_case("path") {
                // A path that is not absolute means the default one (RFC 6265, 5.2.4).
                cookie.path = value.starts_with('/').then_some(value);
            } else if key.eq_ignore_ascii_case("httponly") {
                cookie.http_only = true;
            }
        }
        // Max-Age wins over Expires, in whatever order they stand.
        if let Some(seconds) = max_age {
            cookie.expires = Expires::In(seconds);
        }
        Some(cookie)
    }
}

/// Zero and less mean "at once".
fn parse_max_age(value: &str) -> Option<u64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if value.len() > digits.len() {
        return Some(0);
    }
    // Longer than any lifetime: as long as can be said.
    Some(digits.parse().unwrap_or(u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read() {
        let plain = Cookie { name: "a", value: "b", expires: Expires::Never, http_only: false, path: None };
        let cases = [
            ("a=b", Some(plain.clone())),
            (" a = b ;", Some(plain.clone())),
            ("a=b; Secure; Domain=example.com; SameSite=Lax", Some(plain.clone())),
            ("a=\"b c\"", Some(Cookie { value: "\"b c\"", ..plain.clone() })),
            ("a=b=c", Some(Cookie { value: "b=c", ..plain.clone() })),
            ("a=", Some(Cookie { value: "", ..plain.clone() })),
            ("a=b; path=/x; HTTPONLY", Some(Cookie { path: Some("/x"), http_only: true, ..plain.clone() })),
            ("a=b; path=x", Some(plain.clone())),
            ("a=b; Max-Age=60", Some(Cookie { expires: Expires::In(60), ..plain.clone() })),
            ("a=b; Max-Age=0", Some(Cookie { expires: Expires::In(0), ..plain.clone() })),
            ("a=b; Max-Age=-1", Some(Cookie { expires: Expires::In(0), ..plain.clone() })),
            ("a=b; Max-Age=soon", Some(plain.clone())),
            (
                "a=b; Max-Age=5; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
                Some(Cookie { expires: Expires::In(5), ..plain.clone() }),
            ),
            (
                "a=b; expires=Sun, 06-Nov-94 08:49:37 GMT; path=/",
                Some(Cookie { expires: Expires::At(784_111_777), path: Some("/"), ..plain.clone() }),
            ),
            ("a=b; expires=whenever", Some(plain)),
            ("a", None),
            ("=b", None),
            ("", None),
            (";", None),
        ];
        for (header, expected) in cases {
            assert_eq!(Cookie::parse(header), expected, "{header}");
        }
    }
}
