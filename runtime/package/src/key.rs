//! The keys that packages are signed with, and the files they are kept in.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use capnp::message;
use ed25519_dalek::{Signer as _, SigningKey};
use granary_wire::framing::{self, Limits};
use granary_wire::package_capnp::key_file;
use zeroize::Zeroizing;

use crate::{AppId, Error};

/// A key pair. The secret half is wiped when it is dropped, and never printed.
pub struct Key(SigningKey);

/// Far more than a person's keyring holds.
const KEYRING_LIMIT: u64 = 1 << 20;
/// A key is a message of 128 bytes.
const KEY_LIMIT: usize = 4096;

impl Key {
    /// A new key, and so a new app.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)
            .map_err(|error| Error::Key(format!("the computer gave no random numbers ({error})")))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The app that this key signs for.
    pub fn app_id(&self) -> AppId {
        AppId::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// The key as a message of a keyring: public key, and private key as seed followed by public key.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut message = message::Builder::new_default();
        let mut file = message.init_root::<key_file::Builder<'_>>();
        let public = self.0.verifying_key().to_bytes();
        file.set_public_key(&public);
        // Written in place: the message is the only other copy.
        let private = file.init_private_key(64);
        private[..32].copy_from_slice(self.0.as_bytes());
        private[32..].copy_from_slice(&public);
        let bytes = Zeroizing::new(framing::to_bytes(&message));
        if let Ok(file) = message.get_root::<key_file::Builder<'_>>()
            && let Ok(private) = file.get_private_key()
        {
            zeroize::Zeroize::zeroize(private);
        }
        bytes
    }

    /// Writes a new file with this key, readable by its owner only.
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(&self.to_bytes())?;
            file.sync_all()
        };
        write().map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::Key(format!(
                "{} is already there, and a key is never written over; choose another name",
                path.display()
            )),
            _ => Error::Io { what: "cannot write the key", path: path.to_path_buf(), source },
        })
    }

    /// NaCl's attached signature: 64 bytes of signature, then the message.
    pub(crate) fn sign(&self, archive_hash: &[u8; 64]) -> [u8; 128] {
        let signature = self.0.sign(archive_hash).to_bytes();
        let mut attached = [0; 128];
        attached[..64].copy_from_slice(&signature);
        attached[64..].copy_from_slice(archive_hash);
        attached
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, secret)", self.app_id())
    }
}

/// Reads a keyring: one key after the other, in Granary's files and in Sandstorm's `~/.sandstorm-keyring` alike.
pub fn read_keyring(path: &Path) -> Result<Vec<Key>, Error> {
    let mut bytes = Zeroizing::new(Vec::new());
    fs::File::open(path)
        .and_then(|file| file.take(KEYRING_LIMIT).read_to_end(&mut bytes))
        .map_err(Error::io("cannot read the keyring", path))?;
    parse_keyring(&bytes).map_err(|problem| Error::Key(format!("{} is not a keyring ({problem})", path.display())))
}

/// Reads the bytes of a keyring.
pub(crate) fn parse_keyring(mut bytes: &[u8]) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    while !bytes.is_empty() {
        let (message, length) =
            framing::read(bytes, &Limits::of_bytes(KEY_LIMIT)).map_err(|error| error.to_string())?;
        let file = message.get_root::<key_file::Reader<'_>>().map_err(|error| error.to_string())?;
        let public = file.get_public_key().map_err(|error| error.to_string())?;
        let private = file.get_private_key().map_err(|error| error.to_string())?;
        let pair: Zeroizing<[u8; 64]> =
            Zeroizing::new(private.try_into().map_err(|_| "a private key has a wrong length".to_owned())?);
        let key = SigningKey::from_keypair_bytes(&pair)
            .map_err(|_| "a private key does not fit its public key".to_owned())?;
        if key.verifying_key().as_bytes() != public {
            return Err("a private key does not fit its public key".to_owned());
        }
        keys.push(Key(key));
        bytes = &bytes[length..];
    }
    Ok(keys)
}
