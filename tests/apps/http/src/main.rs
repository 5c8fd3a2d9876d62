//! A small ordinary web server on 127.0.0.1 (`granary-test-http PORT`), for tests of the bridge and for benchmarks.
//!
//! With a folder (`granary-test-http PORT FOLDER`) it serves the files in it, and keeps what is posted to `/report` in
//! `/var/report`, a line each. Without one:
//! `/` is a page of about one kilobyte; `/bytes/N` is N bytes, streamed; of a posted body the length is answered.

use std::{convert::Infallible, net::Ipv4Addr};

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;

type Body = BoxBody<Bytes, Infallible>;

const CHUNK: usize = 64 * 1024;

fn page() -> Bytes {
    let mut page = b"<!doctype html><title>Test</title><h1>An ordinary web server</h1>\n".to_vec();
    while page.len() < 1000 {
        page.extend_from_slice(b"<p>It answers the same page every time.</p>\n");
    }
    page.into()
}

fn whole(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes.into()).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn streamed(length: usize) -> Response<Body> {
    let zeros = Bytes::from(vec![0; CHUNK]);
    let chunks =
        (0..length.div_ceil(CHUNK)).map(move |i| Ok(Frame::data(zeros.slice(..CHUNK.min(length - i * CHUNK)))));
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(stream::iter(chunks))));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

async fn answer(request: Request<Incoming>, page: Bytes) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let folder = std::env::args().nth(2);
    if let Some(folder) = folder {
        return of_folder(&folder, &path, request).await;
    }
    if request.method() == Method::POST || request.method() == Method::PUT {
        let mut body = request.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, Bytes::len);
        }
        return Ok(whole(StatusCode::OK, "text/plain", length.to_string()));
    }
    Ok(match path.strip_prefix("/bytes/").map(str::parse) {
        Some(Ok(length)) => streamed(length),
        None if path == "/" => whole(StatusCode::OK, "text/html; charset=utf-8", page),
        _ => whole(StatusCode::NOT_FOUND, "text/plain", "There is no such page."),
    })
}

async fn of_folder(folder: &str, path: &str, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    if path == "/report" {
        let mut line = request.into_body().collect().await?.to_bytes().to_vec();
        line.push(b'\n');
        let kept = std::fs::OpenOptions::new().create(true).append(true).open("/var/report");
        let kept = kept.and_then(|mut file| std::io::Write::write_all(&mut file, &line));
        let status = if kept.is_ok() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        return Ok(whole(status, "text/plain", "kept"));
    }
    let name = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        _ => "application/octet-stream",
    };
    let file = if name.contains("..") { None } else { std::fs::read(format!("{folder}/{name}")).ok() };
    let mut response = match file {
        Some(bytes) => whole(StatusCode::OK, kind, bytes),
        None => whole(StatusCode::NOT_FOUND, "text/plain", "There is no such page."),
    };
    // A hint that a browser would act on by itself.
    let hint = HeaderValue::from_static("<http://header.preconnect.leak.test/>; rel=preconnect");
    response.headers_mut().insert(hyper::header::LINK, hint);
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|p| p.parse().ok()).unwrap_or(8000);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let page = page();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let page = page.clone();
        tokio::spawn(async move {
            // A client that goes away in mid-answer is no news.
            let service = service_fn(move |request| answer(request, page.clone()));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}
