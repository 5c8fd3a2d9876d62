//! For benchmarks: the smallest program, which writes one byte with its first instructions and ends.
//!
//! No C library starts it: glibc's own start-up asks the processor for its features, which costs hundreds of microseconds on a virtual
//! machine (each question leaves it), so that it would hide the very start that is measured.

#![no_main]

use std::arch::asm;

/// Where the kernel begins.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    // SAFETY: write(1, "!", 1) and exit_group(0) touch no memory but the one byte.
    unsafe {
        asm!("syscall", inlateout("rax") 1_u64 => _, in("rdi") 1, in("rsi") b"!".as_ptr(), in("rdx") 1, out("rcx") _, out("r11") _);
        asm!("syscall", in("rax") 231, in("rdi") 0, options(noreturn));
    }
}
