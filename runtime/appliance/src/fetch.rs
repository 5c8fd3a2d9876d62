//! Downloads a file from the web for the owner, and never from inside the owner's network at a page's request.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures::{Stream, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::api::problem::{Problem, Result};

const REDIRECTS: usize = 5;
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
const SILENCE_PATIENCE: Duration = Duration::from_secs(60);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 4;

/// A download that has begun.
pub(crate) struct Download {
    /// How long it will be, if the server says so.
    pub(crate) size: Option<u64>,
    body: Incoming,
}

impl Download {
    /// What arrives. It fails after a minute of silence.
    pub(crate) fn into_stream(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let frames = self.body.into_data_stream();
        futures::stream::unfold(Some(frames), |frames| async move {
            let mut frames = frames?;
            match timeout(SILENCE_PATIENCE, frames.next()).await {
                Err(_) => Some((Err(std::io::Error::other("the server sent nothing for a minute")), None)),
                Ok(None) => None,
                Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(frames))),
                Ok(Some(Err(error))) => Some((Err(std::io::Error::other(error)), None)),
            }
        })
    }
}

/// Begins to download `url`. With `local` it may lead to addresses of this computer and its network.
pub(crate) async fn open(url: &str, local: bool) -> Result<Download> {
    let mut url = parse(url)?;
    let mut local = local;
    for _ in 0..=REDIRECTS {
        let (response, is_local) = get(&url, local).await?;
        let Some(next) = redirection(&url, &response)? else {
            if response.status() != StatusCode::OK {
                return Err(failed(format!("{} answered {}.", authority(&url), response.status())));
            }
            let size = hyper::body::Body::size_hint(response.body()).exact();
            return Ok(Download { size, body: response.into_body() });
        };
        // A server out there must not lead us back in here.
        local = local && is_local;
        url = next;
    }
    Err(failed(format!("{} redirects more than {REDIRECTS} times.", authority(&url))))
}

/// A URL that could be downloaded from.
pub(crate) fn parse(text: &str) -> Result<Url> {
    let refuse = |message: String| Err(Problem::invalid("bad-url", "Not a usable URL", message));
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return refuse(format!("This is not a URL: {error}.")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse(format!("Packages come from http and https URLs; this one is {}.", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("A URL with a user name or a password in it is not used.".into());
    }
    Ok(url)
}

fn redirection(from: &Url, response: &Response<Incoming>) -> Result<Option<Url>> {
    use StatusCode as S;
    let moved = [S::MOVED_PERMANENTLY, S::FOUND, S::SEE_OTHER, S::TEMPORARY_REDIRECT, S::PERMANENT_REDIRECT];
    if !moved.contains(&response.status()) {
        return Ok(None);
    }
    let target = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| from.join(value).ok())
        .ok_or_else(|| failed(format!("{} redirects to nowhere.", authority(from))))?;
    let target = parse(target.as_str())?;
    if from.scheme() == "https" && target.scheme() != "https" {
        return Err(failed(format!("{} redirects from https to http.", authority(from))));
    }
    Ok(Some(target))
}

/// Makes the request; tells also whether it went to an address in here.
async fn get(url: &Url, local: bool) -> Result<(Response<Incoming>, bool)> {
    let addresses = resolve(url).await?;
    let is_local = addresses.iter().any(|address| !is_public(address.ip()));
    if is_local && !local {
        return Err(Problem::invalid(
            "local-address",
            "An address in your own network",
            format!(
                "{} is an address of this computer or its network, where no package is fetched from.",
                authority(url)
            ),
        )
        .remedy("Install it with `granary install`, or allow it in the settings."));
    }
    // From here on only the addresses that were looked at: asking for the name again might give others.
    let stream = connect(url, &addresses).await?;
    let request = Request::get(path(url))
        .header(HOST, authority(url))
        .header(USER_AGENT, concat!("Granary/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(error.to_string()))?;
    let response = if url.scheme() == "https" {
        let stream = encrypt(url, stream).await?;
        send(stream, request).await
    } else {
        send(stream, request).await
    };
    let response = response.map_err(|error| failed(format!("{} did not answer: {error}.", authority(url))))?;
    Ok((response, is_local))
}

async fn resolve(url: &Url) -> Result<Vec<SocketAddr>> {
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses = match url.host() {
        Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
        Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
        Some(Host::Domain(name)) => timeout(CONNECT_PATIENCE, tokio::net::lookup_host((name, port)))
            .await
            .map_err(std::io::Error::other)
            .and_then(|found| found)
            .map_err(|error| failed(format!("{name} cannot be found: {error}.")))?
            .collect(),
        None => vec![],
    };
    if addresses.is_empty() { Err(failed(format!("{} cannot be found.", authority(url)))) } else { Ok(addresses) }
}

async fn connect(url: &Url, addresses: &[SocketAddr]) -> Result<TcpStream> {
    let mut last = None;
    for address in addresses.iter().take(ADDRESSES) {
        match timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(std::io::ErrorKind::TimedOut.into()),
        }
    }
    let why = last.map(|error| error.to_string()).unwrap_or_default();
    Err(failed(format!("{} cannot be reached: {why}.", authority(url))))
}

async fn encrypt(url: &Url, stream: TcpStream) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>> {
    let name = match url.host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
        Some(Host::Ipv4(address)) => Some(ServerName::IpAddress(IpAddr::from(address).into())),
        Some(Host::Ipv6(address)) => Some(ServerName::IpAddress(IpAddr::from(address).into())),
        None => None,
    };
    let name = name.ok_or_else(|| failed(format!("{} is no name a certificate can have.", authority(url))))?;
    let config =
        tokio::task::spawn_blocking(client_config).await.map_err(|error| Problem::internal(error.to_string()))??;
    timeout(CONNECT_PATIENCE, TlsConnector::from(config).connect(name, stream))
        .await
        .map_err(std::io::Error::other)
        .and_then(|connected| connected)
        .map_err(|error| failed(format!("{} cannot be trusted: {error}.", authority(url))))
}

/// The certificates this computer trusts; read for each download, since there are few and the roots are large.
fn client_config() -> Result<Arc<ClientConfig>> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(failed("This computer has no list of certificate authorities.")
            .remedy("Install the package ca-certificates."));
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::internal(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

async fn send<S>(stream: S, request: Request<Empty<Bytes>>) -> std::io::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let exchange = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(std::io::Error::other)
    };
    timeout(ANSWER_PATIENCE, exchange).await.map_err(std::io::Error::other)?
}

fn path(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn failed(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "download-failed", "The download failed", message)
        .remedy("Check the URL and the network, and try again.")
}

/// Whether an address belongs to the internet at large, and not to this computer, its network or a special purpose.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

/// <https://www.iana.org/assignments/iana-ipv6-special-registry>; addresses that carry an IPv4 one count as that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, benchmarking, ORCHID and other protocol assignments; documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses() {
        for address in
            ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::1.1.1.1", "::ffff:8.8.8.8", "2002:101:101::1"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn refused_before_anything_is_sent() {
        for (url, code) in [
            ("nonsense", "bad-url"),
            ("file:///etc/passwd", "bad-url"),
            ("ftp://example.org/x", "bad-url"),
            ("https://user:secret@example.org/x", "bad-url"),
            ("http://127.0.0.1:1/x.spk", "local-address"),
            ("http://localhost:1/x.spk", "local-address"),
            ("http://[::1]:1/x.spk", "local-address"),
            ("http://0x7f000001/x.spk", "local-address"),
            ("http://2130706433/x.spk", "local-address"),
            ("http://169.254.169.254/latest", "local-address"),
            ("http://[::ffff:192.168.0.1]/", "local-address"),
        ] {
            let problem = open(url, false).await.err().unwrap();
            assert_eq!((problem.code.as_str(), problem.invalid), (code, true), "{url}");
        }
    }
}
