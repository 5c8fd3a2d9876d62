//! The same over real HTTP/1.1 and HTTP/2 connections.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use granary_gateway::web::{Body, WebSettings, WebTarget, forward};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{BOUND, Bench, read, request};
use crate::streams::{Reply, done, expect_size, streamer};
use crate::uploads::{How, Taker, data, fold, sum};

/// The kinds of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

pub const BOTH: [Version; 2] = [Version::Http1, Version::Http2];

/// Serves a target on a port of its own for as long as the test lives.
pub async fn serve(target: &Arc<WebTarget>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let target = Arc::clone(target);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let target = Arc::clone(&target);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
                    let target = Arc::clone(&target);
                    async move { Ok::<http::Response<Body>, std::convert::Infallible>(forward(&target, request).await) }
                });
                let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                server.http2().enable_connect_protocol();
                // How a connection ends is the client's to say.
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// One connection to a served target.
pub enum Client<B> {
    Http1(hyper::client::conn::http1::SendRequest<B>),
    Http2(hyper::client::conn::http2::SendRequest<B>),
}

impl<B> Client<B>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub async fn connect(address: SocketAddr, version: Version) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.expect("a connection"));
        match version {
            Version::Http1 => {
                let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.expect("a connection");
                tokio::spawn(connection.with_upgrades().map(drop));
                Self::Http1(sender)
            }
            Version::Http2 => {
                let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
                    .handshake(stream)
                    .await
                    .expect("a connection");
                tokio::spawn(connection.map(drop));
                Self::Http2(sender)
            }
        }
    }

    pub async fn send(&mut self, mut request: http::Request<B>) -> hyper::Result<http::Response<Incoming>> {
        let sent = async {
            match self {
                Self::Http1(sender) => {
                    request.headers_mut().insert("host", http::HeaderValue::from_static("ui-x.granary.localhost"));
                    sender.send_request(request).await
                }
                Self::Http2(sender) => {
                    let path = request.uri().path_and_query().expect("a path").as_str();
                    *request.uri_mut() = format!("http://ui-x.granary.localhost{path}").parse().expect("an address");
                    sender.send_request(request).await
                }
            }
        };
        tokio::time::timeout(BOUND, sent).await.expect("an answer in time")
    }
}

#[tokio::test]
async fn many_requests_on_one_connection() {
    for version in BOTH {
        let bench = Bench::wired(WebSettings::default(), || {
            crate::app::Fixed(|r: granary_wire::web_session_capnp::web_session::response::Builder<'_>| {
                let mut content = r.init_content();
                content.set_mime_type("text/plain");
                content.init_body().set_bytes(b"hello");
            })
        });
        let mut client = Client::<Full<Bytes>>::connect(serve(&bench.target).await, version).await;
        for method in ["GET", "HEAD", "GET", "POST", "GET"] {
            let answer = read(client.send(request(method, "/a", &[], b"")).await.expect("an answer")).await;
            match method {
                "GET" => {
                    assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
                    assert_eq!(answer.header("content-length"), Some("5"));
                }
                "HEAD" => assert_eq!((answer.status, answer.body.len()), (200, 0)),
                _ => assert_eq!(answer.status, 501),
            }
        }
        assert_eq!(bench.opened(), 1);
    }
}

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_mebibytes_down() {
    for version in BOTH {
        for sized in [true, false] {
            let chunk = data(128 * 1024);
            let bytes = chunk.clone();
            let (bench, _events) = streamer(WebSettings::default(), Reply::Stream, false, move |stream, _| {
                let bytes = bytes.clone();
                async move {
                    if sized {
                        expect_size(&stream, 100 * MIB).await.expect("taken");
                    }
                    for _ in 0..800 {
                        let mut request = stream.write_request();
                        request.get().set_data(&bytes);
                        request.send().await.expect("taken");
                    }
                    done(&stream).await.expect("taken");
                }
                .boxed_local()
            });
            let mut client = Client::<Full<Bytes>>::connect(serve(&bench.target).await, version).await;
            let response = client.send(request("GET", "/", &[], b"")).await.expect("an answer");
            let length =
                response.headers().get("content-length").map(|length| length.to_str().expect("ASCII").to_owned());
            assert_eq!(length, sized.then(|| (100 * MIB).to_string()), "{version:?}");
            let mut body = response.into_body();
            let (mut length, mut hash) = (0, 0);
            while let Some(frame) = tokio::time::timeout(BOUND, body.frame()).await.expect("a body that goes on") {
                let piece = frame.expect("a whole body").into_data().expect("no trailers");
                length += piece.len() as u64;
                hash = fold(hash, &piece);
            }
            assert_eq!(length, 100 * MIB, "{version:?}");
            assert_eq!(hash, (0..800).fold(0, |hash, _| fold(hash, &chunk)), "{version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_mebibytes_up() {
    let whole = data(100 * MIB as usize);
    let expected = sum(&whole);
    for version in BOTH {
        let (bench, ..) = Taker::bench(How::Whole, WebSettings::default());
        let frames =
            whole.chunks(100_000).map(|piece| Ok::<_, std::io::Error>(http_body::Frame::data(whole.slice_ref(piece))));
        let body = StreamBody::new(futures::stream::iter(frames.collect::<Vec<_>>()));
        let mut client = Client::connect(serve(&bench.target).await, version).await;
        let request = http::Request::builder().method("POST").uri("/up").body(body).expect("a request");
        let answer = read(client.send(request).await.expect("an answer")).await;
        assert_eq!(String::from_utf8_lossy(&answer.body), expected, "{version:?}");
    }
}

#[tokio::test]
async fn a_response_cut_off_is_seen_as_such() {
    for version in BOTH {
        for sized in [true, false] {
            let (bench, _events) = streamer(WebSettings::default(), Reply::Stream, false, move |stream, _| {
                async move {
                    if sized {
                        expect_size(&stream, 1000).await.expect("taken");
                    }
                    crate::streams::write(&stream, b"half").await.expect("taken");
                }
                .boxed_local()
            });
            let mut client = Client::<Full<Bytes>>::connect(serve(&bench.target).await, version).await;
            let response = client.send(request("GET", "/", &[], b"")).await.expect("an answer");
            assert!(read(response).await.cut_off, "{version:?} {sized}");
        }
    }
}

#[tokio::test]
async fn a_response_that_comes_before_the_upload_is_over_arrives() {
    for version in BOTH {
        let (bench, ..) = Taker::bench(How::RefuseWrites, WebSettings::default());
        let mut client = Client::<Full<Bytes>>::connect(serve(&bench.target).await, version).await;
        let body = vec![1; 900_000];
        let answer = read(client.send(request("POST", "/", &[], &body)).await.expect("an answer")).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"0 0".as_slice()), "{version:?}");
    }
}
