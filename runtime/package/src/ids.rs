//! App ids (public keys in Sandstorm's base 32) and package ids (the start of a file's SHA-256).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits in the order of their value; b, i, l and o are missing because they are easily misread.
const DIGITS: &[u8; 32] = b"0123456789acdefghjkmnpqrstuvwxyz";

/// Length of an app id as text: 256 bits in digits of five, the last of which holds one bit.
const APP_ID_LENGTH: usize = 52;

/// Which app a package is a version of: the Ed25519 public key its author signs with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppId([u8; 32]);

/// Which file a package is: the first 16 bytes of the SHA-256 of the whole `.spk` file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageId([u8; 16]);

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// Too short or too long.
    #[error("an {kind} has {expected} characters, and this has {found}; copy the whole of it")]
    Length {
        /// "app id" or "package id".
        kind: &'static str,
        /// How many characters it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A character that no id contains.
    #[error("{character:?} cannot be part of an {kind}; copy the id again")]
    Character {
        /// "app id" or "package id".
        kind: &'static str,
        /// The character.
        character: char,
    },
    /// The unused bits of the last digit are set, so this is no key's id.
    #[error("the last character of this app id is wrong (it is always 0 or h); copy the id again")]
    Tail,
}

impl AppId {
    /// The id of the app that signs with this public key.
    pub const fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PackageId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, in the order of the hash.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(APP_ID_LENGTH);
        let (mut held, mut bits) = (0_u32, 0_u32);
        for byte in self.0 {
            held = (held << 8) | u32::from(byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(char::from(DIGITS[((held >> bits) & 31) as usize]));
            }
            held &= (1 << bits) - 1;
        }
        // One bit is left; it stands at the high end of its digit.
        text.push(char::from(DIGITS[((held << (5 - bits)) & 31) as usize]));
        f.pad(&text)
    }
}

impl FromStr for AppId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let found = text.chars().count();
        if found != APP_ID_LENGTH {
            return Err(ParseIdError::Length { kind: "app id", expected: APP_ID_LENGTH, found });
        }
        let mut key = [0_u8; 32];
        let (mut held, mut bits, mut filled) = (0_u32, 0_u32, 0_usize);
        for character in text.chars() {
            let value = digit(character).ok_or(ParseIdError::Character { kind: "app id", character })?;
            held = (held << 5) | value;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                // 52 digits hold 260 bits, so this happens 32 times, and four bits are left.
                key[filled] = u8::try_from((held >> bits) & 0xff).unwrap_or_default();
                filled += 1;
                held &= (1 << bits) - 1;
            }
        }
        if held != 0 {
            return Err(ParseIdError::Tail);
        }
        Ok(Self(key))
    }
}

/// The value of one digit; the letters that are easily misread stand for the digit they look like.
fn digit(character: char) -> Option<u32> {
    let canonical = match character.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        'b' => '8',
        other => other,
    };
    let position = DIGITS.iter().position(|&digit| char::from(digit) == canonical)?;
    u32::try_from(position).ok()
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl FromStr for PackageId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let found = text.chars().count();
        if found != 32 {
            return Err(ParseIdError::Length { kind: "package id", expected: 32, found });
        }
        if let Some(character) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
            return Err(ParseIdError::Character { kind: "package id", character });
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| ParseIdError::Tail)?;
        Ok(Self(bytes))
    }
}

macro_rules! text_conversions {
    ($type:ident) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }

        impl TryFrom<String> for $type {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> Self {
                id.to_string()
            }
        }
    };
}

text_conversions!(AppId);
text_conversions!(PackageId);
