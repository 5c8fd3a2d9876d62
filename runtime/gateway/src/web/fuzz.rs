//! Entry points for fuzzing: hostile header fields of browsers, hostile answers of apps. Each checks what must hold.

use capnp::text;
use granary_wire::web_session_capnp::web_session::{context, response};
use http::header::{COOKIE, HeaderMap, SET_COOKIE};
use http::{HeaderName, HeaderValue};

use super::body::Body;
use super::fields::{self, Expires, SetCookie};
use super::headers::is_own_cookie;
use super::request::fill_headers;
use super::response::{Asked, Translated, translate};

/// Reads lines `name: value` as request headers and builds a call's context from them.
///
/// # Panics
///
/// When a cookie of Granary's or a header that is on no list would reach the app.
pub fn request_headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(line[colon + 1..].trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    let mut message = capnp::message::Builder::new_default();
    let mut context: context::Builder<'_> = message.init_root();
    if fill_headers(context.reborrow(), &headers).is_err() {
        return;
    }
    let context = context.into_reader();
    for cookie in context.get_cookies().expect("was just written") {
        assert!(!is_own_cookie(cookie.get_key().expect("was just written").as_bytes()));
    }
    for header in context.get_additional_headers().expect("was just written") {
        let name = header.get_name().expect("was just written");
        assert!(super::headers::REQUEST.allows(name.to_str().expect("names are ASCII")));
    }
    for accepted in context.get_accept().expect("was just written") {
        assert!((0.0..=1.0).contains(&accepted.get_q_value()));
    }
}

/// Reads the bytes as one field each of the kinds there are a parser for.
///
/// # Panics
///
/// When an entity tag or a cookie does not survive being written and read again.
pub fn field(data: &[u8]) {
    fields::weighted_list(data).for_each(drop);
    if let Ok(Some(fields::ETags::List(tags))) = fields::etags(std::iter::once(data)) {
        for tag in tags {
            if let Some(header) = fields::etag_header(tag) {
                let again = fields::etags(std::iter::once(header.as_bytes())).expect("was just written");
                assert_eq!(again, Some(fields::ETags::List(vec![tag])));
            }
        }
    }
    for (name, value) in fields::cookies(data) {
        assert!(!is_own_cookie(name) && !name.contains(&b';') && !value.contains(&b';'));
    }
    if let Some(header) = fields::attachment(data) {
        assert!(header.as_bytes().starts_with(b"attachment; filename=\""));
    }
}

/// Reads up to four pieces, parted by NUL, as a cookie an app sets.
///
/// # Panics
///
/// When the header would set one of Granary's cookies, another than the one asked for, or one for other hosts.
pub fn set_cookie(data: &[u8]) {
    let mut pieces = data.splitn(4, |byte| *byte == 0);
    let mut piece = || pieces.next().unwrap_or_default();
    let (name, value, path, rest) = (piece(), piece(), piece(), piece());
    let expires = match *rest {
        [b'a', a, b, c, d, e, f, g, h, ..] => Expires::At(i64::from_le_bytes([a, b, c, d, e, f, g, h])),
        [b'r', a, b, c, d, e, f, g, h, ..] => Expires::After(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
        _ => Expires::Never,
    };
    let cookie = SetCookie { name, value, expires, path, http_only: rest.len() % 2 == 1, secure: true };
    if let Some(header) = cookie.header() {
        check_set_cookie(&header);
    }
}

/// Reads the bytes as a Cap'n Proto message that holds a response, and translates it.
///
/// # Panics
///
/// When a header comes out that an app may not set.
pub fn response(data: &[u8]) {
    let mut rest = data;
    let Ok(message) = capnp::serialize::read_message(&mut rest, capnp::message::ReaderOptions::new()) else { return };
    let Ok(response) = message.get_root::<response::Reader<'_>>() else { return };
    for none_match in [false, true] {
        match translate(response, Asked { none_match, secure: true }) {
            Ok(Translated::Whole(response)) => check_response(&response),
            Ok(Translated::Stream(head, _)) => check_response(&head.map(|()| Body::empty())),
            Err(_) => {}
        }
    }
}

/// Builds a response whose texts are pieces of the data, parted by NUL, and translates it.
///
/// # Panics
///
/// As [`response`].
pub fn response_texts(data: &[u8]) {
    let (kind, data) = data.split_first().map_or((0, data), |(kind, rest)| (*kind, rest));
    let mut pieces = data.split(|byte| *byte == 0);
    let mut piece = || text::Reader(pieces.next().unwrap_or_default());
    let mut message = capnp::message::Builder::new_default();
    let mut response: response::Builder<'_> = message.init_root();
    {
        let mut cookie = response.reborrow().init_set_cookies(1).get(0);
        cookie.set_name(piece());
        cookie.set_value(piece());
        cookie.set_path(piece());
    }
    {
        let mut header = response.reborrow().init_additional_headers(1).get(0);
        header.set_name(piece());
        header.set_value(piece());
    }
    match kind % 3 {
        0 => {
            let mut content = response.reborrow().init_content();
            content.set_mime_type(piece());
            content.set_encoding(piece());
            content.set_language(piece());
            content.reborrow().init_e_tag().set_value(piece());
            content.reborrow().init_disposition().set_download(piece());
            content.init_body().set_bytes(piece().as_bytes());
        }
        1 => response.reborrow().init_redirect().set_location(piece()),
        _ => response.reborrow().init_client_error().set_description_html(piece()),
    }
    if let Ok(Translated::Whole(response)) =
        translate(response.into_reader(), Asked { none_match: false, secure: true })
    {
        check_response(&response);
    }
}

fn check_response(response: &http::Response<Body>) {
    const OWN: [&str; 10] = [
        "referrer-policy",
        "set-cookie",
        "content-type",
        "content-encoding",
        "content-language",
        "content-disposition",
        "etag",
        "location",
        "dav",
        "access-control-expose-headers",
    ];
    for (name, value) in response.headers() {
        assert!(OWN.contains(&name.as_str()) || super::headers::RESPONSE.allows(name.as_str()), "{name}");
        assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        if *name == SET_COOKIE {
            check_set_cookie(value);
        }
        assert_ne!(*name, COOKIE);
    }
}

fn check_set_cookie(header: &HeaderValue) {
    let mut members = header.as_bytes().split(|byte| *byte == b';');
    let pair = members.next().unwrap_or_default();
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    assert!(!is_own_cookie(name.trim_ascii()) && !is_own_cookie(pair.trim_start_with_equals()));
    for member in members {
        let member = member.trim_ascii();
        let known: [&[u8]; 5] = [b"Expires=", b"Max-Age=", b"Path=", b"HttpOnly", b"Secure"];
        assert!(known.iter().any(|known| member.starts_with(known)), "{header:?}");
    }
}

trait TrimEquals {
    fn trim_start_with_equals(&self) -> &[u8];
}

impl TrimEquals for [u8] {
    fn trim_start_with_equals(&self) -> &[u8] {
        self.strip_prefix(b"=").unwrap_or(self).trim_ascii()
    }
}
