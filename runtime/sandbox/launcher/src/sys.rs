//! System calls, straight to the kernel: the only code here that is unsafe.
//!
//! Nothing of the C library is used between a clone and an exec. Its `errno` and its locks belong to a thread that,
//! in the process that becomes the app, is shared with the sandbox's init (both run on the same memory until exec).

use std::{ffi::CStr, mem::size_of};

/// An errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

/// The result of a call.
pub(crate) type Result<T = usize> = std::result::Result<T, Errno>;

/// A descriptor. Plain on purpose: these processes close everything by ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fd(pub(crate) i32);

/// The current folder, for calls with relative paths.
pub(crate) const CWD: Fd = Fd(libc::AT_FDCWD);

impl Fd {
    fn arg(self) -> usize {
        // Descriptors are ints; the kernel looks at the low 32 bits.
        self.0 as isize as usize
    }
}

/// # Safety
///
/// The arguments must be good for the call: pointers valid for as long and as much as it uses them.
unsafe fn raw(number: libc::c_long, a: [usize; 6]) -> Result {
    let result: isize;
    // SAFETY: the kernel keeps every register but those named; what memory the call touches is the caller's promise.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a[0], in("rsi") a[1], in("rdx") a[2], in("r10") a[3], in("r8") a[4], in("r9") a[5],
            out("rcx") _, out("r11") _,
            options(nostack)
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            "svc 0",
            inlateout("x0") a[0] => result,
            in("x1") a[1], in("x2") a[2], in("x3") a[3], in("x4") a[4], in("x5") a[5], in("x8") number,
            options(nostack)
        );
    }
    if result < 0 { Err(Errno(-result as i32)) } else { Ok(result as usize) }
}

/// A call whose arguments are numbers, which cannot hurt memory.
fn plain<const N: usize>(number: libc::c_long, arguments: [usize; N]) -> Result {
    let mut six = [0; 6];
    six[..N].copy_from_slice(&arguments);
    // SAFETY: only calls below use this, and they pass numbers, or pointers to borrowed values that live through it.
    unsafe { raw(number, six) }
}

fn at(path: &CStr) -> usize {
    path.as_ptr() as usize
}

// --- Processes ---

/// The kernel's clone_args, version 2.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct CloneArgs {
    pub(crate) flags: u64,
    pub(crate) pidfd: u64,
    pub(crate) child_tid: u64,
    pub(crate) parent_tid: u64,
    pub(crate) exit_signal: u64,
    pub(crate) stack: u64,
    pub(crate) stack_size: u64,
    pub(crate) tls: u64,
    pub(crate) set_tid: u64,
    pub(crate) set_tid_size: u64,
    pub(crate) cgroup: u64,
}

/// Which side of a clone this is.
pub(crate) enum Side {
    Child,
    Parent { pid: i32, pidfd: Fd },
}

/// Makes a process with a copy of this one's memory.
pub(crate) fn fork_with(flags: u64, cgroup: Option<Fd>) -> Result<Side> {
    let mut pidfd: i32 = -1;
    let arguments = CloneArgs {
        flags: flags | libc::CLONE_PIDFD as u64,
        pidfd: &raw mut pidfd as u64,
        exit_signal: libc::SIGCHLD as u64,
        cgroup: cgroup.map_or(0, |fd| fd.0 as u64),
        ..CloneArgs::default()
    };
    match plain(libc::SYS_clone3, [&raw const arguments as usize, size_of::<CloneArgs>()])? {
        0 => Ok(Side::Child),
        // The kernel wrote the descriptor behind the compiler's back.
        // SAFETY: the pointer is to a live local.
        pid => Ok(Side::Parent { pid: pid as i32, pidfd: Fd(unsafe { (&raw const pidfd).read_volatile() }) }),
    }
}

/// Makes a process that runs `entry` on this one's memory and descriptors, on a stack of its own. `alive` is set
/// until that process has left the memory, by exec or exit; then it is zero and a futex there is woken.
///
/// # Safety
///
/// Nobody else may use the stack; both sides may share only atomics from here on, and neither may use the C library.
pub(crate) unsafe fn spawn_sharing(
    stack: *mut [u8],
    alive: &'static std::sync::atomic::AtomicU32,
    entry: extern "C" fn() -> !,
) -> Result<i32> {
    alive.store(1, std::sync::atomic::Ordering::SeqCst);
    let arguments = CloneArgs {
        flags: (libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_CHILD_CLEARTID) as u64,
        child_tid: alive.as_ptr() as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.cast::<u8>() as u64,
        stack_size: stack.len() as u64,
        ..CloneArgs::default()
    };
    let result: isize;
    // SAFETY: the child comes out of the call on its own stack, calls `entry`, and never returns here. The kernel
    // keeps the register that holds `entry`.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "call {entry}",
            "ud2",
            "2:",
            entry = in(reg) entry,
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") &raw const arguments, in("rsi") size_of::<CloneArgs>(),
            out("rcx") _, out("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "blr {entry}",
            "brk #1",
            "2:",
            entry = in(reg) entry,
            inlateout("x0") &raw const arguments => result,
            in("x1") size_of::<CloneArgs>(), in("x8") libc::SYS_clone3,
            out("x30") _,
        );
    }
    if result < 0 { Err(Errno(-result as i32)) } else { Ok(result as i32) }
}

pub(crate) fn exit(code: i32) -> ! {
    loop {
        let _ = plain(libc::SYS_exit_group, [code as usize]);
    }
}

/// Becomes another program.
///
/// # Safety
///
/// Both arrays must end with a null pointer, and all others must point to NUL-terminated strings.
pub(crate) unsafe fn execve(program: usize, argv: usize, envp: usize) -> Errno {
    match plain(libc::SYS_execve, [program, argv, envp]) {
        Err(errno) => errno,
        Ok(_) => Errno(libc::EINVAL),
    }
}

/// Waits for any child; gives its pid and wait status.
pub(crate) fn wait() -> Result<(i32, i32)> {
    let mut status: i32 = 0;
    let pid = plain(libc::SYS_wait4, [usize::MAX, &raw mut status as usize, libc::__WALL as usize, 0])?;
    // SAFETY: the pointer is to a live local, which the kernel has written.
    Ok((pid as i32, unsafe { (&raw const status).read_volatile() }))
}

pub(crate) fn own_pidfd() -> Result<Fd> {
    let pid = plain(libc::SYS_getpid, [])?;
    plain(libc::SYS_pidfd_open, [pid, 0]).map(|fd| Fd(fd as i32))
}

pub(crate) fn setsid() -> Result {
    plain(libc::SYS_setsid, [])
}

pub(crate) fn ids() -> (u32, u32) {
    let id = |number| plain(number, []).map_or(u32::MAX, |id| id as u32);
    (id(libc::SYS_geteuid), id(libc::SYS_getegid))
}

/// Becomes another user for good, without groups.
pub(crate) fn become_user(uid: u32, gid: u32) -> Result<()> {
    let (uid, gid) = (uid as usize, gid as usize);
    plain(libc::SYS_setgroups, [0, 0])?;
    plain(libc::SYS_setresgid, [gid, gid, gid])?;
    plain(libc::SYS_setresuid, [uid, uid, uid]).map(drop)
}

pub(crate) fn umask(mask: u32) {
    let _ = plain(libc::SYS_umask, [mask as usize]);
}

pub(crate) fn prctl(option: i32, value: usize) -> Result {
    plain(libc::SYS_prctl, [option as usize, value, 0, 0, 0])
}

/// Drops all capabilities from the permitted, effective and inheritable sets.
pub(crate) fn drop_capabilities() -> Result<()> {
    // _LINUX_CAPABILITY_VERSION_3, this process; three words of each half.
    let header: [u32; 2] = [0x2008_0522, 0];
    let none = [0u32; 6];
    plain(libc::SYS_capset, [header.as_ptr() as usize, none.as_ptr() as usize]).map(drop)
}

/// Drops all capabilities from the bounding set.
pub(crate) fn drop_bounding_set() -> Result<()> {
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            Ok(_) => {}
            // Past the last one.
            Err(Errno(libc::EINVAL)) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

pub(crate) fn set_limit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    plain(libc::SYS_prlimit64, [0, resource as usize, &raw const limit as usize, 0]).map(drop)
}

/// The hard limit.
pub(crate) fn hard_limit(resource: u32) -> Result<u64> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    plain(libc::SYS_prlimit64, [0, resource as usize, 0, &raw mut limit as usize])?;
    // SAFETY: the pointer is to a live local, which the kernel has written.
    Ok(unsafe { (&raw const limit).read_volatile() }.rlim_max)
}

/// Loads a system-call filter.
pub(crate) fn load_filter(program: &'static [libc::sock_filter]) -> Result<()> {
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    let (mode, pointer) = (libc::SECCOMP_SET_MODE_FILTER as usize, &raw const program as usize);
    plain(libc::SYS_seccomp, [mode, 0, pointer]).map(drop)
}

/// Sets every signal to its default action, then ignores SIGCHLD if asked: children are then reaped by the kernel.
pub(crate) fn reset_signals(ignore_children: bool) {
    // struct sigaction of the kernel: handler, flags, restorer, mask.
    for signal in 1..=64usize {
        let ignore = ignore_children && signal == libc::SIGCHLD as usize;
        let action = [if ignore { libc::SIG_IGN } else { libc::SIG_DFL }, 0, 0, 0];
        // Fails for SIGKILL and SIGSTOP only.
        let _ = plain(libc::SYS_rt_sigaction, [signal, action.as_ptr() as usize, 0, 8]);
    }
    let none = 0u64;
    let _ = plain(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, &raw const none as usize, 0, 8]);
}

/// SIGCHLD back to its default.
pub(crate) fn mind_children() {
    let action = [libc::SIG_DFL, 0, 0, 0];
    let _ = plain(libc::SYS_rt_sigaction, [libc::SIGCHLD as usize, action.as_ptr() as usize, 0, 8]);
}

/// Sleeps while the word has that value.
pub(crate) fn futex_wait(word: &std::sync::atomic::AtomicU32, value: u32) {
    let _ = plain(libc::SYS_futex, [word.as_ptr() as usize, libc::FUTEX_WAIT as usize, value as usize, 0]);
}

pub(crate) fn futex_wake(word: &std::sync::atomic::AtomicU32) {
    let _ = plain(libc::SYS_futex, [word.as_ptr() as usize, libc::FUTEX_WAKE as usize, 1, 0]);
}

// --- Descriptors and files ---

pub(crate) fn openat(folder: Fd, path: &CStr, flags: i32, mode: u32) -> Result<Fd> {
    let flags = (flags | libc::O_CLOEXEC) as usize;
    plain(libc::SYS_openat, [folder.arg(), at(path), flags, mode as usize]).map(|fd| Fd(fd as i32))
}

pub(crate) fn mkdirat(folder: Fd, path: &CStr, mode: u32) -> Result<()> {
    plain(libc::SYS_mkdirat, [folder.arg(), at(path), mode as usize]).map(drop)
}

/// Whether a path is there with that file type (S_IFREG, S_IFDIR); links are not followed.
pub(crate) fn is(folder: Fd, path: &CStr, kind: u32) -> bool {
    // SAFETY: all zeros is a valid stat.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    let flags = libc::AT_SYMLINK_NOFOLLOW as usize;
    let found = plain(libc::SYS_newfstatat, [folder.arg(), at(path), &raw mut stat as usize, flags]);
    // SAFETY: the pointer is to a live local, which the kernel has written.
    found.is_ok() && unsafe { (&raw const stat.st_mode).read_volatile() } & libc::S_IFMT == kind
}

/// Opens a file, writes it in one go, closes it.
pub(crate) fn write_file(path: &CStr, contents: &[u8]) -> Result<()> {
    let fd = openat(CWD, path, libc::O_WRONLY, 0)?;
    let written = plain(libc::SYS_write, [fd.arg(), contents.as_ptr() as usize, contents.len()]);
    close(fd);
    written.map(drop)
}

pub(crate) fn close(fd: Fd) {
    let _ = plain(libc::SYS_close, [fd.arg()]);
}

/// Closes all from this one on.
pub(crate) fn close_from(first: i32) -> Result<()> {
    plain(libc::SYS_close_range, [first as usize, u32::MAX as usize, 0]).map(drop)
}

/// Stops sharing the table of descriptors, and closes all from this one on in the own copy.
pub(crate) fn unshare_and_close_from(first: i32) -> Result<()> {
    let flags = libc::CLOSE_RANGE_UNSHARE as usize;
    plain(libc::SYS_close_range, [first as usize, u32::MAX as usize, flags]).map(drop)
}

/// Duplicates to a number; the copy survives an exec.
pub(crate) fn dup_to(from: Fd, to: i32) -> Result<()> {
    plain(libc::SYS_dup3, [from.arg(), to as usize, 0]).map(drop)
}

pub(crate) fn chdir(path: &CStr) -> Result<()> {
    plain(libc::SYS_chdir, [at(path)]).map(drop)
}

pub(crate) fn fchdir(fd: Fd) -> Result<()> {
    plain(libc::SYS_fchdir, [fd.arg()]).map(drop)
}

/// Whether a pidfd's process has ended.
pub(crate) fn has_ended(pidfd: Fd) -> bool {
    let mut poll = libc::pollfd { fd: pidfd.0, events: libc::POLLIN, revents: 0 };
    let now = [0u64; 2];
    let ready = plain(libc::SYS_ppoll, [&raw mut poll as usize, 1, now.as_ptr() as usize, 0, 8]);
    ready != Ok(0)
}

// --- Sockets ---

/// The type of a socket; an error if it is none.
pub(crate) fn socket_type(fd: Fd) -> Result<i32> {
    let (mut kind, mut length) = (0i32, 4u32);
    let (level, option) = (libc::SOL_SOCKET as usize, libc::SO_TYPE as usize);
    let (value, size) = (&raw mut kind as usize, &raw mut length as usize);
    plain(libc::SYS_getsockopt, [fd.arg(), level, option, value, size])?;
    // SAFETY: the pointer is to a live local, which the kernel has written.
    Ok(unsafe { (&raw const kind).read_volatile() })
}

/// How many descriptors a message may bring.
pub(crate) const FDS_MAX: usize = 4;

/// Space for a control message of [`FDS_MAX`] descriptors: the kernel's cmsghdr, and ints.
#[repr(C)]
struct Rights {
    length: usize,
    level: i32,
    kind: i32,
    fds: [i32; FDS_MAX],
}

/// Receives one message, and how many descriptors came with it. A length of 0 is the end of file.
pub(crate) fn receive(socket: Fd, buffer: &mut [u8], fds: &mut [Fd; FDS_MAX]) -> Result<(usize, usize)> {
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut rights = Rights { length: 0, level: 0, kind: 0, fds: [-1; FDS_MAX] };
    // SAFETY: all zeros is a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut rights).cast();
    message.msg_controllen = size_of::<Rights>();
    let flags = libc::MSG_CMSG_CLOEXEC as usize;
    let length = loop {
        match plain(libc::SYS_recvmsg, [socket.arg(), &raw mut message as usize, flags]) {
            Err(Errno(libc::EINTR)) => {}
            other => break other?,
        }
    };
    // SAFETY: the pointers are to live locals, which the kernel has written.
    let (flags, rights) =
        unsafe { ((&raw const message.msg_flags).read_volatile(), (&raw const rights).read_volatile()) };
    if flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return Err(Errno(libc::EMSGSIZE));
    }
    let mut count = 0;
    if rights.level == libc::SOL_SOCKET && rights.kind == libc::SCM_RIGHTS {
        // 16 bytes of head, four for each descriptor.
        count = (rights.length.saturating_sub(16) / 4).min(FDS_MAX);
        for (to, from) in fds.iter_mut().zip(&rights.fds[..count]) {
            *to = Fd(*from);
        }
    }
    Ok((length, count))
}

/// Sends one message, without descriptors.
pub(crate) fn send(socket: Fd, message: &[u8]) -> Result<()> {
    let flags = libc::MSG_NOSIGNAL as usize;
    plain(libc::SYS_sendto, [socket.arg(), message.as_ptr() as usize, message.len(), flags, 0, 0]).map(drop)
}

/// Sends one message with one descriptor.
pub(crate) fn send_fd(socket: Fd, bytes: &[u8], fd: Fd) -> Result<()> {
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut rights = Rights { length: 20, level: libc::SOL_SOCKET, kind: libc::SCM_RIGHTS, fds: [fd.0, 0, 0, 0] };
    // SAFETY: all zeros is a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut rights).cast();
    message.msg_controllen = 24;
    plain(libc::SYS_sendmsg, [socket.arg(), &raw const message as usize, libc::MSG_NOSIGNAL as usize]).map(drop)
}

/// Brings the loopback device of this network namespace up.
pub(crate) fn loopback_up() -> Result<()> {
    let kind = (libc::SOCK_DGRAM | libc::SOCK_CLOEXEC) as usize;
    let socket = Fd(plain(libc::SYS_socket, [libc::AF_INET as usize, kind, 0])? as i32);
    // struct ifreq: a name of 16 bytes, then here the flags.
    let mut request = [0u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16..18].copy_from_slice(&(libc::IFF_UP as u16 | libc::IFF_RUNNING as u16).to_ne_bytes());
    let up = plain(libc::SYS_ioctl, [socket.arg(), libc::SIOCSIFFLAGS as usize, request.as_ptr() as usize]);
    close(socket);
    up.map(drop)
}

pub(crate) fn set_host_name(name: &[u8]) -> Result<()> {
    plain(libc::SYS_sethostname, [name.as_ptr() as usize, name.len()])?;
    plain(libc::SYS_setdomainname, [name.as_ptr() as usize, name.len()]).map(drop)
}

// --- Mounts ---

/// Clones the mount that holds a path, rooted there, attached nowhere.
pub(crate) fn clone_tree(path: &CStr) -> Result<Fd> {
    let flags = libc::O_CLOEXEC | libc::AT_SYMLINK_NOFOLLOW | 1; // OPEN_TREE_CLONE
    plain(libc::SYS_open_tree, [CWD.arg(), at(path), flags as usize]).map(|fd| Fd(fd as i32))
}

/// Adds attributes to a mount, and stops it from passing mounts to and fro.
pub(crate) fn restrict_mount(mount: Fd, attributes: u64) -> Result<()> {
    let attr = [attributes, 0, libc::MS_PRIVATE, 0];
    let (flags, size) = (libc::AT_EMPTY_PATH as usize, 32);
    plain(libc::SYS_mount_setattr, [mount.arg(), at(c""), flags, attr.as_ptr() as usize, size]).map(drop)
}

/// Attaches a mount on a folder or file.
pub(crate) fn attach(mount: Fd, onto: Fd) -> Result<()> {
    let flags = 0x4 | 0x40; // MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
    plain(libc::SYS_move_mount, [mount.arg(), at(c""), onto.arg(), at(c""), flags]).map(drop)
}

/// Makes a tmpfs, attached nowhere.
pub(crate) fn tmpfs(options: &[(&CStr, &CStr)], attributes: u64) -> Result<Fd> {
    let context = Fd(plain(libc::SYS_fsopen, [at(c"tmpfs"), 1])? as i32); // FSOPEN_CLOEXEC
    for (name, value) in options {
        plain(libc::SYS_fsconfig, [context.arg(), 1, at(name), at(value), 0])?; // FSCONFIG_SET_STRING
    }
    plain(libc::SYS_fsconfig, [context.arg(), 6, 0, 0, 0])?; // FSCONFIG_CMD_CREATE
    let mount = plain(libc::SYS_fsmount, [context.arg(), 1, attributes as usize])?; // FSMOUNT_CLOEXEC
    close(context);
    Ok(Fd(mount as i32))
}

/// Makes the current folder the root, and lets go of the old one.
pub(crate) fn pivot_here() -> Result<()> {
    plain(libc::SYS_pivot_root, [at(c"."), at(c".")])?;
    // The old root is now stacked on the new one, and "." names what is on top.
    plain(libc::SYS_umount2, [at(c"."), libc::MNT_DETACH as usize])?;
    chdir(c"/")
}

// --- Landlock ---

/// Landlock's version, or zero.
pub(crate) fn landlock_version() -> u32 {
    plain(libc::SYS_landlock_create_ruleset, [0, 0, 1]).map_or(0, |version| version as u32)
}

/// Makes a rule set: what file access and which scopes are handled. `size` is that of the version's attributes.
pub(crate) fn landlock_ruleset(files: u64, scopes: u64, size: usize) -> Result<Fd> {
    let attr = [files, 0, scopes];
    plain(libc::SYS_landlock_create_ruleset, [attr.as_ptr() as usize, size.min(24), 0]).map(|fd| Fd(fd as i32))
}

/// Allows access beneath a folder.
pub(crate) fn landlock_allow(ruleset: Fd, folder: Fd, access: u64) -> Result<()> {
    #[repr(C, packed)]
    struct Beneath {
        access: u64,
        folder: i32,
    }
    let rule = Beneath { access, folder: folder.0 };
    plain(libc::SYS_landlock_add_rule, [ruleset.arg(), 1, &raw const rule as usize, 0]).map(drop)
}

pub(crate) fn landlock_restrict(ruleset: i32) -> Result<()> {
    plain(libc::SYS_landlock_restrict_self, [ruleset as usize, 0]).map(drop)
}
