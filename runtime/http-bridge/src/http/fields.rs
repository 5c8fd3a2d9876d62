//! Single header values: entity tags, the disposition of a download, percent-encoding, and text of unknown encoding.

use std::borrow::Cow;
use std::fmt::Write;

/// An entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag<'a> {
    /// What stands between the quotes.
    pub value: &'a str,
    /// Whether it only promises equivalence.
    pub weak: bool,
}

impl<'a> ETag<'a> {
    /// Reads the value of an `ETag` header. `None` when it is not a quoted tag.
    pub fn parse(header: &'a str) -> Option<Self> {
        let header = header.trim();
        let (weak, quoted) = match header.strip_prefix("W/").or_else(|| header.strip_prefix("w/")) {
            Some(rest) => (true, rest),
            None => (false, header),
        };
        let value = quoted.strip_prefix('"')?.strip_suffix('"')?;
        (!value.contains('"')).then_some(ETag { value, weak })
    }
}

/// What a browser should do with a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition<'a> {
    /// Show it.
    Normal,
    /// Save it under this name; `None` when the app named none.
    Download(Option<Cow<'a, str>>),
}

impl<'a> Disposition<'a> {
    /// Reads the value of a `Content-Disposition` header. `filename*` (RFC 8187) wins over `filename`.
    pub fn parse(header: &'a str) -> Self {
        let (kind, mut rest) = match header.split_once(';') {
            Some((kind, rest)) => (kind, rest),
            None => (header, ""),
        };
        if !kind.trim().eq_ignore_ascii_case("attachment") {
            return Self::Normal;
        }
        let mut plain = None;
        let mut extended = None;
        while let Some((key, after)) = rest.split_once('=') {
            // Parameters without a value may stand before this one.
            let key = key.rsplit(';').next().unwrap_or(key).trim();
            let after = after.trim_start();
            let (value, next) = parameter_value(after);
            if key.eq_ignore_ascii_case("filename") {
                plain = plain.or(Some(value));
            } else if key.eq_ignore_ascii_case("filename*") {
                extended = extended.or_else(|| extended_value(&value));
            }
            rest = next;
        }
        Self::Download(extended.map(Cow::Owned).or(plain).filter(|name| !name.is_empty()))
    }
}

/// A token or a quoted string at the front of `text`, and what follows it.
fn parameter_value(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        return match text.split_once(';') {
            Some((value, rest)) => (Cow::Borrowed(value.trim_end()), rest),
            None => (Cow::Borrowed(text.trim_end()), ""),
        };
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (Cow::Owned(value), &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (Cow::Owned(value), "")
}

/// `UTF-8'language'percent-encoded`.
fn extended_value(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let charset = parts.next()?;
    let _language = parts.next()?;
    let encoded = parts.next()?;
    let bytes = percent_decode(encoded);
    if charset.eq_ignore_ascii_case("utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case("iso-8859-1") {
        Some(bytes.into_iter().map(char::from).collect())
    } else {
        None
    }
}

/// Encodes like JavaScript's `encodeURIComponent`.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Decodes `%xx`; whatever is not that stays as it is.
pub fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |i: usize| bytes.get(i).and_then(|&b| char::from(b).to_digit(16));
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2))
        {
            out.extend(u8::try_from(high * 16 + low));
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    out
}

/// A header value as text: UTF-8 when it is that, else Latin-1, which is what HTTP once said. Line breaks of folded
/// lines and other control characters become spaces.
pub fn text(value: &[u8]) -> Cow<'_, str> {
    let clean = !value.iter().any(|&b| b < b' ' || b == 0x7f);
    match (std::str::from_utf8(value), clean) {
        (Ok(text), true) => Cow::Borrowed(text),
        (Ok(text), false) => Cow::Owned(text.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect()),
        (Err(_), _) => {
            Cow::Owned(value.iter().map(|&b| if b.is_ascii_control() { ' ' } else { char::from(b) }).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags() {
        let cases = [
            ("\"abc\"", Some(("abc", false))),
            ("W/\"abc\"", Some(("abc", true))),
            (" w/\"\" ", Some(("", true))),
            ("abc", None),
            ("\"", None),
            ("\"a\"b\"", None),
            ("W/abc", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(ETag::parse(header).map(|tag| (tag.value, tag.weak)), expected, "{header}");
        }
    }

    #[test]
    fn dispositions() {
        let cases = [
            ("inline", None),
            ("inline; filename=x", None),
            ("attachment", Some(None)),
            ("attachment; filename=x.txt", Some(Some("x.txt"))),
            ("ATTACHMENT; FileName=\"a \\\"b\\\" ; c.txt\"; size=3", Some(Some("a \"b\" ; c.txt"))),
            ("attachment; filename=\"fallback\"; filename*=UTF-8''%e2%82%ac%20rates", Some(Some("€ rates"))),
            ("attachment; filename*=iso-8859-1'en'%A3%20rates", Some(Some("£ rates"))),
            ("attachment; filename*=utf-16''x; filename=y", Some(Some("y"))),
            ("attachment; filename=\"\"", Some(None)),
            ("attachment; filename=\"open", Some(Some("open"))),
            ("attachment; odd; filename=x", Some(Some("x"))),
            ("attachment; filename=", Some(None)),
        ];
        for (header, expected) in cases {
            let got = match Disposition::parse(header) {
                Disposition::Normal => None,
                Disposition::Download(name) => Some(name),
            };
            assert_eq!(got.as_ref().map(Option::as_deref), expected, "{header}");
        }
    }

    #[test]
    fn percent_encoding_is_that_of_javascript() {
        assert_eq!(percent_encode("Zoë (admin)! ~*'_.-/&"), "Zo%C3%AB%20(admin)!%20~*'_.-%2F%26");
        assert_eq!(percent_decode("Zo%C3%AB%2x%"), "Zoë%2x%".as_bytes());
    }

    #[test]
    fn text_of_any_encoding() {
        assert_eq!(text("Grüße".as_bytes()), "Grüße");
        assert_eq!(text(b"Gr\xfc\xdfe"), "Grüße");
        assert_eq!(text(b"a\r\n\tb"), "a   b");
        assert_eq!(text(b"\xff\x00"), "ÿ ");
    }
}
