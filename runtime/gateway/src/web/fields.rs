//! Reading and writing the header fields that WebSession has members for: lists with weights, ETags, cookies.

use std::fmt::Write as _;

use http::HeaderValue;
use time::OffsetDateTime;

use super::headers::is_own_cookie;

/// One entry of `Accept` or `Accept-Encoding`.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighted<'a> {
    /// The entry without its weight; other parameters are kept.
    pub value: std::borrow::Cow<'a, [u8]>,
    /// Its `q`, 1 when absent.
    pub q: f32,
}

/// Reads a list with weights; empty entries are skipped, a weight that is none counts as 1.
pub fn weighted_list(field: &[u8]) -> impl Iterator<Item = Weighted<'_>> {
    Split::new(field, b',').filter_map(weighted)
}

fn weighted(entry: &[u8]) -> Option<Weighted<'_>> {
    let mut q = 1.0;
    let mut kept: std::borrow::Cow<'_, [u8]> = std::borrow::Cow::Borrowed(b"");
    // As long as only `q` is left out at the end, what is kept is one piece of the field.
    for (index, part) in Split::new(entry, b';').enumerate() {
        let part = part.trim_ascii();
        if index == 0 {
            kept = part.into();
        } else if let [b'q' | b'Q', rest @ ..] = part
            && let Some(number) = rest.trim_ascii_start().strip_prefix(b"=")
        {
            q = weight(number.trim_ascii()).unwrap_or(1.0);
        } else if !part.is_empty() {
            let kept = kept.to_mut();
            kept.push(b';');
            kept.extend_from_slice(part);
        }
    }
    (!kept.is_empty()).then_some(Weighted { value: kept, q })
}

fn weight(number: &[u8]) -> Option<f32> {
    if number.is_empty() || number.len() > 8 || !number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        return None;
    }
    let q: f32 = std::str::from_utf8(number).ok()?.parse().ok()?;
    (0.0..=1.0).contains(&q).then_some(q)
}

/// Splits at a separator that does not stand in a quoted string.
struct Split<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Split<'a> {
    fn new(field: &'a [u8], separator: u8) -> Self {
        Self { rest: Some(field), separator }
    }
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let (mut quoted, mut escaped) = (false, false);
        for (index, byte) in rest.iter().enumerate() {
            if escaped {
                escaped = false;
            } else if quoted && *byte == b'\\' {
                escaped = true;
            } else if *byte == b'"' {
                quoted = !quoted;
            } else if !quoted && *byte == self.separator {
                self.rest = Some(&rest[index + 1..]);
                return Some(&rest[..index]);
            }
        }
        self.rest = None;
        Some(rest)
    }
}

/// Splits a list at its commas, without the space around its entries and without empty ones.
pub fn comma_list(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty())
}

/// An entity tag without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ETag<'a> {
    /// What stands between the quotes.
    pub value: &'a [u8],
    /// Whether `W/` stood before it.
    pub weak: bool,
}

/// What `If-Match` or `If-None-Match` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ETags<'a> {
    /// `*`
    Any,
    /// One or more tags.
    List(Vec<ETag<'a>>),
}

/// An entity tag stands without quotes, or something else stands between tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entity tag has to stand in double quotes, and a comma between two of them")]
pub struct BadETag;

/// Reads the values of an `If-Match` or `If-None-Match` header; `None` when they hold nothing.
pub fn etags<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Option<ETags<'a>>, BadETag> {
    let mut list = Vec::new();
    let mut any = false;
    for value in values {
        let mut rest = value.trim_ascii();
        if rest == b"*" {
            any = true;
            continue;
        }
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(b",") {
                rest = after.trim_ascii_start();
                continue;
            }
            let (weak, quoted) = match rest.strip_prefix(b"W/") {
                Some(quoted) => (true, quoted),
                None => (false, rest),
            };
            let inner = quoted.strip_prefix(b"\"").ok_or(BadETag)?;
            let end = inner.iter().position(|byte| *byte == b'"').ok_or(BadETag)?;
            list.push(ETag { value: &inner[..end], weak });
            rest = inner[end + 1..].trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return Err(BadETag);
            }
        }
    }
    match (any, list.is_empty()) {
        (true, true) => Ok(Some(ETags::Any)),
        (true, false) => Err(BadETag),
        (false, true) => Ok(None),
        (false, false) => Ok(Some(ETags::List(list))),
    }
}

/// Writes an `ETag` header; `None` for a tag that no client could send back.
pub fn etag_header(tag: ETag<'_>) -> Option<HeaderValue> {
    if tag.value.contains(&b'"') {
        return None;
    }
    let mut text = Vec::with_capacity(tag.value.len() + 4);
    text.extend_from_slice(if tag.weak { b"W/\"" } else { b"\"" });
    text.extend_from_slice(tag.value);
    text.push(b'"');
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
}

/// The cookies of one `Cookie` header that are the app's, as name and value; without `=` all is the name.
pub fn cookies(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    field.split(|byte| *byte == b';').filter_map(|part| {
        let part = part.trim_ascii();
        let (name, value) = match part.iter().position(|byte| *byte == b'=') {
            Some(equals) => (part[..equals].trim_ascii_end(), part[equals + 1..].trim_ascii_start()),
            None => (part, &b""[..]),
        };
        (!part.is_empty() && !is_own_cookie(name)).then_some((name, value))
    })
}

/// When a cookie ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// With the browser's session.
    Never,
    /// At this second since the epoch.
    At(i64),
    /// After so many seconds.
    After(u64),
}

/// A cookie an app sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetCookie<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// When it ends.
    pub expires: Expires,
    /// The path it is for; empty for the browser's default.
    pub path: &'a [u8],
    /// Whether scripts may not see it.
    pub http_only: bool,
    /// Whether it goes over HTTPS only.
    pub secure: bool,
}

impl SetCookie<'_> {
    /// Writes the header; `None` for a cookie that must not be set: one of Granary's names, or characters that would end
    /// a member. There is never a `Domain`, so a cookie stays on the session's own host.
    pub fn header(&self) -> Option<HeaderValue> {
        let has = |field: &[u8], stop: &[u8]| field.iter().any(|byte| stop.contains(byte) || byte.is_ascii_control());
        if has(self.name, b";,=") || has(self.value, b";,") || has(self.path, b";,") || is_own_cookie(self.name) {
            return None;
        }
        // Browsers trim names, so a space in front must not hide one of ours; a nameless cookie could pass for any name.
        if self.name.trim_ascii() != self.name || (self.name.is_empty() && !plain_nameless(self.value)) {
            return None;
        }
        let mut text = Vec::with_capacity(self.name.len() + self.value.len() + self.path.len() + 80);
        text.extend_from_slice(self.name);
        text.push(b'=');
        text.extend_from_slice(self.value);
        match self.expires {
            Expires::Never => {}
            Expires::At(second) => {
                text.extend_from_slice(b"; Expires=");
                text.extend_from_slice(date(second).as_bytes());
            }
            Expires::After(seconds) => text.extend_from_slice(format!("; Max-Age={seconds}").as_bytes()),
        }
        if !self.path.is_empty() {
            text.extend_from_slice(b"; Path=");
            text.extend_from_slice(self.path);
        }
        if self.http_only {
            text.extend_from_slice(b"; HttpOnly");
        }
        if self.secure {
            text.extend_from_slice(b"; Secure");
        }
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
    }
}

/// A cookie without a name is sent back as its bare value, where `a=b` would read as another cookie's name.
fn plain_nameless(value: &[u8]) -> bool {
    !value.is_empty() && !value.contains(&b'=') && !is_own_cookie(value.trim_ascii())
}

/// `Tue, 24 Nov 2026 03:48:47 +0000`; what lies outside the years 1970 to 9999 becomes the nearest second inside.
fn date(second: i64) -> String {
    const LAST: i64 = 253_402_300_799;
    let when = OffsetDateTime::from_unix_timestamp(second.clamp(0, LAST)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut text = String::with_capacity(31);
    let weekday = when.weekday().to_string();
    let month = when.month().to_string();
    let (year, day) = (when.year(), when.day());
    let (hour, minute, second) = when.to_hms();
    // Writing to a String cannot fail.
    let _ =
        write!(text, "{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} +0000", &weekday[..3], &month[..3]);
    text
}

/// Writes `Content-Disposition` for a file to be saved under this name.
///
/// The plain form carries raw UTF-8, as browsers expect from apps; names beyond ASCII get the form of RFC 6266 too.
/// Characters that cannot stand in a header become `_`.
pub fn attachment(filename: &[u8]) -> Option<HeaderValue> {
    let mut text = b"attachment; filename=\"".to_vec();
    let mut ascii = true;
    for byte in filename {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
            byte if byte.is_ascii_control() => text.push(b'_'),
            byte => {
                ascii &= byte.is_ascii();
                text.push(*byte);
            }
        }
    }
    text.push(b'"');
    if !ascii && std::str::from_utf8(filename).is_ok() {
        let clean: Vec<u8> = filename.iter().map(|byte| if byte.is_ascii_control() { b'_' } else { *byte }).collect();
        text.extend_from_slice(b"; filename*=UTF-8''");
        text.extend_from_slice(
            percent_encoding::percent_encode(&clean, percent_encoding::NON_ALPHANUMERIC).to_string().as_bytes(),
        );
    }
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
}
