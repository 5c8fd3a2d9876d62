//! System calls that no app needs, each in a child of its own, with arguments that would work or at least do no harm.

use crate::kernel;

pub(crate) fn calls() {
    let zeros = [0u64; 64];
    let zeros = zeros.as_ptr() as i64;
    let mut word = 0u64;
    let words = [libc::iovec { iov_base: (&raw mut word).cast(), iov_len: 8 }];
    let words = words.as_ptr() as i64;
    let slash = c"/".as_ptr() as i64;
    let tmpfs = c"tmpfs".as_ptr() as i64;
    let user = c"user".as_ptr() as i64;
    let user_namespace = libc::CLONE_NEWUSER as i64;
    let child = libc::SIGCHLD as i64;
    #[rustfmt::skip]
    let attempts: &[(&str, i64, &[i64])] = &[
        ("mount", libc::SYS_mount, &[tmpfs, slash, tmpfs, 0, 0]),
        ("umount2", libc::SYS_umount2, &[slash, libc::MNT_DETACH as i64]),
        ("fsopen", libc::SYS_fsopen, &[tmpfs, 0]),
        ("fsconfig", libc::SYS_fsconfig, &[-1, 6, 0, 0, 0]),
        ("fsmount", libc::SYS_fsmount, &[-1, 0, 0]),
        ("open_tree", libc::SYS_open_tree, &[libc::AT_FDCWD as i64, slash, 1]),
        ("move_mount", libc::SYS_move_mount, &[-1, slash, -1, slash, 0]),
        ("mount_setattr", libc::SYS_mount_setattr, &[libc::AT_FDCWD as i64, slash, 0, zeros, 32]),
        ("pivot_root", libc::SYS_pivot_root, &[slash, slash]),
        ("chroot", libc::SYS_chroot, &[slash]),
        ("unshare-user", libc::SYS_unshare, &[user_namespace]),
        ("unshare-net", libc::SYS_unshare, &[libc::CLONE_NEWNET as i64]),
        ("clone-user", libc::SYS_clone, &[user_namespace | child, 0, 0, 0, 0]),
        ("clone-pid", libc::SYS_clone, &[libc::CLONE_NEWPID as i64 | child, 0, 0, 0, 0]),
        ("clone3", libc::SYS_clone3, &[zeros, 64]),
        ("setns", libc::SYS_setns, &[-1, 0]),
        ("ptrace-me", libc::SYS_ptrace, &[libc::PTRACE_TRACEME as i64, 0, 0, 0]),
        ("ptrace-1", libc::SYS_ptrace, &[libc::PTRACE_ATTACH as i64, 1, 0, 0]),
        ("process_vm_readv", libc::SYS_process_vm_readv, &[1, words, 1, words, 1, 0]),
        ("process_vm_writev", libc::SYS_process_vm_writev, &[1, words, 1, words, 1, 0]),
        ("keyctl", libc::SYS_keyctl, &[0, -1, 0]),
        ("add_key", libc::SYS_add_key, &[user, user, zeros, 1, -2]),
        ("request_key", libc::SYS_request_key, &[user, user, 0, 0]),
        ("bpf", libc::SYS_bpf, &[0, zeros, 128]),
        ("perf_event_open", libc::SYS_perf_event_open, &[zeros, 0, -1, -1, 0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, &[1, zeros]),
        ("userfaultfd", libc::SYS_userfaultfd, &[1]),
        ("kexec_load", libc::SYS_kexec_load, &[0, 0, 0, 0]),
        ("init_module", libc::SYS_init_module, &[zeros, 1, zeros]),
        ("finit_module", libc::SYS_finit_module, &[-1, zeros, 0]),
        ("delete_module", libc::SYS_delete_module, &[user, 0]),
        ("name_to_handle_at", libc::SYS_name_to_handle_at, &[libc::AT_FDCWD as i64, slash, zeros, zeros, 0]),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, &[-1, zeros, 0]),
        ("syslog", libc::SYS_syslog, &[3, zeros, 64]),
        ("quotactl", libc::SYS_quotactl, &[0, 0, 0, 0]),
        ("acct", libc::SYS_acct, &[slash]),
        ("swapon", libc::SYS_swapon, &[slash, 0]),
        ("reboot", libc::SYS_reboot, &[0, 0, 0, 0]),
        ("memfd_secret", libc::SYS_memfd_secret, &[0]),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, &[-1, 0, 0]),
        ("kcmp", libc::SYS_kcmp, &[1, 1, 0, 0, 0]),
        ("io_setup", libc::SYS_io_setup, &[1, zeros]),
        ("shmget", libc::SYS_shmget, &[0, 4096, 0o1600]),
        ("msgget", libc::SYS_msgget, &[0, 0o1600]),
        ("semget", libc::SYS_semget, &[0, 1, 0o1600]),
        ("mq_open", libc::SYS_mq_open, &[user, 0o102, 0o600, 0]),
        ("modify_ldt", libc::SYS_modify_ldt, &[0, zeros, 64]),
        ("fanotify_init", libc::SYS_fanotify_init, &[0, 0]),
        ("move_pages", libc::SYS_move_pages, &[0, 0, 0, 0, 0, 0]),
        ("mbind", libc::SYS_mbind, &[0, 0, 0, 0, 0, 0]),
        ("sethostname", libc::SYS_sethostname, &[user, 4]),
        ("settimeofday", libc::SYS_settimeofday, &[zeros, 0]),
        ("clock_settime", libc::SYS_clock_settime, &[0, zeros]),
        ("iopl", libc::SYS_iopl, &[3]),
        ("ioperm", libc::SYS_ioperm, &[0x70, 1, 1]),
        ("seccomp", libc::SYS_seccomp, &[2, 0, zeros]),
        ("landlock_create_ruleset", libc::SYS_landlock_create_ruleset, &[0, 0, 1]),
        ("landlock_restrict_self", libc::SYS_landlock_restrict_self, &[5, 0]),
        ("personality", libc::SYS_personality, &[0xffff_ffff]),
        ("vmsplice", libc::SYS_vmsplice, &[-1, zeros, 0, 0]),
        ("statmount", 457, &[zeros, zeros, 64, 0]),
        ("no-such-call", 599, &[]),
        ("x32-getpid", 0x4000_0000 | libc::SYS_getpid, &[]),
        ("x32-execve", 0x4000_0000 | 520, &[0, 0, 0]),

        ("ioctl-tiocsti", libc::SYS_ioctl, &[0, libc::TIOCSTI as i64, zeros]),
        ("ioctl-tiocsti-high", libc::SYS_ioctl, &[0, libc::TIOCSTI as i64 | 1 << 32, zeros]),
        ("ioctl-ficlone", libc::SYS_ioctl, &[0, 0x4004_9409, 0]),
        ("prctl-seccomp", libc::SYS_prctl, &[libc::PR_SET_SECCOMP as i64, 1, 0, 0, 0]),
        ("prctl-mm", libc::SYS_prctl, &[libc::PR_SET_MM as i64, 0, 0, 0, 0]),
        ("mknod-device", libc::SYS_mknod, &[c"/tmp/device".as_ptr() as i64, 0o020_666, 0x0103]),
        ("getxattr", libc::SYS_getxattr, &[slash, user, zeros, 64]),
        ("chmod-dev-null", libc::SYS_chmod, &[c"/dev/null".as_ptr() as i64, 0o777]),

        // And some that must work, so that refusals are not for want of a working program.
        ("getpid", libc::SYS_getpid, &[]),
        ("sched_yield", libc::SYS_sched_yield, &[]),
        ("prctl-name", libc::SYS_prctl, &[libc::PR_SET_NAME as i64, user, 0, 0, 0]),
        ("mknod-fifo", libc::SYS_mknod, &[c"/tmp/fifo".as_ptr() as i64, 0o010_600, 0]),
    ];
    for (name, number, arguments) in attempts {
        let answer = kernel::in_child(|| call(*number, arguments));
        println!("{name}\t{answer}");
    }
    println!("i386-getpid\t{}", kernel::in_child(i386_getpid));
}

/// The errno of a call, or zero.
fn call(number: i64, arguments: &[i64]) -> i32 {
    let mut six = [0; 6];
    six[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f] = six;
    // SAFETY: pointers among the arguments are to zeros or strings that live on; and this process is made for it.
    match unsafe { libc::syscall(number, a, b, c, d, e, f) } {
        -1 => kernel::errno(),
        // A clone's own child, which must not go on.
        0 if number == libc::SYS_clone => std::process::exit(0),
        _ => 0,
    }
}

/// Asks for the pid by the door of 32-bit programs.
#[cfg(target_arch = "x86_64")]
fn i386_getpid() -> i32 {
    let answer: i32;
    // SAFETY: getpid takes nothing; the kernel may clobber r8 to r11 on this way.
    unsafe {
        core::arch::asm!(
            "int 0x80", inlateout("eax") 20 => answer,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _, options(nostack)
        );
    }
    if answer < 0 { -answer } else { 0 }
}

#[cfg(not(target_arch = "x86_64"))]
fn i386_getpid() -> i32 {
    libc::ENOSYS
}

pub(crate) fn sockets() {
    let (stream, datagram) = (libc::SOCK_STREAM, libc::SOCK_DGRAM);
    let attempts = [
        ("unix", libc::AF_UNIX, stream, 0),
        ("unix-seqpacket", libc::AF_UNIX, libc::SOCK_SEQPACKET, 0),
        ("inet", libc::AF_INET, stream, 0),
        ("inet-cloexec", libc::AF_INET, stream | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, libc::IPPROTO_TCP),
        ("inet6", libc::AF_INET6, datagram, 0),
        ("inet-raw", libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        ("inet6-raw", libc::AF_INET6, libc::SOCK_RAW, 58),
        ("inet-ping", libc::AF_INET, datagram, libc::IPPROTO_ICMP),
        ("inet-sctp", libc::AF_INET, stream, libc::IPPROTO_SCTP),
        ("inet-mptcp", libc::AF_INET, stream, libc::IPPROTO_MPTCP),
        ("inet-packet", libc::AF_INET, 10, 3),
        ("netlink-route", libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE),
        ("netlink-route-datagram", libc::AF_NETLINK, datagram, libc::NETLINK_ROUTE),
        ("netlink-diag", libc::AF_NETLINK, datagram, libc::NETLINK_SOCK_DIAG),
        ("netlink-xfrm", libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_XFRM),
        ("netlink-audit", libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT),
        ("netlink-netfilter", libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER),
        ("netlink-uevent", libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_KOBJECT_UEVENT),
        ("netlink-generic", libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_GENERIC),
        ("packet", libc::AF_PACKET, libc::SOCK_RAW, 3),
        ("alg", libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        ("vsock", libc::AF_VSOCK, stream, 0),
        ("can", libc::AF_CAN, libc::SOCK_RAW, 1),
        ("bluetooth", libc::AF_BLUETOOTH, libc::SOCK_RAW, 1),
        ("key", libc::AF_KEY, libc::SOCK_RAW, 2),
        ("tipc", libc::AF_TIPC, stream, 0),
        ("rds", libc::AF_RDS, libc::SOCK_SEQPACKET, 0),
        ("xdp", libc::AF_XDP, libc::SOCK_RAW, 0),
        ("unspec", libc::AF_UNSPEC, stream, 0),
    ];
    for (name, family, kind, protocol) in attempts {
        // SAFETY: takes numbers only.
        let errno = if unsafe { libc::socket(family, kind, protocol) } < 0 { kernel::errno() } else { 0 };
        println!("{name}\t{errno}");
    }
    println!("interfaces\t{}", interfaces());
    println!("interface-down\t{}", take_loopback_down());
    println!("ioctl-interface\t{}", loopback_ioctl(libc::SIOCGIFFLAGS));
    println!("ioctl-interface-down\t{}", loopback_ioctl(libc::SIOCSIFFLAGS));
}

/// Lists the network interfaces as language runtimes do: an error number, 0 when there is the loopback and nothing else.
fn interfaces() -> i32 {
    let mut first = std::ptr::null_mut();
    // SAFETY: `first` takes the list.
    if unsafe { libc::getifaddrs(&raw mut first) } < 0 {
        return kernel::errno();
    }
    let (mut at, mut loopback, mut others) = (first, 0, 0);
    while !at.is_null() {
        // SAFETY: the list's members and their names live until it is freed.
        let name = unsafe { std::ffi::CStr::from_ptr((*at).ifa_name) };
        *(if name == c"lo" { &mut loopback } else { &mut others }) += 1;
        // SAFETY: as above.
        at = unsafe { (*at).ifa_next };
    }
    // SAFETY: made above and not used again.
    unsafe { libc::freeifaddrs(first) };
    if loopback > 0 && others == 0 { 0 } else { libc::ENODEV }
}

/// Asks for the loopback interface's flags, or that it have none, as the command says.
fn loopback_ioctl(command: libc::Ioctl) -> i32 {
    let mut request = [0u8; 40];
    request[..2].copy_from_slice(b"lo");
    // SAFETY: the request is as large as the kernel's structure.
    let answer = unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        libc::ioctl(socket, command, request.as_mut_ptr())
    };
    if answer < 0 { kernel::errno() } else { 0 }
}

/// Asks the kernel over netlink to take the loopback interface down: the error number it answers.
fn take_loopback_down() -> i32 {
    const ASK: u16 = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    // A header (length, kind, flags, sequence, sender) and what it speaks of (family, kind, index, flags, change).
    let mut message = Vec::new();
    message.extend(32u32.to_ne_bytes());
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend(ASK.to_ne_bytes());
    for word in [1u32, 0, 0, 1, 0, libc::IFF_UP as u32] {
        message.extend(word.to_ne_bytes());
    }
    let mut answer = [0u8; 256];
    // SAFETY: both buffers are as long as told.
    let length = unsafe {
        let socket = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
        if socket < 0 || libc::send(socket, message.as_ptr().cast(), message.len(), 0) < 0 {
            return kernel::errno();
        }
        libc::recv(socket, answer.as_mut_ptr().cast(), answer.len(), 0)
    };
    match length {
        // The answer's error, negative, stands after its header.
        20.. => -i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]),
        _ => kernel::errno(),
    }
}
