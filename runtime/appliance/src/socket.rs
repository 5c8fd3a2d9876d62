//! The Unix socket of the local API: where it is, who may connect, and how a program of the owner's finds it.

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::net::{UnixListener, UnixStream};

use crate::folder;

/// Why the socket cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The folder it belongs into cannot be trusted.
    #[error("{} is not a folder of yours alone, as Granary's socket needs; remove it, or set XDG_RUNTIME_DIR to a private folder", .0.display())]
    Folder(PathBuf),
    /// The computer refused something.
    #[error("the socket {} cannot be made: {source}", path.display())]
    Io {
        /// The socket or its folder.
        path: PathBuf,
        /// The computer's answer.
        source: std::io::Error,
    },
}

/// Why a program cannot talk to the appliance.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens.
    #[error("Granary is not running on this data folder")]
    NotRunning,
    /// Somebody else listens.
    #[error("the socket {} does not belong to you; somebody may be trying to pass for Granary, so it was not used", .0.display())]
    Foreign(PathBuf),
    /// The computer refused something.
    #[error("the socket {} cannot be used: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The computer's answer.
        source: std::io::Error,
    },
}

/// What fits into a socket address on Linux, with the zero byte.
const PATH_LIMIT: usize = 108;

/// Where the appliance of a data folder listens: `$XDG_RUNTIME_DIR/granary`, or a private folder in /tmp.
pub(crate) fn place(data: &Path) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    let hash = hex::encode(&Sha256::digest(data.as_os_str().as_bytes())[..8]);
    let name = format!("{hash}.sock");
    let uid = nix::unistd::geteuid();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    // Some ways of becoming another user keep the former one's variable.
    let own = |path: &PathBuf| {
        path.is_absolute() && std::fs::metadata(path).is_ok_and(|m| m.is_dir() && m.uid() == uid.as_raw())
    };
    runtime
        .filter(own)
        .map(|path| path.join("granary").join(&name))
        .filter(|path| path.as_os_str().len() + ASIDE.len() < PATH_LIMIT)
        .unwrap_or_else(|| PathBuf::from(format!("/tmp/granary-{uid}")).join(&name))
}

const ASIDE: &str = ".new";

/// The private folder of the socket, which also suits other short-lived files of this person's.
#[must_use]
pub fn folder(data: &Path) -> PathBuf {
    place(data).parent().unwrap_or(Path::new("/tmp")).to_owned()
}

/// Offers the socket. Only the holder of the data folder's lock may call this: what is there already is a leftover.
pub(crate) fn bind(path: &Path) -> Result<UnixListener, SocketError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let failed = |source| SocketError::Io { path: path.to_owned(), source };
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    if !is_private(folder) {
        return Err(SocketError::Folder(folder.to_owned()));
    }
    // Made aside and renamed, so that it never stands there with the umask's permissions.
    let mut aside = path.as_os_str().to_owned();
    aside.push(ASIDE);
    let aside = PathBuf::from(aside);
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&aside).map_err(failed)?;
    std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    std::fs::rename(&aside, path).map_err(failed)?;
    Ok(listener)
}

/// Whether a folder is one of ours that nobody else can enter, and no link.
fn is_private(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder).is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o077 == 0
    })
}

/// Whether the process at the other end is the owner's.
pub(crate) fn is_owner(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == nix::unistd::geteuid().as_raw())
}

/// Connects to the appliance that runs on `data`.
///
/// # Errors
/// When none runs, or when what listens there is not the owner's.
pub async fn connect(data: &Path) -> Result<UnixStream, ConnectError> {
    // The appliance may have been started with another XDG_RUNTIME_DIR than ours: it says where it listens in a file
    // that only the owner can write.
    let told = folder::holder(data).map(|holder| holder.socket);
    let mut last = ConnectError::NotRunning;
    for path in told.into_iter().chain([place(data)]) {
        match connect_to(&path).await {
            Err(ConnectError::NotRunning) => {}
            Err(other) => last = other,
            connected => return connected,
        }
    }
    Err(last)
}

async fn connect_to(path: &Path) -> Result<UnixStream, ConnectError> {
    let foreign = || ConnectError::Foreign(path.to_owned());
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(ConnectError::NotRunning),
        Err(source) => return Err(ConnectError::Io { path: path.to_owned(), source }),
        Ok(metadata) => {
            let own = metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.file_type().is_socket();
            if !own || !path.parent().is_some_and(is_private) {
                return Err(foreign());
            }
        }
    }
    match UnixStream::connect(path).await {
        Ok(stream) if is_owner(&stream) => Ok(stream),
        Ok(_) => Err(foreign()),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => {
            Err(ConnectError::NotRunning)
        }
        Err(source) => Err(ConnectError::Io { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_private_and_replaces_a_leftover() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("granary/x.sock");
        drop(bind(&path).unwrap());
        assert!(matches!(connect_to(&path).await, Err(ConnectError::NotRunning)));
        let listener = bind(&path).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        let client = connect_to(&path).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(is_owner(&client) && is_owner(&server));
    }

    #[tokio::test]
    async fn a_folder_others_can_enter_or_that_is_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(bind(&open.join("x.sock")), Err(SocketError::Folder(_))));

        let real = folder.path().join("real");
        let _listener = bind(&real.join("x.sock")).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(matches!(bind(&link.join("y.sock")), Err(SocketError::Folder(_))));
        assert!(matches!(connect_to(&link.join("x.sock")).await, Err(ConnectError::Foreign(_))));

        // A link in place of the socket itself.
        std::os::unix::fs::symlink(real.join("x.sock"), real.join("z.sock")).unwrap();
        assert!(matches!(connect_to(&real.join("z.sock")).await, Err(ConnectError::Foreign(_))));
    }

    #[tokio::test]
    async fn nobody_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(connect(folder.path()).await, Err(ConnectError::NotRunning)));
    }
}
