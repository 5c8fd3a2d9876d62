//! What a browser says about where a request comes from (Fetch Metadata), which no page can forge.

use http::header::HeaderMap;

/// `Sec-Fetch-Site`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// The header is missing: not a browser, or one that leaves it out.
    Absent,
    /// A page of the very origin asked.
    SameOrigin,
    /// A page of another origin below the same site: for Granary a hostile one.
    Sibling,
    /// The person themselves: address bar, bookmark.
    None,
    /// Any other site, or a value that is not understood.
    Foreign,
}

impl Site {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match one(headers, "sec-fetch-site") {
            Ok(Option::None) => Self::Absent,
            Ok(Some(b"same-origin")) => Self::SameOrigin,
            Ok(Some(b"same-site")) => Self::Sibling,
            Ok(Some(b"none")) => Self::None,
            _ => Self::Foreign,
        }
    }
}

/// Whether the request loads a page: into a window of its own or into a frame.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    one(headers, "sec-fetch-mode") == Ok(Some(b"navigate"))
}

/// Whether the page is loaded as the window's own document, not into a frame.
pub(crate) fn is_top_navigation(headers: &HeaderMap) -> bool {
    is_navigation(headers) && one(headers, "sec-fetch-dest") == Ok(Some(b"document"))
}

/// `Err` when the header is there more than once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(http::HeaderValue::as_bytes);
    if values.next().is_some() { Err(()) } else { Ok(first) }
}
