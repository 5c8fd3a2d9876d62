//! One pass over a package file: hashed as it arrives, decompressed into a file without a name, its signature checked.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey};
use granary_wire::framing::{self, Limits};
use granary_wire::package_capnp::signature;
use memmap2::Mmap;
use sha2::{Digest, Sha256, Sha512};

use crate::xz::{Decoder, STREAM_MAGIC};
use crate::{AppId, Error, Options, PackageId, Phase, Refusal, replacements};

/// What every package begins with, before the compressed part.
pub(crate) const MAGIC: [u8; 8] = [0x8f, 0xc6, 0xcd, 0xef, 0x45, 0x1a, 0xea, 0x96];
/// Largest archive, in bytes.
pub(crate) const ARCHIVE_LIMIT: u64 = 1 << 30;
/// Largest signature message; real ones have 192 bytes.
const SIGNATURE_MESSAGE_LIMIT: usize = 64 << 10;

const BUFFER: usize = 256 << 10;
/// As many as are decompressed at a time.
static ZEROS: [u8; BUFFER] = [0; BUFFER];

/// A package whose signature is good; its tree has not been looked at.
pub(crate) struct Container {
    pub(crate) app_id: AppId,
    pub(crate) package_id: PackageId,
    pub(crate) signer: AppId,
    /// Bytes of the package file.
    pub(crate) size: u64,
    map: Mmap,
    archive_start: usize,
}

impl Container {
    /// The bytes of the archive message.
    pub(crate) fn archive(&self) -> &[u8] {
        self.map.get(self.archive_start..).unwrap_or_default()
    }

    /// Reads a package from its first byte to its last. The decompressed archive goes into `scratch`, without a name.
    pub(crate) fn read(source: impl Read, scratch: &Path, options: &mut Options<'_>) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(scratch).map_err(Error::io("cannot make a temporary file in", scratch))?;
        let mut input =
            Input { source, hash: Sha256::new(), size: 0, buffer: vec![0; BUFFER], start: 0, end: 0, over: false };
        let mut output = Output { file, scratch, head: Vec::new(), signed: None, hash: Sha512::new(), size: 0 };
        input.magic(options)?;
        decompress(&mut input, &mut output, options)?;
        let Output { file, signed, hash, size, .. } = output;
        // The end may be a hole.
        file.set_len(size).map_err(Error::io("cannot write a temporary file in", scratch))?;
        let Some(signed) = signed else {
            return Err(Refusal::SignatureMessage("it is cut off".to_owned()).into());
        };

        let digest = input.hash.finalize();
        let package_id = PackageId::from_bytes(std::array::from_fn(|index| digest[index]));
        if let Some(expected) = options.expect.filter(|&expected| expected != package_id) {
            return Err(Refusal::Unexpected { expected, found: package_id }.into());
        }
        if hash.finalize().as_slice() != signed.archive_hash {
            return Err(Refusal::HashMismatch.into());
        }
        let app_id = replacements::app_of_signer(signed.signer, package_id)
            .ok_or(Error::Refused(Refusal::Revoked(signed.signer)))?;

        // SAFETY: the file has no name and was opened here, so nobody else changes or shortens it while it is mapped:
        // the only other way to it is /proc/self/fd, which is closed to other users, and whoever runs as this user can
        // change this process's memory anyway. Its size is set, and reading needs no new blocks (holes read as zeros), so a
        // full disk cannot make a read fail.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("cannot map a temporary file in", scratch))?;
        Ok(Self {
            app_id,
            package_id,
            signer: signed.signer,
            size: input.size,
            map,
            archive_start: signed.message_length,
        })
    }
}

/// The package file, hashed as it is read.
struct Input<R> {
    source: R,
    hash: Sha256,
    size: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    over: bool,
}

impl<R: Read> Input<R> {
    fn magic(&mut self, options: &mut Options<'_>) -> Result<(), Error> {
        while self.end < MAGIC.len() && !self.over {
            self.more(options)?;
        }
        let start = &self.buffer[..self.end.min(MAGIC.len())];
        if start == MAGIC {
            self.start = MAGIC.len();
            Ok(())
        } else if !start.is_empty() && MAGIC.starts_with(start) {
            Err(Refusal::Truncated.into())
        } else {
            Err(Refusal::NotAPackage.into())
        }
    }

    fn left(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads more, behind what has not been used yet.
    fn more(&mut self, options: &mut Options<'_>) -> Result<(), Error> {
        options.check_cancelled()?;
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let length = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Source(error)),
            }
        };
        self.over = length == 0;
        self.hash.update(&self.buffer[self.end..self.end + length]);
        self.end += length;
        self.size += length as u64;
        options.tell(Phase::Download, self.size, options.size);
        Ok(())
    }

    /// After one stream: whether another one follows. Zero bytes in groups of four may stand between and after streams.
    fn another_stream(&mut self, options: &mut Options<'_>) -> Result<bool, Error> {
        let mut padding = 0;
        loop {
            let zeros = self.left().iter().take_while(|&&byte| byte == 0).count();
            self.start += zeros;
            padding += zeros;
            if self.left().is_empty() && !self.over {
                self.more(options)?;
                continue;
            }
            if padding % 4 != 0 {
                return Err(Refusal::TrailingGarbage.into());
            }
            if self.left().is_empty() {
                return Ok(false);
            }
            while self.left().len() < STREAM_MAGIC.len() && !self.over {
                self.more(options)?;
            }
            return if self.left().starts_with(&STREAM_MAGIC) {
                Ok(true)
            } else {
                Err(Refusal::TrailingGarbage.into())
            };
        }
    }
}

fn decompress<R: Read>(input: &mut Input<R>, output: &mut Output<'_>, options: &mut Options<'_>) -> Result<(), Error> {
    let mut decoder = Decoder::new()?;
    let mut decoded = vec![0; BUFFER];
    loop {
        if input.left().is_empty() && !input.over {
            input.more(options)?;
        }
        let step = decoder.run(&input.buffer[input.start..input.end], input.over, &mut decoded)?;
        input.start += step.consumed;
        output.take(&decoded[..step.produced])?;
        if step.produced > 0 {
            options.check_cancelled()?;
            options.tell(Phase::Verify, output.size, None);
        }
        if step.ended {
            if !input.another_stream(options)? {
                return Ok(());
            }
            decoder.restart()?;
        }
    }
}

/// The decompressed bytes: first the signature message, then the archive, which is hashed.
struct Output<'a> {
    file: File,
    scratch: &'a Path,
    /// The beginning, until the signature message is complete.
    head: Vec<u8>,
    signed: Option<Signed>,
    hash: Sha512,
    /// Bytes so far.
    size: u64,
}

/// What the signature message says; the signature is good.
struct Signed {
    signer: AppId,
    archive_hash: [u8; 64],
    message_length: usize,
}

impl Output<'_> {
    /// Zeros become holes: what is there only to be large then costs no disk, and no time to write it there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if *bytes == ZEROS[..bytes.len()] {
            self.file.seek_relative(i64::try_from(bytes.len()).map_err(io::Error::other)?)
        } else {
            self.file.write_all(bytes)
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.size += bytes.len() as u64;
        self.write(bytes).map_err(Error::io("cannot write a temporary file in", self.scratch))?;
        if let Some(signed) = &self.signed {
            self.hash.update(bytes);
            if self.size - signed.message_length as u64 > ARCHIVE_LIMIT {
                return Err(Refusal::TooBig.into());
            }
            return Ok(());
        }
        self.head.extend_from_slice(bytes);
        if let Some(signed) = read_signature(&self.head)? {
            self.hash.update(&self.head[signed.message_length..]);
            self.head = Vec::new();
            self.signed = Some(signed);
        }
        Ok(())
    }
}

/// Reads and checks the signature message at the beginning of `head`; `None` when more bytes are needed.
fn read_signature(head: &[u8]) -> Result<Option<Signed>, Refusal> {
    let limits = Limits::of_bytes(SIGNATURE_MESSAGE_LIMIT);
    let (message, message_length) = match framing::read(head, &limits) {
        Ok(read) => read,
        Err(framing::Error::TableCutOff { .. } | framing::Error::CutOff { .. }) => return Ok(None),
        Err(error) => return Err(Refusal::SignatureMessage(error.to_string())),
    };
    let unreadable = |error: capnp::Error| Refusal::SignatureMessage(error.to_string());
    let root = message.get_root::<signature::Reader<'_>>().map_err(unreadable)?;
    let (key, attached) = (root.get_public_key().map_err(unreadable)?, root.get_signature().map_err(unreadable)?);
    let key: [u8; 32] = key.try_into().map_err(|_| Refusal::PublicKeyLength(key.len()))?;
    let length = Refusal::SignatureLength(attached.len());
    let attached: &[u8; 128] = attached.try_into().map_err(|_| length)?;
    let (signature, archive_hash) = attached.split_at(64);
    let signature = Signature::from_slice(signature).map_err(|_| Refusal::BadSignature)?;
    // Strict, as libsodium is: no keys of small order, no second encodings of a signature.
    VerifyingKey::from_bytes(&key)
        .and_then(|verifying| verifying.verify_strict(archive_hash, &signature))
        .map_err(|_| Refusal::BadSignature)?;
    let archive_hash = archive_hash.try_into().map_err(|_| Refusal::SignatureLength(attached.len()))?;
    Ok(Some(Signed { signer: AppId::from_bytes(key), archive_hash, message_length }))
}
