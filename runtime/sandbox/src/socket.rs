//! Seqpacket sockets that carry descriptors, for async code.

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
    },
};
use tokio::io::{Interest, unix::AsyncFd};

/// A pair of seqpacket sockets: ours, which does not block, and the peer's, which does.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    nonblocking(&ours)?;
    Ok((ours, theirs))
}

fn nonblocking(fd: &OwnedFd) -> io::Result<()> {
    nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Sends one message now. The sockets' buffers are larger than any message, so waiting is never needed: a full
/// buffer is an error.
pub(crate) fn send(socket: impl AsFd, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let raw: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let rights = if raw.is_empty() { &[][..] } else { &rights[..] };
    let sent =
        sendmsg::<()>(socket.as_fd().as_raw_fd(), &[IoSlice::new(message)], rights, MsgFlags::MSG_NOSIGNAL, None)?;
    if sent == message.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Receives one small message and its descriptors; an empty one is the end of file.
fn receive_now(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut buffer = [0; 64];
    let mut control = nix::cmsg_space!([i32; 4]);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let message = loop {
        match recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(Errno::EINTR) => {}
            other => break other?,
        }
    };
    let mut fds = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = part {
            // SAFETY: the kernel has just made these descriptors for us, and nobody else knows them.
            fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    let length = message.bytes;
    Ok((buffer[..length].to_vec(), fds))
}

/// Waits for one message; an empty one is the end of file.
pub(crate) async fn receive<T: AsRawFd + AsFd>(socket: &AsyncFd<T>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    match socket.async_io(Interest::READABLE, |fd| receive_now(fd.as_fd())).await {
        // The peer died with something of ours unread. That is an end of file too.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok((Vec::new(), Vec::new())),
        other => other,
    }
}

/// Registers a descriptor with the runtime that runs this.
pub(crate) fn register<T: AsRawFd + AsFd>(fd: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: every user of this gives an owned descriptor, or one borrowed for the life of the result, whose number
    // never changes.
    let registered = unsafe { AsyncFd::register(fd) };
    Ok(registered?)
}
