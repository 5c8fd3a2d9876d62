//! What a guest sees of itself and of its surroundings.

use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    mem::zeroed,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::{MetadataExt, PermissionsExt},
            net::{SocketAddr, UnixStream},
            process::CommandExt,
        },
    },
    process::Command,
};

use crate::kernel;

fn outcome<T>(name: &str, result: io::Result<T>) {
    println!("{name}\t{}", result.map_or_else(|e| e.raw_os_error().unwrap_or(-1), |_| 0));
}

/// Everything that the launch promises.
pub(crate) fn state() {
    // SAFETY: calls that take nothing, and plain structs that zeros are valid for.
    unsafe {
        println!("uid\t{} {}", libc::getuid(), libc::geteuid());
        println!("gid\t{} {}", libc::getgid(), libc::getegid());
        println!("groups\t{}", libc::getgroups(0, std::ptr::null_mut()));
        println!("pid\t{} {}", libc::getpid(), libc::getppid());
        println!("session\t{}", i32::from(libc::getsid(0) == libc::getpid()));
        let mask = libc::umask(0);
        println!("umask\t{mask:03o}");
        println!("no_new_privs\t{}", libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        println!("dumpable\t{}", libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0));
        let header = [0x2008_0522u32, 0];
        let mut sets = [u32::MAX; 6];
        libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr());
        println!("capabilities\t{sets:?}");
        let bounding = (0..64).filter(|c| libc::prctl(libc::PR_CAPBSET_READ, *c, 0, 0, 0) == 1).count();
        println!("bounding\t{bounding}");
        let mut names: libc::utsname = zeroed();
        libc::uname(&raw mut names);
        let text = |field: &[libc::c_char]| {
            field.iter().take_while(|c| **c != 0).map(|c| char::from(*c as u8)).collect::<String>()
        };
        println!("hostname\t{}", text(&names.nodename));
        println!("domainname\t{}", text(&names.domainname));
        for (name, resource) in
            [("nofile", libc::RLIMIT_NOFILE), ("core", libc::RLIMIT_CORE), ("rtprio", libc::RLIMIT_RTPRIO)]
        {
            let mut limit: libc::rlimit = zeroed();
            libc::getrlimit(resource, &raw mut limit);
            println!("{name}\t{} {}", limit.rlim_cur, limit.rlim_max);
        }
        let open: Vec<_> = (0..4096).filter(|fd| libc::fcntl(*fd, libc::F_GETFD) >= 0).collect();
        println!("descriptors\t{open:?}");
        let mut ignored = Vec::new();
        let mut blocked: libc::sigset_t = zeroed();
        libc::sigprocmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut blocked);
        for signal in 1..=64 {
            let mut action: libc::sigaction = zeroed();
            // Rust's own start-up ignores SIGPIPE and catches SIGSEGV and SIGBUS.
            let own = [libc::SIGPIPE, libc::SIGSEGV, libc::SIGBUS].contains(&signal);
            libc::sigaction(signal, std::ptr::null(), &raw mut action);
            if !own && action.sa_sigaction != libc::SIG_DFL || libc::sigismember(&raw const blocked, signal) == 1 {
                ignored.push(signal);
            }
        }
        println!("signals\t{ignored:?}");
    }
    println!("cwd\t{}", env::current_dir().map_or_else(|e| e.to_string(), |d| d.display().to_string()));
    println!("arguments\t{:?}", env::args().collect::<Vec<_>>());
    println!("environment\t{:?}", env::vars().collect::<Vec<_>>());
    for path in ["/", "/var", "/tmp", "/dev", "/dev/shm", "/dev/null", "/dev/urandom", "/proc/cpuinfo"] {
        match fs::symlink_metadata(path) {
            Ok(m) => println!("{path}\t{:o} {} {}", m.mode(), m.uid(), m.gid()),
            Err(e) => println!("{path}\t{e}"),
        }
    }
    let full: Vec<_> = ["/proc/cpuinfo", "/dev/urandom", "/dev/random", "/dev/zero"]
        .into_iter()
        .filter(|path| {
            let mut byte = [0];
            fs::File::open(path).and_then(|mut f| f.read(&mut byte)).is_ok_and(|n| n == 1)
        })
        .collect();
    println!("readable\t{full:?}");
    outcome(
        "null",
        fs::OpenOptions::new().write(true).truncate(true).open("/dev/null").and_then(|mut f| f.write(b"x")),
    );
    outcome(
        "api",
        io::Result::Ok(kernel::write(3, b"hello from inside"))
            .and_then(|sent| if sent { Ok(()) } else { Err(io::Error::last_os_error()) }),
    );
    for folder in ["/var", "/tmp", "/dev/shm"] {
        let moved = || {
            fs::create_dir(format!("{folder}/a"))?;
            fs::write(format!("{folder}/a/file"), "text")?;
            fs::rename(format!("{folder}/a/file"), format!("{folder}/file"))?;
            fs::hard_link(format!("{folder}/file"), format!("{folder}/a/link"))?;
            std::os::unix::fs::symlink("file", format!("{folder}/symlink"))?;
            fs::read(format!("{folder}/symlink"))?;
            let _listener = std::os::unix::net::UnixListener::bind(format!("{folder}/socket"))?;
            UnixStream::connect(format!("{folder}/socket"))?;
            fs::remove_dir_all(format!("{folder}/a"))
        };
        outcome(&format!("use {folder}"), moved());
    }
    let loopback = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:8000")?;
        std::net::TcpStream::connect(listener.local_addr()?)
    };
    outcome("loopback", loopback());
}

/// Looks for what should not be there, and writes where it should not.
pub(crate) fn files(more: &[String]) {
    let paths =
        ["/proc", "/proc/self/root", "/proc/1", "/sys", "/dev/kmsg", "/dev/tty", "/dev/fuse", "/dev/pts", "/dev/mem"];
    for path in paths.into_iter().chain(more.iter().map(String::as_str)) {
        outcome(&format!("read {path}"), fs::File::open(path));
    }
    for path in ["/granary", "/usr/granary", "/dev/granary", "/proc/granary"] {
        outcome(&format!("write {path}"), fs::File::create(path));
        outcome(&format!("mkdir {path}"), fs::create_dir(path));
    }
    outcome("overwrite itself", fs::OpenOptions::new().write(true).open("/hostile"));
    outcome("remove itself", fs::remove_file("/hostile"));
    outcome("chmod itself", fs::set_permissions("/hostile", fs::Permissions::from_mode(0o777)));
    // Up and out by every road.
    let up = "../".repeat(64);
    outcome("read up", fs::File::open(format!("/var/{up}etc/passwd")));
    let _ = std::os::unix::fs::symlink(format!("{up}etc/passwd"), "/var/out");
    outcome("read through a link", fs::File::open("/var/out"));
}

pub(crate) fn network(port: &str, abstract_name: &str) {
    let connect = |address: &str| std::net::TcpStream::connect(address);
    outcome("foreign", connect("192.0.2.1:80"));
    outcome("foreign 6", connect("[2001:db8::1]:80"));
    outcome("link-local", connect("169.254.169.254:80"));
    outcome("host loopback", connect(&format!("127.0.0.1:{port}")));
    outcome("host loopback 6", connect(&format!("[::1]:{port}")));
    let datagram = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|s| s.send_to(b"x", "192.0.2.1:53"));
    outcome("datagram", datagram);
    let address = SocketAddr::from_abstract_name(abstract_name);
    outcome("abstract", address.and_then(|address| UnixStream::connect_addr(&address)));
    outcome("session bus", UnixStream::connect("/run/user/1000/bus"));
}

pub(crate) fn processes(host_pid: &str) {
    let kill = |pid: i32, signal: i32| {
        // SAFETY: takes numbers only.
        if unsafe { libc::kill(pid, signal) } < 0 { kernel::errno() } else { 0 }
    };
    println!("host\t{}", kill(host_pid.parse().unwrap_or(i32::MAX), 0));
    // SAFETY: takes numbers only.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, host_pid.parse().unwrap_or(i32::MAX), 0) };
    println!("host pidfd\t{}", if pidfd < 0 { kernel::errno() } else { 0 });
    println!("init\t{}", kill(1, libc::SIGKILL));
    println!("still here\t0");
}

pub(crate) fn owners() {
    let file = "/var/owned";
    outcome("create", fs::write(file, "text"));
    outcome("chown to root", std::os::unix::fs::chown(file, Some(0), None));
    outcome("chgrp to root", std::os::unix::fs::chown(file, None, Some(0)));
    outcome("chown to itself", std::os::unix::fs::chown(file, Some(1000), Some(1000)));
    // SAFETY: take numbers only.
    let tries = unsafe {
        [
            ("setuid 0", libc::syscall(libc::SYS_setuid, 0)),
            ("setgid 0", libc::syscall(libc::SYS_setgid, 0)),
            ("setresuid 1", libc::syscall(libc::SYS_setresuid, 1, 1, 1)),
            ("setuid itself", libc::syscall(libc::SYS_setuid, 1000)),
            ("setgroups", libc::syscall(libc::SYS_setgroups, 1, [0u32].as_ptr())),
        ]
    };
    for (name, result) in tries {
        println!("{name}\t{result}");
    }
    let copied = fs::copy("/hostile", "/var/setuid")
        .and_then(|_| fs::set_permissions("/var/setuid", fs::Permissions::from_mode(0o6755)));
    outcome("make a set-uid file", copied);
    run("/var/setuid");
}

/// Who this is, as a set-uid file sees it.
pub(crate) fn euid() {
    // SAFETY: take nothing, or a number.
    unsafe { println!("set-uid\t{} {} {}", libc::geteuid(), libc::getegid(), libc::getauxval(libc::AT_SECURE)) };
}

pub(crate) fn run(program: &str) {
    let error = Command::new(program).arg("euid").exec();
    println!("set-uid\t{error}");
}

pub(crate) fn write(path: &str, text: &str) {
    outcome("write", fs::write(path, text));
}
