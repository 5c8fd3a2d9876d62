//! Reads the head of a response: the status and those headers that have a meaning in a session.

use super::{Error, Framing, text};

/// The longest head that is read.
pub const MAX_HEAD: usize = 64 << 10;
/// Most responses have fewer headers; for the others there is [`MAX_HEADERS`].
const USUAL_HEADERS: usize = 48;
const MAX_HEADERS: usize = 1000;

/// The head of a response, reduced to what a session can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status code, from 100 to 999.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Encoding`, unless it is `identity`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `ETag`.
    pub etag: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// Each `Set-Cookie`.
    pub set_cookies: Vec<String>,
    /// `Sec-WebSocket-Protocol`.
    pub websocket_protocol: Option<String>,
    /// The classes and extensions in the `DAV` headers.
    pub dav: Vec<String>,
    /// Headers that may pass as they are, with lower-case names.
    pub additional: Vec<(String, String)>,
    content_length: Option<u64>,
    chunked: bool,
    /// Whether the app keeps the connection open after this response.
    pub keeps_alive: bool,
}

impl Head {
    /// How the body ends, in answer to a request that was or was not a HEAD request.
    pub fn framing(&self, to_head: bool) -> Framing {
        if to_head || matches!(self.status, 100..=199 | 204 | 304) {
            Framing::Empty
        } else if self.chunked {
            Framing::Chunked
        } else if let Some(length) = self.content_length {
            Framing::Length(length)
        } else {
            Framing::Close
        }
    }
}

/// Reads a head at the front of `bytes`. `None` when more bytes are needed. `passes` says which lower-case header names
/// are handed on. Gives the head and its length.
pub fn parse(bytes: &[u8], passes: &dyn Fn(&str) -> bool) -> Result<Option<(Head, usize)>, Error> {
    // Even a head that is complete must not be longer, so that it does not matter how the bytes arrive.
    let window = &bytes[..bytes.len().min(MAX_HEAD)];
    let mut few = [httparse::EMPTY_HEADER; USUAL_HEADERS];
    match parse_into(window, &mut few, passes) {
        Err(Error::HeadTooLong) => {
            let mut many = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
            parse_into(window, &mut many, passes)
        }
        Ok(None) if window.len() == MAX_HEAD => Err(Error::HeadTooLong),
        other => other,
    }
}

fn parse_into<'b>(
    bytes: &'b [u8],
    headers: &mut [httparse::Header<'b>],
    passes: &dyn Fn(&str) -> bool,
) -> Result<Option<(Head, usize)>, Error> {
    // Apps are old and odd; what has one meaning is accepted.
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true);
    let mut response = httparse::Response::new(headers);
    let length = match config.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Error::HeadTooLong),
        Err(httparse::Error::Status) => return Err(Error::Malformed("the status is not a number of three digits")),
        Err(httparse::Error::Version) => return Err(Error::Malformed("it does not begin with HTTP/1.1 or HTTP/1.0")),
        Err(_) => return Err(Error::Malformed("a header line is broken")),
    };
    let (Some(status), Some(version)) = (response.code, response.version) else {
        return Err(Error::Malformed("there is no status"));
    };
    let mut head = Head { status, keeps_alive: version == 1, ..Head::default() };
    if status < 100 {
        return Err(Error::Malformed("the status is below 100"));
    }
    for header in response.headers.iter() {
        head.take(header.name, header.value, passes)?;
    }
    if head.chunked && head.content_length.take().is_some() {
        // Such an answer is two answers to two readers; it is read, but nothing may follow it.
        head.keeps_alive = false;
    }
    Ok(Some((head, length)))
}

impl Head {
    fn take(&mut self, name: &str, value: &[u8], passes: &dyn Fn(&str) -> bool) -> Result<(), Error> {
        // The longest name that means something here, or is on the list of those that pass.
        let mut lower = [0_u8; 64];
        let Some(lower) = lower.get_mut(..name.len()) else { return Ok(()) };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let name = std::str::from_utf8(lower).unwrap_or_default();
        let value = value.trim_ascii();
        let first = |slot: &mut Option<String>| {
            if slot.is_none() && !value.is_empty() {
                *slot = Some(text(value).into_owned());
            }
        };
        match name {
            "content-type" => first(&mut self.content_type),
            "content-language" => first(&mut self.content_language),
            "content-disposition" => first(&mut self.content_disposition),
            "etag" => first(&mut self.etag),
            "location" => first(&mut self.location),
            "sec-websocket-protocol" => first(&mut self.websocket_protocol),
            "set-cookie" => self.set_cookies.push(text(value).into_owned()),
            "content-encoding" => {
                if !value.eq_ignore_ascii_case(b"identity") {
                    first(&mut self.content_encoding);
                }
            }
            "dav" => self.dav.extend(words(value).map(str::to_owned)),
            "content-length" => {
                for word in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
                    let length = parse_length(word)?;
                    if self.content_length.is_some_and(|before| before != length) {
                        return Err(Error::Framing("there are two different values of Content-Length"));
                    }
                    self.content_length = Some(length);
                }
            }
            "transfer-encoding" => {
                for word in words(value) {
                    if word.eq_ignore_ascii_case("chunked") && !self.chunked {
                        self.chunked = true;
                    } else if !word.eq_ignore_ascii_case("identity") {
                        return Err(Error::Framing("Transfer-Encoding is something else than `chunked`, once"));
                    }
                }
            }
            "connection" => {
                for word in words(value) {
                    if word.eq_ignore_ascii_case("close") {
                        self.keeps_alive = false;
                    } else if word.eq_ignore_ascii_case("keep-alive") {
                        self.keeps_alive = true;
                    }
                }
            }
            _ => {
                if passes(name) {
                    self.additional.push((name.to_owned(), text(value).into_owned()));
                }
            }
        }
        Ok(())
    }
}

fn parse_length(word: &[u8]) -> Result<u64, Error> {
    let text = std::str::from_utf8(word).unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::Framing("Content-Length is not a number"));
    }
    text.parse().map_err(|_| Error::Framing("Content-Length is absurd"))
}

/// The members of a comma-separated list, without those that are not text.
fn words(value: &[u8]) -> impl Iterator<Item = &str> {
    value
        .split(|&b| b == b',')
        .filter_map(|word| std::str::from_utf8(word.trim_ascii()).ok())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(bytes: &[u8]) -> Result<Option<(Head, usize)>, Error> {
        parse(bytes, &|name| name.starts_with("x-sandstorm-app-"))
    }

    fn head(bytes: &str) -> Head {
        let (head, length) = parse_all(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        head
    }

    #[test]
    fn heads_are_read() {
        let got = head(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCONTENT-LENGTH: 5\r\nETag: \"x\"\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\
             X-Sandstorm-App-Thing: y\r\nX-Other: z\r\nDAV: 1, 2\r\nDAV: calendar-access\r\nContent-Encoding: identity\r\n\r\n",
        );
        assert_eq!((got.status, got.keeps_alive, got.framing(false)), (200, true, Framing::Length(5)));
        assert_eq!(got.framing(true), Framing::Empty);
        assert_eq!(got.content_type.as_deref(), Some("text/html"));
        assert_eq!(got.content_encoding, None);
        assert_eq!(got.set_cookies, ["a=b", "c=d"]);
        assert_eq!(got.dav, ["1", "2", "calendar-access"]);
        assert_eq!(got.additional, [("x-sandstorm-app-thing".to_owned(), "y".to_owned())]);
    }

    #[test]
    fn the_end_of_the_body_is_found_or_refused() {
        use Framing::{Chunked, Close, Empty, Length};
        let cases: &[(&str, Option<(Framing, bool)>)] = &[
            ("HTTP/1.1 200 OK\r\n\r\n", Some((Close, true))),
            ("HTTP/1.0 200 OK\r\n\r\n", Some((Close, false))),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", Some((Length(1), true))),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", Some((Length(1), false))),
            ("HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n", Some((Chunked, true))),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", Some((Chunked, false))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", Some((Length(5), true))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", Some((Length(5), true))),
            ("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", Some((Empty, true))),
            ("HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", Some((Empty, true))),
            ("HTTP/1.1 200 OK\nContent-Length: 5\n\n", Some((Length(5), true))),
            ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\n", Some((Length(5), true))),
            ("HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 5\r\n\r\n", Some((Length(5), true))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", None),
            ("HTTP/1.1 099 No\r\n\r\n", None),
            ("HTTP/2.0 200 OK\r\n\r\n", None),
            ("HTTP/1.1 abc\r\n\r\n", None),
            ("<html>hello</html>\r\n\r\n", None),
        ];
        for (bytes, expected) in cases {
            let got = parse_all(bytes.as_bytes());
            match expected {
                Some(expected) => {
                    let (head, length) = got.unwrap().unwrap();
                    assert_eq!((head.framing(false), head.keeps_alive), *expected, "{bytes}");
                    assert_eq!(length, bytes.len(), "{bytes}");
                }
                None => assert!(got.is_err(), "{bytes}: {got:?}"),
            }
        }
    }

    #[test]
    fn heads_have_a_limit() {
        let many = |n: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Y: z\r\n".repeat(n));
        assert!(parse_all(many(900).as_bytes()).unwrap().is_some());
        assert_eq!(parse_all(many(1100).as_bytes()), Err(Error::HeadTooLong));
        let long = |n: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(n));
        assert!(parse_all(long(60_000).as_bytes()).unwrap().is_some());
        assert_eq!(parse_all(long(70_000).as_bytes()), Err(Error::HeadTooLong));
        assert_eq!(parse_all("HTTP/1.1 200 OK\r\nX: y".as_bytes()), Ok(None));
        assert_eq!(parse_all(b""), Ok(None));
    }
}
