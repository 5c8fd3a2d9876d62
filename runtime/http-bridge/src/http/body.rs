//! Takes the body of a response out of the bytes of its connection, in pieces as they arrive.

use super::Error;

/// A line that gives a chunk's size, its extensions included, may be this long.
const MAX_CHUNK_LINE: usize = 4096;
/// Lines after the last chunk may be this long together.
const MAX_TRAILERS: usize = 16 << 10;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// It has this many bytes.
    Length(u64),
    /// Each piece tells its own length.
    Chunked,
    /// It ends with the connection.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Inside a body or a chunk of which this much is missing.
    Data(u64),
    /// At the line break behind a chunk.
    ChunkEnd,
    /// In a line with the size of a chunk.
    ChunkSize {
        size: u64,
        digits: u8,
        length: usize,
        phase: Phase,
    },
    /// In the lines behind the last chunk.
    Trailers {
        length: usize,
        line: usize,
    },
    UntilClose,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Digits,
    Extension,
}

const NEXT_CHUNK: State = State::ChunkSize { size: 0, digits: 0, length: 0, phase: Phase::Digits };

/// Where in a body the connection stands.
#[derive(Clone, Debug)]
pub struct Decoder {
    chunked: bool,
    state: State,
}

impl Decoder {
    /// A decoder at the first byte of the body.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(n) => State::Data(n),
            Framing::Chunked => NEXT_CHUNK,
            Framing::Close => State::UntilClose,
        };
        Self { chunked: framing == Framing::Chunked, state }
    }

    /// Whether the whole body, and what belongs to it behind it, has been seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the end of the connection is the end of this body, and no accident.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.state, State::UntilClose | State::Done)
    }

    /// Takes the next run of body bytes from the front of `input`. Gives how many bytes were used and which of those
    /// are body. Call again with the rest while the count is not zero and the decoder is not done.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Result<(usize, &'a [u8]), Error> {
        let mut used = 0;
        loop {
            match self.state {
                State::Done => return Ok((used, &[])),
                State::UntilClose => return Ok((input.len(), &input[used..])),
                State::Data(left) => {
                    let rest = &input[used..];
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let left = left - take as u64;
                    self.state = match (left, self.chunked) {
                        (0, true) => State::ChunkEnd,
                        (0, false) => State::Done,
                        _ => State::Data(left),
                    };
                    return Ok((used + take, &rest[..take]));
                }
                _ => {
                    let Some(&byte) = input.get(used) else { return Ok((used, &[])) };
                    used += 1;
                    self.framing_byte(byte)?;
                }
            }
        }
    }

    /// One byte of the lines between chunks.
    fn framing_byte(&mut self, byte: u8) -> Result<(), Error> {
        self.state = match self.state {
            State::ChunkEnd => match byte {
                b'\r' => State::ChunkEnd,
                b'\n' => NEXT_CHUNK,
                _ => return Err(Error::Chunks("a chunk is longer than it says")),
            },
            State::ChunkSize { size, digits, length, phase } => {
                if length >= MAX_CHUNK_LINE {
                    return Err(Error::Chunks("the line before a chunk is too long"));
                }
                let length = length + 1;
                match (byte, phase) {
                    (b'\n', _) if digits == 0 => return Err(Error::Chunks("a chunk has no size")),
                    (b'\n', _) if size == 0 => State::Trailers { length: 0, line: 0 },
                    (b'\n', _) => State::Data(size),
                    (_, Phase::Extension) => State::ChunkSize { size, digits, length, phase },
                    (b'\r' | b';' | b' ' | b'\t', Phase::Digits) => {
                        State::ChunkSize { size, digits, length, phase: Phase::Extension }
                    }
                    (_, Phase::Digits) => {
                        let digit = char::from(byte)
                            .to_digit(16)
                            .ok_or(Error::Chunks("the size of a chunk is not a number"))?;
                        // Fifteen digits are 2^60 bytes, and cannot overflow.
                        if digits == 15 {
                            return Err(Error::Chunks("the size of a chunk is absurd"));
                        }
                        let digits = if size == 0 && digit == 0 { digits.max(1) } else { digits + 1 };
                        State::ChunkSize { size: size * 16 + u64::from(digit), digits, length, phase }
                    }
                }
            }
            State::Trailers { length, line } => {
                if length >= MAX_TRAILERS {
                    return Err(Error::Chunks("the lines after the last chunk are too long"));
                }
                match byte {
                    b'\n' if line == 0 => State::Done,
                    b'\n' => State::Trailers { length: length + 1, line: 0 },
                    b'\r' => State::Trailers { length: length + 1, line },
                    _ => State::Trailers { length: length + 1, line: line + 1 },
                }
            }
            other => other,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in pieces of `step` bytes; gives the body, whether it is complete, and what was left over.
    fn decode(framing: Framing, input: &[u8], step: usize) -> Result<(Vec<u8>, bool, usize), Error> {
        let mut decoder = Decoder::new(framing);
        let mut body = Vec::new();
        let mut used_total = 0;
        for piece in input.chunks(step) {
            let mut rest = piece;
            while !rest.is_empty() && !decoder.is_done() {
                let (used, data) = decoder.next(rest)?;
                body.extend_from_slice(data);
                rest = &rest[used..];
                used_total += used;
            }
        }
        Ok((body, decoder.is_done(), input.len() - used_total))
    }

    #[test]
    fn bodies_come_out_whole_however_they_are_cut() {
        type Case = (Framing, &'static [u8], &'static [u8], bool, usize);
        let cases: &[Case] = &[
            (Framing::Empty, b"next", b"", true, 4),
            (Framing::Length(5), b"hello", b"hello", true, 0),
            (Framing::Length(5), b"hell", b"hell", false, 0),
            (Framing::Length(5), b"hello!!", b"hello", true, 2),
            (Framing::Close, b"anything", b"anything", false, 0),
            (Framing::Chunked, b"5\r\nhello\r\n0\r\n\r\n", b"hello", true, 0),
            (
                Framing::Chunked,
                b"5;a=b\r\nhello\r\nA \r\n0123456789\r\n000\r\nX: y\r\nZ: \r\n\r\nmore",
                b"hello0123456789",
                true,
                4,
            ),
            (Framing::Chunked, b"5\nhello\n0\n\n", b"hello", true, 0),
            (Framing::Chunked, b"0000000000000000000000005\r\nhello\r\n0\r\n\r\n", b"hello", true, 0),
            (Framing::Chunked, b"5\r\nhel", b"hel", false, 0),
            (Framing::Chunked, b"0\r\n", b"", false, 0),
        ];
        for &(framing, input, body, done, left) in cases {
            for step in [1, 2, 3, 7, 1000] {
                let got = decode(framing, input, step).unwrap();
                assert_eq!(
                    got,
                    (body.to_vec(), done, left),
                    "{framing:?} {:?} by {step}",
                    String::from_utf8_lossy(input)
                );
            }
        }
    }

    #[test]
    fn broken_chunks_are_refused() {
        let long_line = format!("5;{}\r\nhello", "x".repeat(5000));
        let long_trailer = format!("0\r\nX: {}\r\n\r\n", "x".repeat(20000));
        let cases: &[&[u8]] = &[
            b"\r\nhello",
            b"x\r\n",
            b"-5\r\nhello",
            b"5\r\nhello!\r\n",
            b"1234567890abcdef0\r\n",
            b"ffffffffffffffff\r\n",
            long_line.as_bytes(),
            long_trailer.as_bytes(),
        ];
        for input in cases {
            for step in [1, 3, 100_000] {
                assert!(decode(Framing::Chunked, input, step).is_err(), "{:?}", String::from_utf8_lossy(input));
            }
        }
    }
}
