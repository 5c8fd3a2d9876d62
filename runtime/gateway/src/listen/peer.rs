//! Whose process is at the other end of a loopback connection, asked of the kernel (NETLINK_SOCK_DIAG).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

// The wire structures, by offset; see linux/netlink.h and linux/inet_diag.h.
const HEADER: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const REQUEST: usize = HEADER + 56;
const ANSWER: usize = HEADER + 72;
/// Of `inet_diag_msg`, after the header.
const ANSWER_PORTS: usize = HEADER + 4;
const ANSWER_UID: usize = HEADER + 64;
const ANSWER_INODE: usize = HEADER + 68;
const NO_COOKIE: [u8; 8] = [0xff; 8];
const TCP: u8 = 6;

/// Why the owner of a connection is not known.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The kernel gave no answer.
    #[error(
        "the kernel does not tell whose connection this is: {0}; Granary needs socket diagnostics (CONFIG_INET_TCP_DIAG)"
    )]
    Kernel(#[from] io::Error),
    /// The socket at the other end is closed already, so it belongs to nobody.
    #[error("the connection's other end is gone")]
    Gone,
}

/// Asks for the owners of sockets, over one netlink socket that is opened when first needed.
#[derive(Debug, Default)]
pub struct Peers(Mutex<Diag>);

#[derive(Debug, Default)]
struct Diag {
    socket: Option<OwnedFd>,
    sequence: u32,
}

impl Peers {
    /// The user whose process holds the other end of a connection accepted at `local` from `peer`.
    ///
    /// The kernel answers within the call that asks (about 10 µs), so this may run on an async thread.
    ///
    /// # Errors
    /// When the kernel does not say, or the other end is no longer held by a process.
    pub fn uid(&self, local: SocketAddr, peer: SocketAddr) -> Result<u32, PeerError> {
        let mut diag = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match diag.ask(local, peer) {
            Err(PeerError::Kernel(_)) => {
                // Once more on a fresh socket: the old one may have fallen behind.
                diag.socket = None;
                diag.ask(local, peer)
            }
            answer => answer,
        }
    }
}

impl Diag {
    fn ask(&mut self, local: SocketAddr, peer: SocketAddr) -> Result<u32, PeerError> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(open()?),
        };
        send(socket, &request(local, peer, sequence))?;
        // Answers to questions given up earlier are read over.
        for _ in 0..8 {
            let mut buffer = [0; 512];
            let length = receive(socket, &mut buffer)?;
            let answer = &buffer[..length];
            if answer.len() < HEADER || number(answer, 8) != sequence {
                continue;
            }
            return read_answer(answer, local, peer);
        }
        Err(io::Error::from(io::ErrorKind::InvalidData).into())
    }
}

/// The other end's socket is the one whose local address is our peer's.
fn request(local: SocketAddr, peer: SocketAddr, sequence: u32) -> [u8; REQUEST] {
    let mut message = [0; REQUEST];
    let mut put = |at: usize, bytes: &[u8]| message[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &NLM_F_REQUEST.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    let family = if peer.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    put(HEADER, &[family as u8, TCP, 0, 0]);
    put(HEADER + 4, &u32::MAX.to_ne_bytes());
    let id = HEADER + 8;
    put(id, &peer.port().to_be_bytes());
    put(id + 2, &local.port().to_be_bytes());
    for (at, ip) in [(id + 4, peer.ip()), (id + 20, local.ip())] {
        match ip {
            IpAddr::V4(ip) => put(at, &ip.octets()),
            IpAddr::V6(ip) => put(at, &ip.octets()),
        }
    }
    put(id + 40, &NO_COOKIE);
    message
}

fn read_answer(answer: &[u8], local: SocketAddr, peer: SocketAddr) -> Result<u32, PeerError> {
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    if kind == NLMSG_ERROR && answer.len() >= HEADER + 4 {
        let code = number(answer, HEADER).cast_signed().wrapping_neg();
        if code == libc::ENOENT {
            return Err(PeerError::Gone);
        }
        return Err(io::Error::from_raw_os_error(code).into());
    }
    if kind != SOCK_DIAG_BY_FAMILY || answer.len() < ANSWER {
        return Err(io::Error::from(io::ErrorKind::InvalidData).into());
    }
    // The kernel falls back to a listening socket when the connection is gone: only this very pair counts. An orphan,
    // held by no process, has no inode, and some kernels report its owner as root.
    let ports = [peer.port().to_be_bytes(), local.port().to_be_bytes()].concat();
    if answer[ANSWER_PORTS..ANSWER_PORTS + 4] != ports[..] || number(answer, ANSWER_INODE) == 0 {
        return Err(PeerError::Gone);
    }
    Ok(number(answer, ANSWER_UID))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn open() -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, libc::NETLINK_SOCK_DIAG) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call just made this descriptor, and nothing else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // The answer is there before `send` returns; the limit is for a kernel that thinks otherwise.
    socket2::SockRef::from(&socket).set_read_timeout(Some(Duration::from_millis(200)))?;
    Ok(socket)
}

fn send(socket: &OwnedFd, message: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of `message`.
    let sent = unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of `buffer`.
    let length = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    usize::try_from(length).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn own_uid() -> u32 {
        nix::unistd::getuid().as_raw()
    }

    #[test]
    fn our_own_connections_are_ours_over_both_families() {
        let peers = Peers::default();
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).expect("both loopback addresses can be bound");
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            assert_eq!(peers.uid(server.local_addr().unwrap(), peer).expect("known"), own_uid(), "{address}");
            drop(client);
        }
    }

    #[test]
    fn an_ipv6_socket_that_speaks_ipv4_is_found() {
        let peers = Peers::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let _client = TcpStream::connect(format!("[::ffff:127.0.0.1]:{port}")).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(peers.uid(server.local_addr().unwrap(), peer).expect("known"), own_uid());
    }

    #[test]
    fn an_end_that_nobody_holds_is_nobodys() {
        let peers = Peers::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, peer) = listener.accept().unwrap();
        let local = server.local_addr().unwrap();
        drop(client);
        assert!(peers.uid(local, peer).is_err(), "a closed socket belongs to nobody");
        // A listener of our own on the client's port is not the client.
        let second = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(peers.uid(local, second.local_addr().unwrap()).is_err(), "a listening socket is no peer");
    }
}
