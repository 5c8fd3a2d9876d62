//! The little of SOCKS5 (RFC 1928, RFC 1929) that a webview speaks: a name and a password, then one name to connect to.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

const VERSION: u8 = 5;
const AUTH_VERSION: u8 = 1;
const PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const DOMAIN: u8 = 3;

/// Who asks.
pub(super) struct Presented {
    pub(super) name: String,
    pub(super) password: Zeroizing<String>,
}

/// Where to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
}

/// What the client is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Connected = 0,
    NotAllowed = 2,
    NoSuchCommand = 7,
    NoSuchAddress = 8,
}

/// Why a client is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocksError {
    #[error("the client speaks no SOCKS5 with a password")]
    Protocol,
    #[error("the client asks for {0}")]
    Unsupported(&'static str),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads name and password. The client waits for [`admit`] then.
pub(super) async fn greet<IO: AsyncRead + AsyncWrite + Unpin>(io: &mut IO) -> Result<Presented, SocksError> {
    if io.read_u8().await? != VERSION {
        return Err(SocksError::Protocol);
    }
    let methods = bytes(io).await?;
    if !methods.contains(&PASSWORD) {
        io.write_all(&[VERSION, NO_METHOD]).await?;
        return Err(SocksError::Protocol);
    }
    io.write_all(&[VERSION, PASSWORD]).await?;
    if io.read_u8().await? != AUTH_VERSION {
        return Err(SocksError::Protocol);
    }
    let name = bytes(io).await?;
    let password = Zeroizing::new(bytes(io).await?);
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| SocksError::Protocol);
    Ok(Presented { name: text(&name)?, password: Zeroizing::new(text(&password)?) })
}

/// Answers a name and a password.
pub(super) async fn admit<IO: AsyncWrite + Unpin>(io: &mut IO, welcome: bool) -> io::Result<()> {
    io.write_all(&[AUTH_VERSION, u8::from(!welcome)]).await
}

/// Reads where the client wants to go. Only a name counts: whoever asks for an address has looked a name up somewhere
/// else, or means something that is not Granary.
pub(super) async fn request<IO: AsyncRead + AsyncWrite + Unpin>(io: &mut IO) -> Result<Destination, SocksError> {
    let mut head = [0; 4];
    io.read_exact(&mut head).await?;
    let [version, command, _, kind] = head;
    if version != VERSION {
        return Err(SocksError::Protocol);
    }
    if command != CONNECT {
        reply(io, Reply::NoSuchCommand).await?;
        return Err(SocksError::Unsupported("something else than a connection"));
    }
    if kind != DOMAIN {
        reply(io, Reply::NoSuchAddress).await?;
        return Err(SocksError::Unsupported("an address instead of a name"));
    }
    let host = bytes(io).await?;
    let port = io.read_u16().await?;
    let host = String::from_utf8(host).map_err(|_| SocksError::Protocol)?;
    Ok(Destination { host, port })
}

/// Answers where the client wants to go.
pub(super) async fn reply<IO: AsyncWrite + Unpin>(io: &mut IO, reply: Reply) -> io::Result<()> {
    io.write_all(&[VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

/// One byte of length and as many bytes.
async fn bytes<IO: AsyncRead + Unpin>(io: &mut IO) -> io::Result<Vec<u8>> {
    let length = io.read_u8().await?;
    let mut bytes = vec![0; length.into()];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}
