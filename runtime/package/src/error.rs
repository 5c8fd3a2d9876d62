//! What can go wrong with packages: refusals of what is invalid, and failures of the computer or of the request.

use std::io;
use std::path::{Path, PathBuf};

use crate::ids::{AppId, PackageId};

/// Why an operation on a package did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The package itself is invalid; trying again with the same file gives the same answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The package could not be read from where it comes.
    #[error("the package could not be read: {0}")]
    Source(#[source] io::Error),
    /// The computer refused something.
    #[error("{what} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as the beginning of a sentence.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The computer's answer.
        source: io::Error,
    },
    /// The folder to unpack into is already there.
    #[error("{} is already there; choose another folder or remove it first", .0.display())]
    TargetExists(PathBuf),
    /// The caller asked to stop.
    #[error("cancelled; nothing was kept")]
    Cancelled,
    /// A package cannot be made from what was given.
    #[error("{0}")]
    Pack(String),
    /// A key or keyring is missing or unusable.
    #[error("{0}")]
    Key(String),
}

/// Why a package is refused as invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The magic number is missing.
    #[error(
        "this is not a Sandstorm package: it does not start with the magic number of .spk files; choose an .spk file"
    )]
    NotAPackage,
    /// The file ends too early.
    #[error("the package ends too early, as after a broken download; download it again")]
    Truncated,
    /// Bytes follow the compressed data.
    #[error("something that does not belong to the package follows its end; download it again")]
    TrailingGarbage,
    /// The compressed data are damaged.
    #[error("the compressed data of the package are damaged; download it again")]
    Damaged,
    /// The compression uses something that no package uses.
    #[error("the package is compressed in a way that .spk files do not allow; ask its author to pack it again")]
    Compression,
    /// Decompressing needs a dictionary that is too large.
    #[error(
        "the package needs a decompression dictionary of more than 128 MiB; ask its author to pack it again with a smaller one"
    )]
    Dictionary,
    /// Decompressing needs too much memory in another way.
    #[error("decompressing the package needs too much memory; ask its author to pack it again with smaller xz blocks")]
    Memory,
    /// More than a gibibyte inside.
    #[error(
        "the package holds more than 1 GiB when decompressed, which is the limit; ask its author for a smaller one"
    )]
    TooBig,
    /// The message with the signature cannot be read.
    #[error("the signature part of the package cannot be read ({0}); it was not made by a packing tool")]
    SignatureMessage(String),
    /// The public key has a wrong length.
    #[error("the public key in the package has {0} bytes instead of 32; it was not made by a packing tool")]
    PublicKeyLength(usize),
    /// The signature has a wrong length.
    #[error("the signature in the package has {0} bytes instead of 128; it was not made by a packing tool")]
    SignatureLength(usize),
    /// The signature does not fit the public key.
    #[error("the signature of the package is not by the key it names; do not install it, and get it from its author")]
    BadSignature,
    /// The signature is for other content.
    #[error("the content of the package is not what its author signed; do not install it, and get it from its author")]
    HashMismatch,
    /// The key was replaced and this package is not among those still accepted from it.
    #[error("the key that signed this package of app {0} has been revoked; get a newer package of the app")]
    Revoked(AppId),
    /// The segment table of a message contradicts the size of the message.
    #[error("the segment table of the archive is wrong ({0}); the package was not made by a packing tool")]
    SegmentTable(String),
    /// The archive is not a well-formed message.
    #[error("the archive inside the package cannot be read ({0}); the package was not made by a packing tool")]
    Archive(String),
    /// Bytes follow the archive inside the compressed data.
    #[error("{0} bytes follow the archive inside the package, where nothing may be; it was not made by a packing tool")]
    AfterArchive(u64),
    /// More entries than any package needs.
    #[error("the package holds more than {0} files and folders, which is the limit; ask its author for a smaller one")]
    TooManyFiles(usize),
    /// Folders within folders within folders.
    #[error("the folders in the package are nested more than {0} deep, which is the limit ({1})")]
    TooDeep(usize, String),
    /// A file that is too large.
    #[error("{path} has {size} bytes; a file in a package has less than 512 MiB")]
    FileTooBig {
        /// The path inside the package.
        path: String,
        /// Its size.
        size: u64,
    },
    /// An entry without a name.
    #[error("an entry of {0} in the package has an empty name")]
    EmptyName(String),
    /// An entry named `.` or `..`.
    #[error("an entry of {folder} in the package is named {name:?}, which would lead out of its folder")]
    DotName {
        /// The folder inside the package.
        folder: String,
        /// The name.
        name: String,
    },
    /// A slash in a name.
    #[error(
        "an entry of {folder} in the package has a slash in its name ({name:?}), which would lead out of its folder"
    )]
    SlashInName {
        /// The folder inside the package.
        folder: String,
        /// The name.
        name: String,
    },
    /// A zero byte in a name.
    #[error("an entry of {folder} in the package has a zero byte in its name ({name:?})")]
    NulInName {
        /// The folder inside the package.
        folder: String,
        /// The name.
        name: String,
    },
    /// A name longer than file systems allow.
    #[error("an entry of {folder} in the package has a name of {length} bytes; file systems allow 255")]
    LongName {
        /// The folder inside the package.
        folder: String,
        /// The length.
        length: usize,
    },
    /// Two entries with one name.
    #[error("two entries of the package are both named {0}")]
    DuplicateName(String),
    /// Two entries with one name, one of them a symbolic link: an attempt to write through the link.
    #[error("{0} is in the package once as a symbolic link and once more, which would lead out of its folder")]
    NameBehindSymlink(String),
    /// A symbolic link that cannot be made.
    #[error("the symbolic link {0} in the package has an unusable target (empty, too long or with a zero byte)")]
    BadSymlink(String),
    /// An entry that is none of file, executable, symbolic link, folder.
    #[error("{0} in the package is neither file nor folder nor symbolic link; a newer Granary may know what it is")]
    UnknownKind(String),
    /// No manifest.
    #[error("the package has no sandstorm-manifest, so there is no app in it; ask its author to pack it again")]
    ManifestMissing,
    /// The manifest is an executable, a folder or a link.
    #[error("sandstorm-manifest in the package is {0} instead of an ordinary file; ask its author to pack it again")]
    ManifestNotAFile(&'static str),
    /// The manifest is too large.
    #[error(
        "the manifest of the package is larger than 8 MiB, which is the limit; ask its author for smaller pictures"
    )]
    ManifestTooBig,
    /// The manifest cannot be read.
    #[error("the manifest of the package cannot be read ({0}); ask its author to pack it again")]
    Manifest(String),
    /// The bridge configuration cannot be read.
    #[error("sandstorm-http-bridge-config in the package cannot be read ({0}); ask its author to pack it again")]
    BridgeConfig(String),
    /// A web address that is not one.
    #[error("the manifest gives {address:?} as {field}, which does not start with http:// or https://")]
    WebAddress {
        /// Which one.
        field: &'static str,
        /// What it says.
        address: String,
    },
    /// A signature by the author, and no key to check it with.
    #[error("the author's PGP signature is present but no PGP keyring is provided; ask the author to pack it again")]
    AuthorKeyring,
    /// The author's signature does not hold.
    #[error("the author's PGP signature is not valid ({0}); do not trust this package to be by the author it names")]
    AuthorSignature(String),
    /// The author signed something else.
    #[error("the author's PGP signature is not for app {0}; do not trust this package to be by the author it names")]
    AuthorStatement(AppId),
    /// Another package than the one asked for.
    #[error("this is package {found}, not {expected} that was asked for; check where the link came from")]
    Unexpected {
        /// What was asked for.
        expected: PackageId,
        /// What was found.
        found: PackageId,
    },
}

impl Error {
    /// A stable name for programs to branch on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Source(_) => "package-unreadable",
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk-full",
                io::ErrorKind::NotFound => "file-not-found",
                io::ErrorKind::PermissionDenied => "permission-denied",
                _ => "file-trouble",
            },
            Self::TargetExists(_) => "target-exists",
            Self::Cancelled => "cancelled",
            Self::Pack(_) => "cannot-pack",
            Self::Key(_) => "key-trouble",
        }
    }

    /// Whether the package is to blame (the command line then exits with 2).
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    pub(crate) fn io(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { what, path, source }
    }

    pub(crate) fn nix(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(nix::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |errno| Self::Io { what, path, source: errno.into() }
    }
}

impl Refusal {
    /// A stable name for programs to branch on.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAPackage => "not-a-package",
            Self::Truncated => "package-truncated",
            Self::TrailingGarbage => "package-trailing-garbage",
            Self::Damaged => "package-damaged",
            Self::Compression => "package-compression",
            Self::Dictionary => "package-dictionary",
            Self::Memory => "package-memory",
            Self::TooBig => "package-too-big",
            Self::SignatureMessage(_) => "package-signature-message",
            Self::PublicKeyLength(_) => "package-public-key",
            Self::SignatureLength(_) => "package-signature-length",
            Self::BadSignature => "package-bad-signature",
            Self::HashMismatch => "package-hash-mismatch",
            Self::Revoked(_) => "package-revoked",
            Self::SegmentTable(_) => "package-segment-table",
            Self::Archive(_) => "package-archive",
            Self::AfterArchive(_) => "package-after-archive",
            Self::TooManyFiles(_) => "package-too-many-files",
            Self::TooDeep(..) => "package-too-deep",
            Self::FileTooBig { .. } => "package-file-too-big",
            Self::EmptyName(_) => "package-empty-name",
            Self::DotName { .. } => "package-dot-name",
            Self::SlashInName { .. } => "package-slash-in-name",
            Self::NulInName { .. } => "package-nul-in-name",
            Self::LongName { .. } => "package-long-name",
            Self::DuplicateName(_) => "package-duplicate-name",
            Self::NameBehindSymlink(_) => "package-name-behind-symlink",
            Self::BadSymlink(_) => "package-bad-symlink",
            Self::UnknownKind(_) => "package-unknown-kind",
            Self::ManifestMissing => "package-manifest-missing",
            Self::ManifestNotAFile(_) => "package-manifest-not-a-file",
            Self::ManifestTooBig => "package-manifest-too-big",
            Self::Manifest(_) => "package-manifest",
            Self::BridgeConfig(_) => "package-bridge-config",
            Self::WebAddress { .. } => "package-web-address",
            Self::AuthorKeyring => "package-author-keyring",
            Self::AuthorSignature(_) => "package-author-signature",
            Self::AuthorStatement(_) => "package-author-statement",
            Self::Unexpected { .. } => "package-unexpected",
        }
    }
}
