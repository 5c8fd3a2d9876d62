//! Taking more than one's share.

use std::{
    fs,
    io::{self, Write as _},
};

use crate::kernel;

/// Fills a folder until the kernel says no; prints what it said and how many bytes went in, then how many empty files.
pub(crate) fn fill(folder: &str) {
    let block = vec![0x5a; 64 * 1024];
    let mut total = 0;
    let mut error = None;
    if let Ok(mut file) = fs::File::create(format!("{folder}/big")) {
        while error.is_none() {
            match file.write(&block) {
                Ok(n) => total += n,
                Err(e) => error = e.raw_os_error(),
            }
        }
    }
    println!("bytes\t{} {total}", error.unwrap_or(-1));
    let _ = fs::remove_file(format!("{folder}/big"));
    let full = (0..).find_map(|n| fs::File::create(format!("{folder}/{n}")).err().map(|e| (n, e)));
    let (files, error) = full.unwrap_or((0, io::Error::other("never")));
    println!("files\t{} {files}", error.raw_os_error().unwrap_or(-1));
}

/// Writes on and on; somebody else has to stop it.
pub(crate) fn fill_forever(folder: &str) {
    let block = vec![0x5a; 256 * 1024];
    for n in 0.. {
        let Ok(mut file) = fs::File::create(format!("{folder}/{n}")) else { break };
        for _ in 0..16 {
            if file.write_all(&block).is_err() {
                kernel::pause();
            }
        }
    }
    kernel::pause();
}

pub(crate) fn descriptors() {
    // SAFETY: plain structs, a live local, and descriptors that nobody else has.
    unsafe {
        let limit = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
        println!("raise to hard\t{}", libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit));
        let higher = libc::rlimit { rlim_cur: 8192, rlim_max: 8192 };
        println!("raise further\t{}", libc::setrlimit(libc::RLIMIT_NOFILE, &raw const higher));
        let opened = (0..10_000).take_while(|_| libc::dup(0) >= 0).count();
        println!("opened\t{} {opened}", kernel::errno());
    }
}

/// Touches memory until that ends; private memory, or shared memory, which RLIMIT_DATA does not hold.
pub(crate) fn memory(kind: &str) {
    let sharing = if kind == "shared" { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    let size = 16 << 20;
    for chunk in 1u64.. {
        // SAFETY: a fresh mapping of the size that is then written.
        unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let memory = libc::mmap(std::ptr::null_mut(), size, protection, sharing | libc::MAP_ANONYMOUS, -1, 0);
            if memory == libc::MAP_FAILED {
                println!("memory\t{} {}", kernel::errno(), (chunk - 1) * size as u64);
                return;
            }
            memory.cast::<u8>().write_bytes(0x5a, size);
        }
    }
}

/// Forks children that stay, until it cannot; prints how many, and goes.
pub(crate) fn forks() {
    let mut count = 0;
    loop {
        match kernel::fork() {
            0 => kernel::pause(),
            -1 => break,
            _ => count += 1,
        }
    }
    println!("forks\t{} {count}", kernel::errno());
}

pub(crate) fn fork_bomb() {
    kernel::write(1, b"bomb\n");
    loop {
        kernel::fork();
    }
}

pub(crate) fn log_flood() {
    let line = [b'x'; 4096];
    while kernel::write(1, &line) {}
}
