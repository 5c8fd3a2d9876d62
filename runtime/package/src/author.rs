//! Who packed an app: the author's OpenPGP signature of the app id, judged as GnuPG judges it.

use std::io::Read as _;
use std::time::SystemTime;

use pgp::composed::{CleartextSignedMessage, Deserializable as _, Message, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails as _, KeyVersion, Tag};

use crate::manifest::{Author, Bytes};
use crate::{AppId, Refusal};

/// What the author signs, in front of the app id.
const STATEMENT: &str = "I am the author of the Sandstorm.io app with the following ID: ";
/// A signed message that is longer does not say that. It also bounds what a compressed one may unfold to.
const MESSAGE_LIMIT: u64 = 64 << 10;
/// How a message begins that can be read without any program.
const CLEARTEXT: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
/// Compressed messages inside compressed messages; GnuPG makes one.
const COMPRESSION_LIMIT: usize = 4;

/// The fingerprint of the primary key that signed; `None` when the author did not sign.
pub(crate) fn fingerprint(author: &Author, app: AppId) -> Result<Option<String>, Refusal> {
    let Some(Bytes(message)) = &author.pgp_signature else { return Ok(None) };
    let Some(Bytes(keyring)) = &author.pgp_keyring else { return Err(Refusal::AuthorKeyring) };
    let keys = read_keyring(keyring);
    if keys.is_empty() {
        return Err(problem("there is no key that can be read in the keyring"));
    }
    let (text, signatures) = read_message(message)?;
    let mut signer = None;
    for signature in &signatures {
        let found = check(signature, &text, &keys)?;
        signer.get_or_insert(found);
    }
    let signer = signer.ok_or_else(|| problem("the message is not signed"))?;
    let text = String::from_utf8_lossy(&text);
    if text.trim() != format!("{STATEMENT}{app}") {
        return Err(Refusal::AuthorStatement(app));
    }
    Ok(Some(signer))
}

fn problem(text: impl Into<String>) -> Refusal {
    Refusal::AuthorSignature(text.into())
}

/// Keys that cannot be read are left out, as GnuPG leaves them out: a keyring may hold newer ones beside the one needed.
fn read_keyring(bytes: &[u8]) -> Vec<SignedPublicKey> {
    let keys: Vec<_> = if bytes.starts_with(b"-----BEGIN") {
        SignedPublicKey::from_armor_many_buf(bytes).map(|(keys, _)| keys.flatten().collect()).unwrap_or_default()
    } else {
        SignedPublicKey::from_bytes_many(bytes).map(|keys| keys.flatten().collect()).unwrap_or_default()
    };
    // Only version 4 has fingerprints of 40 digits.
    keys.into_iter().filter(|key| key.version() == KeyVersion::V4).collect()
}

/// The text of an embedded signed message, and the signatures that came with it.
fn read_message(bytes: &[u8]) -> Result<(Vec<u8>, Vec<Signature>), Refusal> {
    let unreadable = |error: &dyn std::fmt::Display| problem(format!("it cannot be read: {error}"));
    if bytes.starts_with(CLEARTEXT) {
        if bytes.len() as u64 > MESSAGE_LIMIT {
            return Err(problem("the signed message is too long"));
        }
        let (message, _) = CleartextSignedMessage::from_armor(bytes).map_err(|error| unreadable(&error))?;
        return Ok((message.signed_text().into_bytes(), message.signatures().to_vec()));
    }
    let (mut message, _) = Message::from_reader(bytes).map_err(|error| unreadable(&error))?;
    for _ in 0..COMPRESSION_LIMIT {
        if message.is_compressed() {
            message = message.decompress().map_err(|error| unreadable(&error))?;
        }
    }
    let mut text = Vec::new();
    (&mut message).take(MESSAGE_LIMIT + 1).read_to_end(&mut text).map_err(|error| unreadable(&error))?;
    if text.len() as u64 > MESSAGE_LIMIT {
        return Err(problem("the signed message is too long"));
    }
    let Message::Signed { reader, .. } = &message else { return Err(problem("the message is not signed")) };
    let signatures = (0..reader.num_signatures()).map(|index| reader.signature(index).cloned());
    let signatures = signatures.collect::<Option<_>>().ok_or_else(|| problem("the message is cut off"))?;
    Ok((text, signatures))
}

/// Checks one signature of the message against the keyring; gives the fingerprint of the primary key.
fn check(signature: &Signature, text: &[u8], keys: &[SignedPublicKey]) -> Result<String, Refusal> {
    let fit = matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text));
    if !fit || !understood(signature) {
        return Err(problem("it is of a kind that is not used for messages"));
    }
    if expired(signature) {
        return Err(problem("it has expired"));
    }
    for key in keys {
        let by_primary = signature.verify(key, text).is_ok();
        let subkey = || key.public_subkeys.iter().find(|subkey| signature.verify(*subkey, text).is_ok());
        let usable = if by_primary {
            primary_may_sign(key)
        } else {
            let Some(subkey) = subkey() else { continue };
            is_primary(key).and_then(|()| subkey_may_sign(key, subkey))
        };
        return usable.map(|()| hex::encode_upper(key.fingerprint().as_bytes()));
    }
    Err(problem("it is not by a key of the keyring"))
}

/// MD5 is not trusted any more, and a critical part that is not understood may change what the signature means.
fn understood(signature: &Signature) -> bool {
    let unknown = |data: &SubpacketData| matches!(data, SubpacketData::Other(..) | SubpacketData::Experimental(..));
    signature.config().is_some_and(|config| {
        config.hash_alg != HashAlgorithm::Md5
            && !config.hashed_subpackets().any(|part| part.is_critical && unknown(&part.data))
    })
}

fn expired(signature: &Signature) -> bool {
    let (Some(created), Some(period)) = (signature.created(), signature.signature_expiration_time()) else {
        return false;
    };
    let end = u64::from(created.as_secs()) + u64::from(period.as_secs());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    period.as_secs() != 0 && end <= now
}

/// The newest of the signatures that pass.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures
        .filter(|signature| understood(signature))
        .max_by_key(|signature| signature.created().map(pgp::types::Timestamp::as_secs))
}

/// What the key says about itself, checked: the newest self-signature of its user ids and of the key alone.
fn self_signature(key: &SignedPublicKey) -> Option<&Signature> {
    let primary = &key.primary_key;
    let users =
        key.details.users.iter().flat_map(|user| user.signatures.iter().map(move |signature| (user, signature)));
    let certifications = users
        .filter(|(_, signature)| signature.typ() != Some(SignatureType::CertRevocation))
        .filter(|(user, signature)| signature.verify_certification(primary, Tag::UserId, &user.id).is_ok())
        .map(|(_, signature)| signature);
    let direct = key.details.direct_signatures.iter().filter(|signature| signature.verify_key(primary).is_ok());
    newest(certifications.chain(direct))
}

/// A key without a self-signature is nobody's. One that its owner revoked is not accepted; one that merely expired is,
/// as with GnuPG: the signature was good when it was made.
fn is_primary(key: &SignedPublicKey) -> Result<(), Refusal> {
    if self_signature(key).is_none() {
        return Err(problem("the key is not signed by itself"));
    }
    let revoked =
        key.details.revocation_signatures.iter().any(|signature| signature.verify_key(&key.primary_key).is_ok());
    if revoked { Err(problem("its owner has revoked the key")) } else { Ok(()) }
}

fn primary_may_sign(key: &SignedPublicKey) -> Result<(), Refusal> {
    is_primary(key)?;
    if self_signature(key).is_some_and(may_sign) { Ok(()) } else { Err(problem("the key is not for signing")) }
}

fn subkey_may_sign(key: &SignedPublicKey, subkey: &SignedPublicSubKey) -> Result<(), Refusal> {
    let of_kind = |kind: SignatureType| subkey.signatures.iter().filter(move |signature| signature.typ() == Some(kind));
    let holds = |signature: &&Signature| signature.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok();
    if of_kind(SignatureType::SubkeyRevocation).any(|signature| holds(&signature)) {
        return Err(problem("its owner has revoked the subkey"));
    }
    let binding = newest(of_kind(SignatureType::SubkeyBinding).filter(holds))
        .ok_or_else(|| problem("the subkey does not belong to the key"))?;
    // Without the subkey's own consent, anybody could adopt another's subkey and its signatures.
    let consents = binding
        .embedded_signature()
        .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, &key.primary_key).is_ok());
    if may_sign(binding) && consents { Ok(()) } else { Err(problem("the subkey is not for signing")) }
}

/// Keys from before there were such flags may do everything.
fn may_sign(signature: &Signature) -> bool {
    let says = signature
        .config()
        .is_some_and(|config| config.hashed_subpackets().any(|part| matches!(part.data, SubpacketData::KeyFlags(_))));
    !says || signature.key_flags().sign()
}
