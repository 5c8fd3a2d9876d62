//! What a guest may not do, asked from inside: with all fences, and with each alone.

mod support;

use granary_sandbox::{
    Exit,
    protocol::{WITHOUT_FILTER, WITHOUT_LANDLOCK, WITHOUT_NAMESPACES},
};
use support::{Ground, check, each_user, run, table};

/// System calls that the filter answers.
const FILTERED: &str = "
    mount: ENOSYS\n umount2: ENOSYS\n fsopen: ENOSYS\n fsconfig: ENOSYS\n fsmount: ENOSYS\n open_tree: ENOSYS
    move_mount: ENOSYS\n mount_setattr: ENOSYS\n pivot_root: ENOSYS\n chroot: ENOSYS
    unshare-user: ENOSYS\n unshare-net: ENOSYS\n clone-user: ENOSYS\n clone-pid: ENOSYS\n clone3: ENOSYS\n setns: ENOSYS
    ptrace-me: ENOSYS\n ptrace-1: ENOSYS\n process_vm_readv: ENOSYS\n process_vm_writev: ENOSYS
    keyctl: ENOSYS\n add_key: ENOSYS\n request_key: ENOSYS\n bpf: ENOSYS\n perf_event_open: ENOSYS
    io_uring_setup: ENOSYS\n userfaultfd: ENOSYS\n kexec_load: ENOSYS\n init_module: ENOSYS\n finit_module: ENOSYS
    delete_module: ENOSYS\n name_to_handle_at: ENOSYS\n open_by_handle_at: ENOSYS\n syslog: ENOSYS\n quotactl: ENOSYS
    acct: ENOSYS\n swapon: ENOSYS\n reboot: ENOSYS\n memfd_secret: ENOSYS\n pidfd_getfd: ENOSYS\n kcmp: ENOSYS
    io_setup: ENOSYS\n shmget: ENOSYS\n msgget: ENOSYS\n semget: ENOSYS\n mq_open: ENOSYS\n modify_ldt: ENOSYS
    fanotify_init: ENOSYS\n move_pages: ENOSYS\n mbind: ENOSYS\n sethostname: ENOSYS\n settimeofday: ENOSYS
    clock_settime: ENOSYS\n iopl: ENOSYS\n ioperm: ENOSYS\n seccomp: ENOSYS\n landlock_create_ruleset: ENOSYS
    landlock_restrict_self: ENOSYS\n personality: ENOSYS\n vmsplice: ENOSYS\n statmount: ENOSYS\n no-such-call: ENOSYS
    x32-getpid: ENOSYS\n x32-execve: ENOSYS\n i386-getpid: ENOSYS
    ioctl-tiocsti: ENOTTY\n ioctl-tiocsti-high: ENOTTY\n ioctl-ficlone: EOPNOTSUPP\n prctl-seccomp: EINVAL
    prctl-mm: EINVAL\n mknod-device: EPERM\n getxattr: EOPNOTSUPP
    getpid: works\n sched_yield: works\n prctl-name: works
";

/// What namespaces, ids and missing capabilities alone answer. Where the kernel lets a guest do something to itself
/// (trace its child, ask for memory nobody else sees, read its own table of segments), it works, and shows that the
/// filter is what closes it. Two answers stand where kernels are built with or without a feature.
const NAMESPACED: &str = "
    mount: EPERM\n umount2: EPERM\n fsopen: EPERM\n fsconfig: EBADF | EINVAL\n fsmount: EPERM\n open_tree: EPERM
    move_mount: EPERM\n mount_setattr: EPERM\n pivot_root: EPERM\n chroot: EPERM
    unshare-user: ENOSPC\n unshare-net: EPERM\n clone-user: ENOSPC\n clone-pid: EPERM\n clone3: works\n setns: EBADF
    ptrace-me: works\n ptrace-1: EPERM\n process_vm_readv: EPERM\n process_vm_writev: EPERM
    keyctl: works | ENOKEY | ENOSYS\n add_key: works | ENOSYS\n request_key: ENOKEY | ENOENT | ENOSYS\n bpf: EPERM | EINVAL\n perf_event_open: EACCES | EPERM | EINVAL | ENOENT | ENOSYS
    io_uring_setup: EINVAL | works | EPERM\n userfaultfd: works | ENOSYS\n kexec_load: EPERM | ENOSYS\n init_module: EPERM | ENOSYS
    finit_module: EPERM | ENOSYS\n delete_module: EPERM | ENOSYS\n name_to_handle_at: EOVERFLOW\n open_by_handle_at: EPERM | EBADF | EINVAL
    syslog: EPERM | works\n quotactl: ENODEV | EPERM | ENOSYS | EFAULT | ENOTBLK\n acct: EPERM | ENOSYS\n swapon: EPERM\n reboot: EPERM
    memfd_secret: works | ENOSYS\n pidfd_getfd: EBADF\n kcmp: EPERM | ENOSYS\n io_setup: EINVAL | works\n shmget: works
    msgget: works\n semget: works\n mq_open: works | ENOSYS\n modify_ldt: works | ENOSYS\n fanotify_init: EPERM | works | ENOSYS
    move_pages: works | ENOSYS | ENODEV\n mbind: EINVAL | works | ENOSYS\n sethostname: EPERM\n settimeofday: EPERM
    clock_settime: EPERM\n iopl: EPERM | ENOSYS\n ioperm: EPERM | ENOSYS\n seccomp: works\n landlock_create_ruleset: works
    landlock_restrict_self: EBADF | EBADFD | EPERM\n personality: works\n vmsplice: EBADF\n statmount: EINVAL | EPERM | ENOSYS | ENOENT
    no-such-call: ENOSYS\n x32-getpid: ENOSYS | works\n x32-execve: ENOSYS | EFAULT\n i386-getpid: works | signal 11
    ioctl-tiocsti: ENOTTY\n ioctl-tiocsti-high: ENOTTY\n ioctl-ficlone: EBADF | EXDEV | EOPNOTSUPP | ENOTTY | EINVAL\n prctl-seccomp: signal 9
    prctl-mm: EPERM\n mknod-device: EPERM\n getxattr: ENODATA | EOPNOTSUPP
    getpid: works\n sched_yield: works\n prctl-name: works
    chmod-dev-null: EPERM\n mknod-fifo: works
";

const SOCKETS: &str = "
    unix: works\n unix-seqpacket: works\n inet: works\n inet-cloexec: works\n inet6: works
    inet-raw: EACCES\n inet6-raw: EACCES\n inet-ping: EPROTONOSUPPORT\n inet-sctp: EPROTONOSUPPORT
    inet-mptcp: EPROTONOSUPPORT\n inet-packet: EACCES
    netlink-route: EAFNOSUPPORT\n netlink-route-datagram: EAFNOSUPPORT\n netlink-diag: EAFNOSUPPORT\n netlink-xfrm: EAFNOSUPPORT
    netlink-audit: EAFNOSUPPORT\n netlink-netfilter: EAFNOSUPPORT\n netlink-uevent: EAFNOSUPPORT\n netlink-generic: EAFNOSUPPORT
    interfaces: EAFNOSUPPORT\n interface-down: EAFNOSUPPORT\n ioctl-interface: ENOTTY\n ioctl-interface-down: ENOTTY\n packet: EAFNOSUPPORT\n alg: EAFNOSUPPORT\n vsock: EAFNOSUPPORT\n can: EAFNOSUPPORT
    bluetooth: EAFNOSUPPORT\n key: EAFNOSUPPORT\n tipc: EAFNOSUPPORT\n rds: EAFNOSUPPORT\n xdp: EAFNOSUPPORT
    unspec: EAFNOSUPPORT
";

#[test]
fn calls_with_all_fences() {
    each_user("calls_with_all_fences", || {
        run(async {
            let ground = Ground::new();
            for package in ["package", "plain"] {
                let (output, exit) = ground.output(0, package, &["calls"]).await;
                assert_eq!(exit, Exit::Code(0));
                check(package, &output, &(FILTERED.to_owned() + "chmod-dev-null: EPERM\n mknod-fifo: works\n"));
                let (output, _) = ground.output(0, package, &["sockets"]).await;
                check(package, &output, SOCKETS);
            }
        });
    });
}

#[test]
fn calls_with_the_filter_alone() {
    each_user("calls_with_the_filter_alone", || {
        run(async {
            let ground = Ground::with("granary-launcher-unfenced", 0);
            let (mut launch, log, _api) = ground.launch("package", &["calls"]);
            launch.argv[0] = readable_guest(&ground).into();
            let sandbox = ground.launcher.launch_without(launch, WITHOUT_NAMESPACES | WITHOUT_LANDLOCK).await;
            let sandbox = sandbox.expect("launch");
            let output = support::read_to_end(log).await;
            assert_eq!(sandbox.wait().await, Exit::Code(0));
            // The host's own /dev/null and /tmp are not for this fence to guard.
            let output: Vec<_> =
                output.lines().filter(|l| !l.starts_with("chmod-dev-null") && !l.starts_with("mknod-fifo")).collect();
            check("filter alone", &output.join("\n"), FILTERED);
        });
    });
}

/// Without namespaces the guest is started by its path outside, which its outside id must be able to walk.
fn readable_guest(ground: &Ground) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = ground.path("package/hostile");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(ground.path(""), open.clone()).expect("mode");
    std::fs::set_permissions(&program, open).expect("mode");
    program
}

#[test]
fn calls_with_namespaces_alone() {
    each_user("calls_with_namespaces_alone", || {
        run(async {
            let ground = Ground::with("granary-launcher-unfenced", 0);
            let (output, exit) = ground.output(WITHOUT_FILTER | WITHOUT_LANDLOCK, "package", &["calls"]).await;
            assert_eq!(exit, Exit::Code(0));
            check("namespaces alone", &output, NAMESPACED);
            let (output, _) = ground.output(WITHOUT_FILTER | WITHOUT_LANDLOCK, "package", &["sockets"]).await;
            let sockets = table(&output);
            // On an empty network netlink shows the loopback; all else is for capabilities that the guest lacks.
            for (name, errno) in [
                ("netlink-route", 0),
                ("interface-down", libc::EPERM),
                ("packet", libc::EPERM),
                ("inet-raw", libc::EPERM),
            ] {
                assert_eq!(sockets[name], errno.to_string(), "{name}");
            }
        });
    });
}

#[test]
fn files_with_landlock_alone() {
    // SAFETY: with this flag the call takes no memory.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, 1) };
    if version < 2 {
        eprintln!("skipped: files_with_landlock_alone, because this kernel has no Landlock of version 2");
        return;
    }
    each_user("files_with_landlock_alone", || {
        run(async {
            let ground = Ground::with("granary-launcher-unfenced", 0);
            let program = readable_guest(&ground);
            let (outside, inside) = (ground.path("outside"), ground.var().join("inside"));
            std::fs::create_dir(&outside).expect("folder");
            granary_sandbox::own_var(&outside).expect("own");
            let outside = outside.join("file");
            for (path, without, expected) in [
                (&inside, WITHOUT_NAMESPACES | WITHOUT_FILTER, "write: works"),
                (&outside, WITHOUT_NAMESPACES | WITHOUT_FILTER, "write: EACCES"),
                // The counter-check: nothing but Landlock was in the way.
                (&outside, WITHOUT_NAMESPACES | WITHOUT_FILTER | WITHOUT_LANDLOCK, "write: works"),
            ] {
                let path = path.to_str().expect("path");
                let (mut launch, log, _api) = ground.launch("package", &["write", path, "text"]);
                launch.argv[0] = program.clone().into();
                let sandbox = ground.launcher.launch_without(launch, without).await.expect("launch");
                let output = support::read_to_end(log).await;
                sandbox.wait().await;
                check(path, &output, expected);
            }
        });
    });
}

#[test]
fn the_launcher_that_ships_keeps_all_fences() {
    each_user("the_launcher_that_ships_keeps_all_fences", || {
        run(async {
            let ground = Ground::new();
            for fence in [WITHOUT_FILTER, WITHOUT_NAMESPACES, WITHOUT_LANDLOCK] {
                let (launch, _log, _api) = ground.launch("package", &["state"]);
                let error = ground.launcher.launch_without(launch, fence).await.expect_err("must be refused");
                assert!(
                    matches!(error, granary_sandbox::Error::Refused { errno: libc::EINVAL, .. }),
                    "fence {fence:#x}: {error:?}"
                );
            }
            // And it goes on working.
            let (_, exit) = ground.output(0, "package", &["exit", "3"]).await;
            assert_eq!(exit, Exit::Code(3));
        });
    });
}

#[test]
fn files() {
    each_user("files", || {
        run(async {
            let ground = Ground::new();
            let secret = ground.path("secret");
            std::fs::write(&secret, "secret").expect("secret");
            let secret = secret.to_str().expect("path").to_owned();
            for package in ["package", "plain"] {
                ground.fresh_var();
                let (output, exit) = ground.output(0, package, &["files", &secret, "/etc/passwd", "/work"]).await;
                assert_eq!(exit, Exit::Code(0));
                check(
                    package,
                    &output,
                    &format!(
                        "read {secret}: ENOENT
                        read /etc/passwd: ENOENT\n read /work: ENOENT
                        read /proc: works
                        read /proc/self/root: ENOENT\n read /proc/1: ENOENT\n read /sys: ENOENT
                        read /dev/kmsg: ENOENT\n read /dev/tty: ENOENT\n read /dev/fuse: ENOENT\n read /dev/pts: ENOENT
                        read /dev/mem: ENOENT
                        write /granary: EROFS\n mkdir /granary: EROFS\n write /usr/granary: EROFS\n mkdir /usr/granary: EROFS
                        write /dev/granary: EROFS\n mkdir /dev/granary: EROFS
                        write /proc/granary: EROFS\n mkdir /proc/granary: EROFS
                        overwrite itself: EROFS | ETXTBSY | EACCES\n remove itself: EROFS | EACCES\n chmod itself: EROFS
                        read up: ENOENT\n read through a link: ENOENT"
                    ),
                );
            }
        });
    });
}

#[test]
fn network() {
    each_user("network", || {
        run(async {
            use std::os::linux::net::SocketAddrExt;
            let ground = Ground::new();
            let host = std::net::TcpListener::bind("127.0.0.1:0").expect("host's listener");
            let port = host.local_addr().expect("address").port().to_string();
            let name = format!("granary-test-{}", std::process::id());
            let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("address");
            let _host = std::os::unix::net::UnixListener::bind_addr(&address).expect("host's abstract socket");
            let (output, exit) = ground.output(0, "package", &["network", &port, &name]).await;
            assert_eq!(exit, Exit::Code(0));
            check(
                "network",
                &output,
                "foreign: ENETUNREACH\n foreign 6: ENETUNREACH | EADDRNOTAVAIL\n link-local: ENETUNREACH\n datagram: ENETUNREACH
                host loopback: ECONNREFUSED\n host loopback 6: ECONNREFUSED | EADDRNOTAVAIL
                abstract: ECONNREFUSED\n session bus: ENOENT",
            );
            host.set_nonblocking(true).expect("nonblocking");
            assert!(host.accept().is_err(), "somebody connected to the host's listener");
        });
    });
}

#[test]
fn processes_and_owners() {
    each_user("processes_and_owners", || {
        run(async {
            let ground = Ground::new();
            let own = std::process::id().to_string();
            let (output, exit) = ground.output(0, "package", &["processes", &own]).await;
            assert_eq!(exit, Exit::Code(0));
            // Pid 1 cannot be hurt: the kernel ignores such signals, or Landlock refuses them.
            check(
                "processes",
                &output,
                "host: ESRCH\n host pidfd: ESRCH | EINVAL\n init: works | EPERM\n still here: works",
            );

            let (output, _) = ground.output(0, "package", &["owners"]).await;
            check(
                "owners",
                &output,
                "create: works\n chown to root: EINVAL\n chgrp to root: EINVAL\n chown to itself: works
                setuid 0: -1\n setgid 0: -1\n setresuid 1: -1\n setuid itself: works\n setgroups: -1
                make a set-uid file: works\n set-uid: 1000 1000 0",
            );
            // As seen from outside, everything belongs to the outside id.
            use std::os::unix::fs::MetadataExt;
            let (uid, gid) = granary_sandbox::outside_ids();
            assert_ne!(uid, 0);
            for entry in std::fs::read_dir(ground.var()).expect("var").flatten() {
                let found = entry.metadata().expect("metadata");
                assert_eq!((found.uid(), found.gid()), (uid, gid), "{:?}", entry.path());
            }

            // A set-uid program of root's, put into /var by somebody with the power to do so.
            if nix::unistd::Uid::effective().is_root() {
                use std::os::unix::fs::PermissionsExt;
                let program = ground.var().join("roots");
                std::fs::copy(support::guests().join("granary-hostile"), &program).expect("copy");
                std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o6755)).expect("mode");
                let (output, _) = ground.output(0, "package", &["run", "/var/roots"]).await;
                check("set-uid root", &output, "set-uid: 1000 1000 0");
            }
        });
    });
}
