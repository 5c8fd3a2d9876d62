//! What WebDAV methods carry: XML bodies, depths, destinations.

use std::io::Read as _;

use bytes::Bytes;
use granary_wire::web_session_capnp::web_session::PropfindDepth;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http::{HeaderName, StatusCode};

use super::page::Page;
use super::request::field;

const DEPTH: HeaderName = HeaderName::from_static("depth");
const DESTINATION: HeaderName = HeaderName::from_static("destination");
const OVERWRITE: HeaderName = HeaderName::from_static("overwrite");
const LOCK_TOKEN: HeaderName = HeaderName::from_static("lock-token");

/// What COPY and MOVE say in headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transfer {
    /// Path of the copy, without a slash in front.
    pub(super) destination: String,
    pub(super) no_overwrite: bool,
    /// COPY only: not what is inside a collection.
    pub(super) shallow: bool,
}

impl Transfer {
    /// Reads the headers; `authority` is the session's own host and port.
    pub(super) fn read(headers: &HeaderMap, authority: &str) -> Result<Self, Page> {
        Ok(Self {
            destination: destination(field(headers, &DESTINATION), authority)?,
            no_overwrite: matches!(field(headers, &OVERWRITE), b"f" | b"F"),
            shallow: is_shallow(headers),
        })
    }
}

fn destination(value: &[u8], authority: &str) -> Result<String, Page> {
    let bad = || {
        Page::bad_request(
            "bad-destination",
            "The Destination header has to be a path or an address of this same grain.",
        )
    };
    let value = std::str::from_utf8(value.trim_ascii()).map_err(|_| bad())?;
    let path = match value.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
            let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
            if !host.eq_ignore_ascii_case(authority) {
                return Err(Page::new(
                    StatusCode::BAD_GATEWAY,
                    "foreign-destination",
                    "The destination lies elsewhere",
                    "A grain can copy and move only inside itself.",
                ));
            }
            path
        }
        _ if value.starts_with('/') => value,
        _ => return Err(bad()),
    };
    Ok(path.strip_prefix('/').unwrap_or(path).to_owned())
}

/// Whether `Depth` says: this alone.
pub(super) fn is_shallow(headers: &HeaderMap) -> bool {
    field(headers, &DEPTH).trim_ascii() == b"0"
}

/// The depth of a PROPFIND; unknown words mean everything below, as a missing header does.
pub(super) fn depth(headers: &HeaderMap) -> PropfindDepth {
    match field(headers, &DEPTH).trim_ascii() {
        b"0" => PropfindDepth::Zero,
        b"1" => PropfindDepth::One,
        _ => PropfindDepth::Infinity,
    }
}

/// The token of an UNLOCK, as it stands in the header.
pub(super) fn lock_token(headers: &HeaderMap) -> Result<Bytes, Page> {
    match field(headers, &LOCK_TOKEN) {
        b"" => Err(Page::bad_request("no-lock-token", "UNLOCK needs a Lock-Token header.")),
        token => Ok(Bytes::copy_from_slice(token)),
    }
}

/// Whether the body is said to be XML, or nothing is said.
pub(super) fn check_xml_type(headers: &HeaderMap) -> Result<(), Page> {
    let Some(mime_type) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let subtype = mime_type.as_bytes().splitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default();
    let name = subtype.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if name.eq_ignore_ascii_case(b"xml") {
        Ok(())
    } else {
        Err(unsupported("This kind of request takes XML only (Content-Type: application/xml)."))
    }
}

/// The XML itself, decompressed if need be, no longer than `limit`.
pub(super) fn decode_xml(headers: &HeaderMap, body: Bytes, limit: usize) -> Result<Bytes, Page> {
    match field(headers, &CONTENT_ENCODING).trim_ascii().to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Ok(body),
        b"gzip" | b"x-gzip" => {
            let mut xml = Vec::new();
            let most = limit as u64 + 1;
            flate2::read::MultiGzDecoder::new(&body[..])
                .take(most)
                .read_to_end(&mut xml)
                .map_err(|_| Page::bad_request("bad-gzip", "The body is not the gzip data it is said to be."))?;
            if xml.len() > limit { Err(Page::too_large(limit)) } else { Ok(xml.into()) }
        }
        _ => Err(unsupported("Of the content encodings, this kind of request takes gzip only.")),
    }
}

fn unsupported(text: &str) -> Page {
    Page::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The app cannot read this", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        let host = "ui-a.granary.localhost:6443";
        let cases = [
            ("/a/b%20c?x", Ok("a/b%20c?x")),
            ("https://ui-a.granary.localhost:6443/a/b", Ok("a/b")),
            ("HTTPS://UI-A.granary.localhost:6443/a", Ok("a")),
            ("https://ui-a.granary.localhost:6443", Ok("")),
            ("https://ui-b.granary.localhost:6443/a", Err(StatusCode::BAD_GATEWAY)),
            ("https://ui-a.granary.localhost/a", Err(StatusCode::BAD_GATEWAY)),
            ("https://ui-a.granary.localhost:6443@evil/a", Err(StatusCode::BAD_GATEWAY)),
            ("a/b", Err(StatusCode::BAD_REQUEST)),
            ("", Err(StatusCode::BAD_REQUEST)),
            ("ftp://ui-a.granary.localhost:6443/a", Err(StatusCode::BAD_REQUEST)),
        ];
        for (value, expected) in cases {
            let read = destination(value.as_bytes(), host).map_err(|page| page.into_response().status());
            assert_eq!(read.as_deref().map_err(|status| *status), expected, "{value}");
        }
    }
}
