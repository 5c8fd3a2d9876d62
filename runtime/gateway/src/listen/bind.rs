//! Takes a port on both loopback addresses, or on neither.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// How many ports after the wished one are tried.
const TRIES: u16 = 200;
/// Rounds for a port that the kernel chooses.
const RANDOM_TRIES: usize = 50;

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Every port that was tried is in use.
    #[error(
        "the ports {first} to {last} are all in use; stop one of the programs that use them, or choose another with --port"
    )]
    AllTaken {
        /// The one wished for.
        first: u16,
        /// The last one tried.
        last: u16,
    },
    /// The system refuses for another reason.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// The listening sockets of one gateway.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) sockets: Vec<TcpListener>,
    pub(crate) port: u16,
    /// This computer has no IPv6 at all, so nobody else can take its loopback address either.
    pub(crate) ipv4_only: bool,
}

impl Listeners {
    /// Takes `wished`, or the next port that is free on both addresses; 0 lets the kernel choose.
    ///
    /// # Errors
    /// When no port is free, or the system does not let us listen.
    pub fn bind(wished: u16) -> Result<Self, BindError> {
        if wished == 0 {
            for _ in 0..RANDOM_TRIES {
                if let Some(listeners) = Self::both(0)? {
                    return Ok(listeners);
                }
            }
            return Err(BindError::AllTaken { first: 0, last: 0 });
        }
        let last = wished.saturating_add(TRIES);
        for port in wished..=last {
            if let Some(listeners) = Self::both(port)? {
                return Ok(listeners);
            }
        }
        Err(BindError::AllTaken { first: wished, last })
    }

    /// `None` when one of the two is taken.
    fn both(port: u16) -> Result<Option<Self>, BindError> {
        let Some(v4) = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))? else { return Ok(None) };
        let port = v4.local_addr().map_or(port, |address| address.port());
        let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        match listen(address) {
            Ok(Some(v6)) => Ok(Some(Self { sockets: vec![v4, v6], port, ipv4_only: false })),
            Ok(None) => Ok(None),
            Err(BindError::Refused { source, .. })
                if matches!(
                    source.raw_os_error(),
                    Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT)
                ) =>
            {
                Ok(Some(Self { sockets: vec![v4], port, ipv4_only: true }))
            }
            Err(error) => Err(error),
        }
    }
}

fn listen(address: SocketAddr) -> Result<Option<TcpListener>, BindError> {
    let open = || -> io::Result<TcpListener> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM.cloexec().nonblocking(),
            Some(socket2::Protocol::TCP),
        )?;
        // Lets a restart take the port while old connections linger; two listeners still exclude each other.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(1024)?;
        Ok(TcpListener::from(socket))
    };
    match open() {
        Ok(listener) => Ok(Some(listener)),
        Err(source) if source.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(source) => Err(BindError::Refused { address, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_or_the_next_port() {
        // On a port whose IPv6 half is taken, the IPv4 half is let go again.
        let taken = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let listeners = Listeners::bind(port).unwrap();
        assert!(listeners.port > port);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("neither half of the taken port is kept");

        let again = Listeners::bind(listeners.port).unwrap();
        assert_ne!(again.port, listeners.port, "two gateways never share a port");
        assert_eq!(again.sockets.len(), 2);
    }
}
