//! Grain ids and identity ids: how they are made and how they are checked.

use std::fmt;

use crate::Error;

/// The characters a grain id is made of: letters and digits that cannot be mistaken for one another.
const ALPHABET: &[u8; 55] = b"23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz";

/// How many characters a grain id has.
pub const GRAIN_ID_LENGTH: usize = 22;

/// Makes a new grain id: 22 random characters, about 127 bits.
///
/// # Errors
/// When the kernel's random source cannot be read.
pub fn new_grain_id() -> Result<String, Error> {
    let mut id = String::with_capacity(GRAIN_ID_LENGTH);
    let mut bytes = [0_u8; 64];
    while id.len() < GRAIN_ID_LENGTH {
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
        // 220 = 4 × 55: larger values are thrown away, so that every character is equally likely.
        for byte in bytes.iter().filter(|byte| **byte < 220) {
            if id.len() < GRAIN_ID_LENGTH {
                id.push(char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
            }
        }
    }
    Ok(id)
}

/// Whether `id` can be a grain id, of ours or of a restored backup: it is also the name of a folder, so nothing but
/// letters, digits, `-` and `_`, and a length that fits.
#[must_use]
pub fn is_grain_id(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Who a person is inside one grain: 32 random bytes, other ones in every grain, so that grains cannot compare notes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityId(pub [u8; 32]);

impl IdentityId {
    /// Makes a new identity id.
    ///
    /// # Errors
    /// When the kernel's random source cannot be read.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// Reads the 64 hexadecimal digits that the database holds.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        Some(Self(bytes))
    }

    /// The 64 lower-case hexadecimal digits that the database holds.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grain_ids() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| new_grain_id().unwrap()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == GRAIN_ID_LENGTH && is_grain_id(id)));
        for bad in ["", "short", "../../../etc/passwd", "aaaaaaaaaaa/bbbbbbbbbb", "with space in it!", ".hidden-folder"]
        {
            assert!(!is_grain_id(bad), "{bad:?}");
        }
    }

    #[test]
    fn identity_ids() {
        let id = IdentityId::random().unwrap();
        assert_eq!(IdentityId::from_hex(&id.to_hex()), Some(id));
        assert_eq!(id.to_hex().len(), 64);
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(IdentityId::from_hex(bad), None, "{bad:?}");
        }
    }
}
