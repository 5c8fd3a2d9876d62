//! Starting, connections that are kept or not, ends of all kinds, and memory.

mod common;

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::app::{read_head, respond};
use common::{Bridge, TestApp, config, describe, get, run};
use futures::future::join_all;

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn ok(_: &common::app::Request, stream: &mut std::net::TcpStream) -> bool {
    respond(stream, "200 OK", "", b"ok")
}

#[test]
fn sessions_open_before_the_app_listens_and_requests_wait() {
    for address in ["127.0.0.1", "[::1]"] {
        run(async {
            let port = free_port();
            let bridge = Bridge::start(port);
            let session = bridge.session().await;
            let waiting = join_all(["a", "b", "c"].map(|path| get(&session, path)));
            let late = async {
                // An answer to this means that the requests before it have arrived.
                bridge.view.get_view_info_request().send().promise.await.unwrap();
                TestApp::on(TcpListener::bind(format!("{address}:{port}")).unwrap(), ok)
            };
            let (answers, app) = futures::join!(waiting, late);
            assert_eq!(answers, ["content 200 bytes=ok"; 3], "{address}");
            assert_eq!(app.connections(), 3, "{address}");
        });
    }
}

#[test]
fn connections_are_kept_where_the_app_keeps_them() {
    type Case = (&'static str, &'static str, usize);
    // Name, answer, connections for ten requests.
    let cases: &[Case] = &[
        ("1.1", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1),
        ("1.1, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 1),
        ("1.1, closing", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 10),
        ("1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 10),
        ("1.0, keeping", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok", 1),
        ("more than it says", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", 10),
        ("until it closes", "HTTP/1.1 200 OK\r\n\r\nok", 10),
    ];
    for (name, answer, connections) in cases {
        run(async {
            let closes = *connections > 1;
            let app = TestApp::start(move |_, stream| {
                stream.write_all(answer.as_bytes()).unwrap();
                !closes
            });
            let bridge = Bridge::start(app.port);
            let session = bridge.session().await;
            for _ in 0..10 {
                assert_eq!(get(&session, "x").await, "content 200 bytes=ok", "{name}");
            }
            assert_eq!(app.connections(), *connections, "{name}");
            assert!(app.requests().iter().all(|request| request.header("Connection").is_none()), "{name}");
        });
    }
}

#[test]
fn many_requests_at_once_share_what_is_kept() {
    run(async {
        let app = TestApp::start(ok);
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        for _ in 0..5 {
            let answers = join_all((0..20).map(|_| get(&session, "x"))).await;
            assert!(answers.iter().all(|answer| answer == "content 200 bytes=ok"));
        }
        assert!(app.connections() <= 20, "{} connections", app.connections());
    });
}

#[test]
fn a_request_on_a_dead_connection_is_repeated_when_it_may_be() {
    run(async {
        // Every connection dies at its second request, without an answer.
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let app = TestApp::raw(TcpListener::bind("127.0.0.1:0").unwrap(), move |_, stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            if read_head(&mut reader).is_some() {
                counter.fetch_add(1, Ordering::SeqCst);
                respond(stream, "200 OK", "", b"ok");
                let _ = read_head(&mut reader).map(|_| counter.fetch_add(1, Ordering::SeqCst));
            }
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        for expected in [1, 3, 5] {
            assert_eq!(get(&session, "x").await, "content 200 bytes=ok");
            assert_eq!(asked.load(Ordering::SeqCst), expected);
        }
        // What must not be done twice has a connection of its own.
        for expected in [6, 7] {
            let response = session.post_request().send().promise.await.unwrap();
            assert_eq!(describe(response.get().unwrap()), "content 200 bytes=ok");
            assert_eq!(asked.load(Ordering::SeqCst), expected);
        }
    });
}

#[test]
fn an_app_that_always_hangs_up_is_an_error() {
    run(async {
        let app = TestApp::start(|_, _| false);
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        assert!(get(&session, "x").await.contains("closed the connection without an answer"));
        assert_eq!(app.connections(), 1, "a first request on a new connection is not repeated");
    });
}

#[test]
fn a_server_that_does_one_connection_at_a_time_is_not_starved() {
    run(async {
        // It keeps connections, and while one is open it does not look at the others.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while read_head(&mut reader).is_some_and(|head| {
                    respond(&mut stream, "200 OK", "", b"ok") && !head.contains("Connection: close")
                }) {}
            }
        });
        let bridge = Bridge::start(port);
        let session = bridge.session().await;
        let start = std::time::Instant::now();
        for _ in 0..10 {
            let answers = join_all((0..4).map(|_| get(&session, "x"))).await;
            assert!(answers.iter().all(|answer| answer == "content 200 bytes=ok"));
        }
        assert!(bridge.log().contains("one connection at a time"), "{}", bridge.log());
        eprintln!("40 requests, 4 at a time, to a server with one connection: {:?}", start.elapsed());
    });
}

#[test]
fn an_app_that_reloads_is_waited_for() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            read_head(&mut reader).unwrap();
            respond(&mut stream, "200 OK", "Connection: close\r\n", b"first");
            drop(listener);
            stop.send(()).unwrap();
        });
        let bridge = Bridge::start(port);
        let session = bridge.session().await;
        assert_eq!(get(&session, "x").await, "content 200 bytes=first");
        stopped.recv().unwrap();
        let waiting = get(&session, "x");
        let late = async {
            bridge.view.get_view_info_request().send().promise.await.unwrap();
            TestApp::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), ok)
        };
        let (answer, _) = futures::join!(waiting, late);
        assert_eq!(answer, "content 200 bytes=ok");
    });
}

#[test]
fn the_end_of_the_app_is_the_end_of_the_bridge() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["sh", "-c", "exit 7"], 7, "** HTTP-BRIDGE: App server exited with status code: 7\n"),
        (&["true"], 0, "** HTTP-BRIDGE: App server exited with status code: 0\n"),
        (&["sh", "-c", "kill -9 $$"], 137, "** HTTP-BRIDGE: App server exited due to signal: 9 (SIGKILL)\n"),
        (&["no-such-program"], 1, "no-such-program cannot be started"),
        // File descriptor 3 is not the app's, signals are not blocked, and nothing is added to the environment.
        (&["sh", "-c", "if true <&3; then exit 8; fi"], 0, ""),
        (&["sh", "-c", "(kill -TERM $$) ; sleep 5"], 143, "signal: 15 (SIGTERM)"),
        (&["sh", "-c", "test -z \"$http_proxy$HTTP_PROXY\""], 0, ""),
        // Somebody else's children are reaped and do not count.
        (&["sh", "-c", "(sh -c 'exit 3' &) ; sleep 0.1; exit 5"], 5, ""),
    ];
    for (command, code, log) in cases {
        run(async {
            let mut bridge = Bridge::start_with(free_port(), &config(), command);
            assert_eq!(bridge.exit_code().await, *code, "{command:?}: {}", bridge.log());
            assert!(bridge.log().contains(log), "{command:?}: {}", bridge.log());
        });
    }
}

#[test]
fn signals_reach_the_app() {
    run(async {
        let ready = "trap 'exit 9' TERM; echo ready; while true; do sleep 0.01; done";
        let mut bridge = Bridge::start_with(free_port(), &config(), &["sh", "-c", ready]);
        bridge.logged("ready").await;
        let pid = nix::unistd::Pid::from_raw(i32::try_from(bridge.process.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert_eq!(bridge.exit_code().await, 9);
    });
}

#[test]
fn without_the_platform_there_is_no_app() {
    run(async {
        let script = "echo $$ pid; exec sleep 600";
        let mut bridge = Bridge::start_with(free_port(), &config(), &["sh", "-c", script]);
        bridge.logged("pid").await;
        let log = bridge.log();
        let pid = log.split(' ').next().unwrap().to_owned();
        // Dropping the last capability does not close the socket, but closing our runtime's task does.
        bridge.disconnect();
        assert_eq!(bridge.exit_code().await, 0);
        let gone = || std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
        while !gone() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn a_script_without_an_interpreter_line_runs_in_a_shell() {
    use std::os::unix::fs::PermissionsExt as _;
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("start");
        std::fs::write(&script, "exit $1\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut bridge = Bridge::start_with(free_port(), &config(), &[script.to_str().unwrap(), "6"]);
        assert_eq!(bridge.exit_code().await, 6, "{}", bridge.log());
    });
}

#[test]
fn an_idle_bridge_is_small() {
    run(async {
        let app = TestApp::start(ok);
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        for _ in 0..50 {
            get(&session, "x").await;
        }
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", bridge.process.id())).unwrap();
        let figure = |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        eprintln!(
            "{}: {} KiB private dirty, {} KiB PSS",
            common::program().display(),
            figure("Private_Dirty:"),
            figure("Pss:")
        );
    });
}

/// Ordinary servers, started by the bridge as in a grain: program, arguments (PORT and DIR stand for themselves).
#[test]
fn ordinary_servers_are_served() {
    const NODE: &str = "require('http').createServer((req, res) => { let n = 0; req.on('data', d => n += d.length); \
         req.on('end', () => req.url == '/big' ? (res.writeHead(200), require('fs').createReadStream('DIR/big').pipe(res)) \
         : res.end('hello ' + req.headers['x-sandstorm-permissions'] + ' ' + n)) }).listen(PORT, '127.0.0.1')";
    let servers: &[(&str, &[&str], &str)] = &[
        (
            "python3",
            &["-m", "http.server", "PORT", "--bind", "127.0.0.1", "--directory", "DIR"],
            "content 200 type=text/html",
        ),
        ("node", &["-e", NODE], "content 200 bytes=hello read,admin 0"),
    ];
    for (program, arguments, expected) in servers {
        run(async {
            let port = free_port();
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("big"), vec![b'x'; 3 << 20]).unwrap();
            let fill = |argument: &&str| {
                argument.replace("PORT", &port.to_string()).replace("DIR", folder.path().to_str().unwrap())
            };
            let command = std::iter::once((*program).to_owned()).chain(arguments.iter().map(fill)).collect::<Vec<_>>();
            let command = command.iter().map(String::as_str).collect::<Vec<_>>();
            let bridge = Bridge::start_with(port, &config(), &command);
            let session = bridge.session().await;
            for _ in 0..3 {
                let answer = get(&session, "").await;
                assert!(answer.starts_with(expected), "{program}: {answer}\n{}", bridge.log());
            }
            let sink = std::rc::Rc::new(common::Sink::default());
            let mut request = session.get_request();
            request.get().set_path("big");
            request.get().init_context().set_response_stream(sink.client());
            let response = request.send().promise.await.unwrap();
            sink.until(|received| received.done).await;
            assert_eq!(sink.received.borrow().total, 3 << 20, "{program}");
            drop(response);
        });
    }
}
