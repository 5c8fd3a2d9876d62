//! Writes the head of a request to the app. Nothing that came from outside can end a line early.

use std::fmt::Display;
use std::io::Write as _;

use super::Error;

/// The methods a session can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Propfind,
    Proppatch,
    Mkcol,
    Copy,
    Move,
    Lock,
    Unlock,
    Acl,
    Report,
}

impl Method {
    /// The name, as it stands in the request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Propfind => "PROPFIND",
            Self::Proppatch => "PROPPATCH",
            Self::Mkcol => "MKCOL",
            Self::Copy => "COPY",
            Self::Move => "MOVE",
            Self::Lock => "LOCK",
            Self::Unlock => "UNLOCK",
            Self::Acl => "ACL",
            Self::Report => "REPORT",
        }
    }

    /// Whether the request may be sent again when the connection broke before anything came back: twice is as good as
    /// once (RFC 9110, 9.2.2).
    pub fn may_repeat(self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Options | Self::Propfind | Self::Report | Self::Put | Self::Delete
        )
    }
}

/// A request line and headers under construction.
#[derive(Clone, Debug, Default)]
pub struct Head {
    bytes: Vec<u8>,
}

impl Head {
    /// Begins with the request line. `path` is a request target without its leading slash, `root` what stands before it.
    pub fn new(method: &str, root: &str, path: &[u8]) -> Result<Self, Error> {
        // A blank would end the target, and the app would read the rest as it likes.
        if path.iter().any(|&b| b <= b' ' || b == 0x7f) {
            return Err(Error::Unsendable("the path"));
        }
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(method.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(root.as_bytes());
        bytes.extend_from_slice(path);
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        Ok(Self { bytes })
    }

    /// A block of header lines, for [`Head::append`].
    pub fn block() -> Self {
        Self::default()
    }

    /// Adds a line whose value came from outside.
    pub fn header(&mut self, name: &'static str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.begin(name);
        self.value(name, value.as_ref())?;
        self.end();
        Ok(())
    }

    /// Adds a line with something that is a number or one of our own words.
    pub fn number(&mut self, name: &'static str, value: impl Display) {
        self.begin(name);
        // Writing to a Vec cannot fail.
        let _ = write!(self.bytes, "{value}");
        self.end();
    }

    /// Adds a line whose name came from outside too.
    pub fn foreign(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
        if name.is_empty() || !name.iter().all(token) {
            return Err(Error::Unsendable("the name of a header"));
        }
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(b": ");
        self.value("a header", value)?;
        self.end();
        Ok(())
    }

    /// Begins a line whose value is put together by [`Head::value`].
    pub fn begin(&mut self, name: &str) {
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
    }

    /// Adds to the value of the line that was begun; `name` says what it is should it be refused.
    pub fn value(&mut self, name: &'static str, value: &[u8]) -> Result<(), Error> {
        if value.iter().any(|&b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(Error::Unsendable(name));
        }
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    /// Ends the line that was begun.
    pub fn end(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Adds lines that were checked before.
    pub fn append(&mut self, block: &Self) {
        self.bytes.extend_from_slice(&block.bytes);
    }

    /// Ends the headers; these are the bytes to send.
    pub fn finish(mut self) -> Vec<u8> {
        self.end();
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_written() {
        let mut head = Head::new("GET", "/", b"a?b=%20").unwrap();
        head.header("Accept", "*/*").unwrap();
        head.number("Content-Length", 5);
        head.foreign(b"X-Own", b"gr\xc3\xbc\xc3\x9f").unwrap();
        assert_eq!(
            String::from_utf8(head.finish()).unwrap(),
            "GET /a?b=%20 HTTP/1.1\r\nAccept: */*\r\nContent-Length: 5\r\nX-Own: grüß\r\n\r\n"
        );
    }

    #[test]
    fn nothing_ends_a_line_early() {
        for path in ["a b", "a\r\nX: y", "a\nb", "a\0b", "a\tb"] {
            assert!(Head::new("GET", "/", path.as_bytes()).is_err(), "{path:?}");
        }
        for value in ["a\r\nb", "a\nb", "a\rb", "a\0b"] {
            assert!(Head::block().header("X", value).is_err(), "{value:?}");
            assert!(Head::block().foreign(b"X", value.as_bytes()).is_err(), "{value:?}");
        }
        for name in ["", "a b", "a:", "a\r\nb", "ä"] {
            assert!(Head::block().foreign(name.as_bytes(), b"x").is_err(), "{name:?}");
        }
    }
}
