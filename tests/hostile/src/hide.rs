//! Keeping a file that no folder shows, in ways that are ever harder to see.

use std::{
    fs,
    os::{
        fd::{AsRawFd, IntoRawFd},
        unix::{
            fs::{OpenOptionsExt as _, PermissionsExt as _},
            process::CommandExt as _,
        },
    },
    process::Command,
    sync::mpsc,
};

use crate::kernel;

/// Hides a file of so many bytes, says "ready", and stays.
pub(crate) fn hide(how: &str, bytes: &str) {
    let size: u64 = bytes.parse().unwrap_or(0);
    match how {
        "open" => keep(size),
        "daemon" => {
            // Its parent ends, so that it becomes init's.
            if kernel::fork() == 0 {
                if kernel::fork() == 0 {
                    keep(size);
                } else {
                    std::process::exit(0);
                }
            }
        }
        "unreadable" => {
            unreadable();
            keep(size);
        }
        "without-permission" => {
            let program = "/var/program";
            fs::copy("/hostile", program).expect("copy");
            fs::set_permissions(program, fs::Permissions::from_mode(0o111)).expect("mode");
            panic!("{}", Command::new(program).args(["hide", "open", bytes]).exec());
        }
        "thread" => in_own_table(size),
        "unreadable-thread" => {
            unreadable();
            in_own_table(size);
        }
        "leaderless" => {
            std::thread::spawn(move || {
                // The first thread has ended when only its shell is left: it has no memory any more.
                keep(size);
                kernel::pause();
            });
            // SAFETY: ends this thread alone; nothing on its stack is used by the other.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        "mapped" => {
            let file = nameless(size);
            // SAFETY: a fresh shared mapping of a file that is large enough.
            let memory = unsafe {
                libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
            };
            assert_ne!(memory, libc::MAP_FAILED);
            drop(file);
        }
        "under-way" => under_way(nameless(size)),
        other => panic!("no way of hiding is called {other:?}"),
    }
    kernel::write(1, b"ready\n");
    kernel::pause();
}

fn nameless(size: u64) -> fs::File {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .mode(0o600)
        .open("/var")
        .expect("a file without a name");
    // SAFETY: all arguments are numbers.
    assert_eq!(unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, size as i64) }, 0, "{}", kernel::errno());
    file
}

fn keep(size: u64) {
    let _ = nameless(size).into_raw_fd();
}

fn unreadable() {
    // SAFETY: all arguments are numbers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }, 0);
}

/// In a thread whose descriptors are no others'.
fn in_own_table(size: u64) {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        // SAFETY: closes nothing that is open, and makes this thread's table its own.
        let alone = unsafe { libc::syscall(libc::SYS_close_range, 1000, u32::MAX, libc::CLOSE_RANGE_UNSHARE) };
        assert_eq!(alone, 0);
        keep(size);
        tell.send(()).expect("the first thread waits");
        kernel::pause();
    });
    told.recv().expect("the thread hides it");
}

/// Sends the file to itself, and does not receive it.
fn under_way(file: fs::File) {
    let mut pair = [0; 2];
    let mut byte = *b"!";
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut control = [0u64; 4];
    // SAFETY: all pointers are to live locals, and the control buffer is large and aligned enough for one descriptor.
    unsafe {
        assert_eq!(libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr()), 0);
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        (*head).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(head).cast::<i32>().write_unaligned(file.as_raw_fd());
        assert_eq!(libc::sendmsg(pair[0], &raw const message, 0), 1, "{}", kernel::errno());
    }
    drop(file);
}
