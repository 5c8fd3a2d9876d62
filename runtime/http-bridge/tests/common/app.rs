//! A small web server that does what a test says, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request line and the headers, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Reads the head of a request. `None` at the end of the connection.
pub fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        if line == b"\r\n" {
            return Some(head);
        }
        head.push_str(&String::from_utf8(line).unwrap().replace('\r', ""));
    }
}

/// Reads a body, whichever way it is framed.
pub fn read_body(reader: &mut impl BufRead, request: &Request, mut take: impl FnMut(&[u8])) {
    let mut copy = |reader: &mut dyn Read, mut left: usize| {
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let at_most = left.min(buffer.len());
            let count = reader.read(&mut buffer[..at_most]).unwrap_or(0);
            if count == 0 {
                return;
            }
            take(&buffer[..count]);
            left -= count;
        }
    };
    if let Some(length) = request.header("Content-Length") {
        copy(reader, length.parse().unwrap());
    } else if request.header("Transfer-Encoding") == Some("chunked") {
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            copy(reader, size);
            reader.read_line(&mut String::new()).unwrap();
            if size == 0 {
                return;
            }
        }
    }
}

/// The app's server. It lives as long as the test's process.
#[derive(Clone)]
pub struct TestApp {
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl TestApp {
    /// Starts a server; `answer` writes the response and says whether the connection stays.
    pub fn start(answer: impl Fn(&Request, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub fn on(
        listener: TcpListener,
        answer: impl Fn(&Request, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self::raw(listener, move |app, stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while let Some(head) = read_head(&mut reader) {
                let mut request = Request { head, body: Vec::new() };
                let mut body = Vec::new();
                read_body(&mut reader, &request, |bytes| body.extend_from_slice(bytes));
                request.body = body;
                app.requests.lock().unwrap().push(request.clone());
                if !answer(&request, stream) {
                    return;
                }
            }
        })
    }

    /// A server that is handed each connection, on a thread of its own.
    pub fn raw(listener: TcpListener, serve: impl Fn(&Self, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let app =
            Self { port: listener.local_addr().unwrap().port(), connections: Arc::default(), requests: Arc::default() };
        let serve = Arc::new(serve);
        let shared = app.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (app, serve) = (shared.clone(), Arc::clone(&serve));
                app.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(&app, &mut stream));
            }
        });
        app
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Takes what was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    pub fn last(&self) -> Request {
        self.requests.lock().unwrap().last().cloned().expect("the app was not asked")
    }
}

/// Writes a whole response with a length.
pub fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) -> bool {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).is_ok()
}
