//! Makes packages: from a package definition, from a plain folder, or from a tree that a program puts together.

mod definition;
mod layout;
mod programs;
mod tree;
mod wrap;

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use capnp::message;
use granary_wire::framing;
use granary_wire::package_capnp::signature;
use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;
use sha2::{Digest, Sha256, Sha512};

use crate::container::MAGIC;
use crate::{Error, Key, Options, PackageId, Verified, verify};

pub use definition::{Definition, starting_definition};
pub use tree::{Node, Source, SourceTree};
pub use wrap::{Wrap, find_bridge};

/// The preset decides the size of the output and the memory for reading it (a dictionary of 8 MiB).
const PRESET: u32 = 6;
/// Blocks are compressed, and later decompressed, independently of each other. As the size is fixed, the output does not
/// depend on how many threads there were.
const BLOCK: u64 = 8 << 20;
/// Each thread takes about 120 MiB.
const THREADS: usize = 4;

const BUFFER: usize = 256 << 10;

/// A package that was made.
#[derive(Debug)]
pub struct Packed {
    /// Where it is.
    pub path: PathBuf,
    /// What a reader finds in it.
    pub verified: Verified,
}

/// Packs a tree, signs it, and writes `output` whole or not at all (an older file of that name is replaced). The same
/// tree and key give the same bytes.
///
/// The finished package is verified as any other before it gets its name. Of the options, progress (what has been
/// compressed, as [`crate::Phase::Unpack`] of the archive's size) and cancelling are used.
pub fn pack(tree: &SourceTree, key: &Key, output: &Path, options: &mut Options<'_>) -> Result<Packed, Error> {
    let folder = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut archive = tempfile::tempfile_in(folder).map_err(Error::io("cannot make a temporary file in", folder))?;
    let plan = layout::plan(tree)?;
    let mut hashing = Hashing { inner: &archive, hash: Sha512::new() };
    let mut buffered = BufWriter::with_capacity(BUFFER, &mut hashing);
    layout::write(&plan, &mut buffered, options)?;
    buffered.flush().map_err(Error::io("cannot write a temporary file in", folder))?;
    drop(buffered);
    let digest: [u8; 64] = hashing.hash.finalize().into();
    archive.seek(SeekFrom::Start(0)).map_err(Error::io("cannot read a temporary file in", folder))?;

    let mut new = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(<std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(Error::io("cannot make a file in", folder))?;
    let package_id = compress(&signature_message(key, &digest), &archive, new.as_file_mut(), output, options)?;
    drop(archive);

    let written = new.reopen().map_err(Error::io("cannot read", new.path()))?;
    let check =
        Options { expect: Some(package_id), scratch: Some(folder), cancel: options.cancel, ..Options::default() };
    let verified = verify(written, check)?;
    new.as_file().sync_all().map_err(Error::io("cannot bring to the disk", output))?;
    new.persist(output).map_err(|error| Error::io("cannot write", output)(error.error))?;
    Ok(Packed { path: output.to_path_buf(), verified })
}

fn signature_message(key: &Key, archive_hash: &[u8; 64]) -> Vec<u8> {
    let mut message = message::Builder::new_default();
    let mut root = message.init_root::<signature::Builder<'_>>();
    root.set_public_key(key.app_id().as_bytes());
    root.set_signature(&key.sign(archive_hash));
    framing::to_bytes(&message)
}

fn compress(
    signature: &[u8],
    mut archive: &File,
    new: &mut File,
    output: &Path,
    options: &mut Options<'_>,
) -> Result<PackageId, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let stream = MtStreamBuilder::new()
        .threads(u32::try_from(threads).unwrap_or(1))
        .preset(PRESET)
        .block_size(BLOCK)
        .check(Check::Crc64)
        .encoder()
        .map_err(|error| Error::Io { what: "cannot compress", path: output.to_path_buf(), source: error.into() })?;
    let total = archive.metadata().map_err(Error::io("cannot read the archive of", output))?.len();
    let mut hashing = Hashing { inner: new, hash: Sha256::new() };
    let run = || -> io::Result<Result<(), Error>> {
        hashing.write_all(&MAGIC)?;
        let mut encoder = XzEncoder::new_stream(&mut hashing, stream);
        encoder.write_all(signature)?;
        let (mut buffer, mut done) = (vec![0; BUFFER], 0);
        loop {
            if let Err(cancelled) = options.check_cancelled() {
                return Ok(Err(cancelled));
            }
            let length = archive.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            encoder.write_all(&buffer[..length])?;
            done += length as u64;
            options.tell(crate::Phase::Unpack, done, Some(total));
        }
        encoder.finish()?.flush()?;
        Ok(Ok(()))
    };
    run().map_err(Error::io("cannot write", output))??;
    let digest = hashing.hash.finalize();
    Ok(PackageId::from_bytes(std::array::from_fn(|index| digest[index])))
}

/// Hashes what is written.
struct Hashing<W, H> {
    inner: W,
    hash: H,
}

impl<W: Write, H: Digest> Write for Hashing<W, H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hash.update(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
