//! Doors for fuzzers: each takes any bytes, and nothing but an ordinary refusal may come of them.

use crate::manifest::{Author, Bytes};
use crate::tree::Tree;
use crate::{AppId, Options};

/// A package file as a whole. Few inputs get past the signature, so the inner parts have doors of their own.
pub fn package(bytes: &[u8]) {
    let _ = crate::verify(bytes, Options::default());
}

/// An archive message, as it is after the signature was found to be good, with the manifest and the bridge's part in it.
pub fn archive(bytes: &[u8]) {
    let Ok(tree) = Tree::new(bytes) else { return };
    let Ok(contents) = tree.check(&Options::default()) else { return };
    contents.manifest.into_iter().for_each(manifest);
    contents.bridge_config.into_iter().for_each(bridge_config);
}

/// The compressed part and the signature message, without what leads there: the magic number is put in front.
pub fn compressed(bytes: &[u8]) {
    package(&[&crate::container::MAGIC, bytes].concat());
}

/// A manifest; what can be read must survive being written and read again.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = crate::Manifest::from_bytes(bytes) {
        let _ = crate::Manifest::from_bytes(&manifest.to_bytes());
    }
}

/// A bridge configuration.
pub fn bridge_config(bytes: &[u8]) {
    let _ = crate::BridgeConfig::from_bytes(bytes);
}

/// An author's signature and keyring; the first two bytes say where one ends.
pub fn author(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let (signature, keyring) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
    let author = Author {
        pgp_signature: Some(Bytes(signature.to_vec())),
        pgp_keyring: Some(Bytes(keyring.to_vec())),
        ..Author::default()
    };
    let _ = crate::author::fingerprint(&author, AppId::from_bytes([0; 32]));
}

/// A keyring of signing keys.
pub fn keyring(bytes: &[u8]) {
    let _ = crate::key::parse_keyring(bytes);
}

/// The texts of ids.
pub fn ids(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(id) = text.parse::<AppId>() {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        if let Ok(id) = text.parse::<crate::PackageId>() {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
