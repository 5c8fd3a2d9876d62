//! What a guest may count on: its ids, descriptors, folders, limits; and what a launch reports.

mod support;

use std::io::Read as _;

use granary_sandbox::{Error, Exit};
use support::{Ground, check, each_user, run};

fn state(package: &str) -> String {
    let folder = |tmp: bool| if tmp { "40770 1000 1000" } else { "works" };
    let dev = if package == "package" { "40755 1000 1000 | 40755 65534 65534" } else { "40755 1000 1000" };
    let root = "40755 1000 1000 | 40755 65534 65534";
    let node = "20666 65534 65534";
    format!(
        "uid: 1000 1000\n gid: 1000 1000\n groups: {}\n pid: 2 1\n session: 1
        umask: 007\n no_new_privs: 1\n dumpable: 1
        capabilities: [0, 0, 0, 0, 0, 0]\n bounding: works
        hostname: sandbox\n domainname: sandbox
        nofile: 1024 4096\n core: 0 0\n rtprio: 0 0
        descriptors: [0, 1, 2, 3]\n signals: []
        cwd: /
        arguments: [\"/hostile\", \"state\"]\n environment: [(\"GREETING\", \"hello\")]
        /: {root}\n /var: 40770 1000 1000\n /tmp: {}\n /dev: {dev}\n /dev/shm: {}
        /dev/null: {node}\n /dev/urandom: {node}\n /proc/cpuinfo: 100444 65534 65534
        readable: [\"/proc/cpuinfo\", \"/dev/urandom\", \"/dev/random\", \"/dev/zero\"]
        null: works\n api: works
        use /var: works\n use /tmp: works\n use /dev/shm: works\n loopback: works",
        groups(),
        folder(true),
        folder(true),
    )
    .replace("pid: 2 1", "pid: 2 1 | ENOENT")
    .replace("session: 1", "session: EPERM | 1")
    .replace("no_new_privs: 1", "no_new_privs: EPERM | 1")
    .replace("dumpable: 1", "dumpable: EPERM | 1")
}

/// How many more groups it is in. Root's guest is in none; an ordinary user cannot leave those that they are in, which
/// inside are nobody's, and count for the package and /var alone.
fn groups() -> String {
    let own = if nix::unistd::Uid::effective().is_root() { 0 } else { nix::unistd::getgroups().expect("groups").len() };
    if own == 0 { "works".to_owned() } else { own.to_string() }
}

#[test]
fn the_state_of_a_guest() {
    each_user("the_state_of_a_guest", || {
        run(async {
            for prepared in [0, 2] {
                let ground = Ground::with("granary-launcher", prepared);
                ground.launcher.prepare().await.expect("prepare");
                for package in ["package", "plain"] {
                    ground.fresh_var();
                    let (launch, log, mut api) = ground.launch(package, &["state"]);
                    let sandbox = ground.launcher.launch(launch).await.expect("launch");
                    let output = support::read_to_end(log).await;
                    assert_eq!(sandbox.wait().await, Exit::Code(0));
                    check(&format!("{package}, {prepared} prepared"), &output, &state(package));
                    let mut heard = String::new();
                    api.read_to_string(&mut heard).expect("the socket ends with the guest");
                    assert_eq!(heard, "hello from inside");
                }
            }
        });
    });
}

#[test]
fn a_package_without_folders_runs() {
    each_user("a_package_without_folders_runs", || {
        run(async {
            let ground = Ground::new();
            let (output, exit) = ground.output(0, "bare", &["write", "/var/file", "text"]).await;
            assert_eq!(exit, Exit::Code(0));
            check("bare", &output, "write: ENOENT");
        });
    });
}

#[test]
fn a_package_cannot_lead_mounts_astray() {
    each_user("a_package_cannot_lead_mounts_astray", || {
        run(async {
            let ground = Ground::new();
            for (name, to) in [("var", "/tmp"), ("tmp", "../../.."), ("dev", "/dev"), ("proc", "/proc")] {
                std::os::unix::fs::symlink(to, ground.path("bare").join(name)).expect("link");
            }
            let (output, exit) = ground.output(0, "bare", &["write", "/var/file", "text"]).await;
            assert_eq!(exit, Exit::Code(0));
            // The link to /tmp leads inside, where /tmp is a link to the root itself.
            check("links", &output, "write: EROFS");
            assert!(!std::path::Path::new("/tmp/file").exists());
        });
    });
}

#[test]
fn ends_are_told_apart() {
    each_user("ends_are_told_apart", || {
        run(async {
            let ground = Ground::with("granary-launcher", 1);
            for (arguments, expected) in [
                (&["exit", "0"][..], Exit::Code(0)),
                (&["exit", "77"], Exit::Code(77)),
                (&["abort"], Exit::Signal(libc::SIGABRT)),
            ] {
                let (_, exit) = ground.output(0, "package", arguments).await;
                assert_eq!(exit, expected, "{arguments:?}");
            }
            let (sandbox, _log, _api) = ground.start(&["linger"]).await;
            sandbox.kill();
            assert_eq!(sandbox.wait().await, Exit::Killed);
            // Asking again is the same, and so is killing the dead.
            sandbox.kill();
            assert_eq!(sandbox.wait().await, Exit::Killed);
        });
    });
}

#[test]
fn faults_of_a_launch_are_told_apart() {
    each_user("faults_of_a_launch_are_told_apart", || {
        run(async {
            let ground = Ground::with("granary-launcher", 1);
            let fail = async |change: &dyn Fn(&mut granary_sandbox::Launch)| {
                let (mut launch, _log, _api) = ground.launch("package", &["state"]);
                change(&mut launch);
                ground.launcher.launch(launch).await.expect_err("must fail")
            };
            let error = fail(&|l| l.argv[0] = "/missing".into()).await;
            assert!(matches!(&error, Error::Program { program, .. } if program == "/missing"), "{error:?}");
            assert_eq!(error.code(), "sandbox-command");
            let error = fail(&|l| l.argv[0] = "/proc".into()).await;
            assert!(matches!(error, Error::Program { .. }), "{error:?}");
            let error = fail(&|l| l.argv.clear()).await;
            assert!(matches!(error, Error::Invalid(_)), "{error:?}");
            let error = fail(&|l| l.argv.push("a\0b".into())).await;
            assert!(matches!(error, Error::Invalid(_)), "{error:?}");
            let error = fail(&|l| l.env.push(("LONG".into(), "x".repeat(200_000).into()))).await;
            assert!(matches!(error, Error::Invalid(_)), "{error:?}");
            let error = fail(&|l| l.argv.extend(std::iter::repeat_n("x".into(), 5000))).await;
            assert!(matches!(error, Error::Invalid(_)), "{error:?}");
            let error = fail(&|l| l.package.push("missing")).await;
            assert!(matches!(&error, Error::Folder { path, .. } if path.ends_with("missing")), "{error:?}");
            assert_eq!(error.code(), "sandbox-folder");
            let error = fail(&|l| l.var.push("missing")).await;
            assert!(matches!(error, Error::Folder { .. }), "{error:?}");
            // None of it has hurt the launcher or the prepared ones.
            let (_, exit) = ground.output(0, "package", &["exit", "5"]).await;
            assert_eq!(exit, Exit::Code(5));
        });
    });
}

#[test]
fn the_api_socket_ends_when_the_guest_closes_it() {
    each_user("the_api_socket_ends_when_the_guest_closes_it", || {
        run(async {
            let ground = Ground::new();
            let (_sandbox, _log, mut api) = ground.start(&["close-api"]).await;
            api.set_read_timeout(Some(support::LONG)).expect("timeout");
            let mut byte = [0];
            assert_eq!(api.read(&mut byte).expect("end of file"), 0);
        });
    });
}

#[test]
fn long_command_lines_arrive_whole() {
    each_user("long_command_lines_arrive_whole", || {
        run(async {
            let ground = Ground::new();
            let long = "y".repeat(90_000);
            let (output, exit) = ground.output(0, "package", &["write", "/var/file", &long]).await;
            assert_eq!(exit, Exit::Code(0), "{output}");
            let written = std::fs::read_to_string(ground.var().join("file")).expect("file");
            assert_eq!(written, long);
        });
    });
}

/// What runtimes do at their start and after: threads, children, timers, files, sockets, name look-ups, databases.
const RUNTIMES: [(&str, &[&str], &str); 2] = [
    (
        "/usr/bin/python3",
        &["-I", "-c"],
        "
import asyncio, os, socket, sqlite3, subprocess, sys, tempfile, threading
threads = [threading.Thread(target=lambda: None) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout == b'child\\n'
kept = tempfile.TemporaryDirectory(); folder = kept.name
base = sqlite3.connect(folder + '/base'); base.execute('pragma journal_mode=wal')
base.execute('create table t (x)'); base.execute('insert into t values (1)'); base.commit()
assert base.execute('select x from t').fetchone() == (1,)
server = socket.create_server(('127.0.0.1', 0))
assert socket.create_connection(server.getsockname())
socket.getaddrinfo('localhost', 80)
try: socket.getaddrinfo('example.invalid', 80)
except socket.gaierror: pass
async def talk():
    server = await asyncio.start_unix_server(lambda r, w: w.close(), folder + '/socket')
    reader, writer = await asyncio.open_unix_connection(folder + '/socket')
    assert await reader.read() == b''; writer.close(); server.close()
    process = await asyncio.create_subprocess_exec('/bin/true'); assert await process.wait() == 0
asyncio.run(talk())
print('fine')
",
    ),
    (
        "/usr/bin/node",
        &["-e"],
        "
const { Worker } = require('worker_threads'), os = require('os'), fs = require('fs'), net = require('net');
const { execFileSync } = require('child_process');
try { os.networkInterfaces(); } catch (e) { if (e.code !== 'ERR_SYSTEM_ERROR') throw e; }
os.cpus(); os.totalmem(); os.loadavg();
if (String(execFileSync('/bin/echo', ['child'])) !== 'child\\n') throw new Error('child');
const folder = fs.mkdtempSync('/tmp/granary-node-');
fs.writeFileSync(folder + '/a', 'text'); fs.copyFileSync(folder + '/a', folder + '/b');
fs.watch(folder).close();
const server = net.createServer((s) => s.end('hello')).listen(0, '127.0.0.1', () => {
    net.connect(server.address().port, '127.0.0.1').on('data', () => {
        server.close();
        require('dns').lookup('localhost', () =>
            new Worker('require(\"crypto\").randomBytes(9)', { eval: true }).on('exit', () => {
                fs.rmSync(folder, { recursive: true });
                console.log('fine');
            }));
    });
});
",
    ),
];

#[test]
fn runtimes_work_under_the_filter() {
    each_user("runtimes_work_under_the_filter", || {
        run(async {
            use granary_sandbox::protocol::{WITHOUT_LANDLOCK, WITHOUT_NAMESPACES};
            let ground = Ground::with("granary-launcher-unfenced", 0);
            // Without namespaces the launcher walks to the folders by itself.
            use std::os::unix::fs::PermissionsExt;
            let open = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(ground.path(""), open).expect("mode");
            for (program, arguments, script) in RUNTIMES {
                if !std::path::Path::new(program).exists() {
                    eprintln!("skipped: {program}, which is not installed here");
                    continue;
                }
                let (mut launch, log, _api) = ground.launch("package", &["unused"]);
                launch.argv = [program].iter().chain(arguments).chain(&[script]).map(Into::into).collect();
                launch.env = vec![("PATH".into(), "/usr/bin:/bin".into()), ("HOME".into(), "/tmp".into())];
                let sandbox = ground.launcher.launch_without(launch, WITHOUT_NAMESPACES | WITHOUT_LANDLOCK).await;
                let sandbox = sandbox.expect("launch");
                let output = support::read_to_end(log).await;
                assert_eq!(sandbox.wait().await, Exit::Code(0), "{program}: {output}");
                assert!(output.ends_with("fine\n"), "{program}: {output}");
            }
        });
    });
}
