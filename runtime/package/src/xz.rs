//! Decompresses xz with several threads, in memory that has a hard bound whatever the file says.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use liblzma_sys as lzma;
use nix::libc;

use crate::Refusal;

/// What a stream begins with.
pub(crate) const STREAM_MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// Largest dictionary a package may ask for.
const DICTIONARY_LIMIT: u64 = 128 << 20;
/// What the decoder needs besides its dictionary (some hundred kilobytes), with room to spare. The next larger
/// dictionary that the format can express is 192 MiB, so this room lets none through.
const BESIDES: u64 = 1 << 20;
/// Everything that liblzma may hold at one time, enforced by the allocator it is given: liblzma's own limits are
/// estimates, and they leave out some small things.
const HARD_LIMIT: usize = ((DICTIONARY_LIMIT + 4 * BESIDES) >> 20 << 20) as usize;
/// More threads than this would only share the same memory in smaller parts.
const THREADS: usize = 8;

/// A decoder for one xz stream after another.
pub(crate) struct Decoder {
    // Boxed, because liblzma keeps the address of the allocator, and the allocator that of the heap.
    stream: Box<lzma::lzma_stream>,
    _allocator: Box<lzma::lzma_allocator>,
    heap: Box<Heap>,
}

/// What one call of [`Decoder::run`] did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Bytes of the input that were used.
    pub(crate) consumed: usize,
    /// Bytes of the output that were filled.
    pub(crate) produced: usize,
    /// Whether the stream is complete; what follows in the input does not belong to it.
    pub(crate) ended: bool,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub(crate) fn new() -> Result<Self, Refusal> {
        let heap = Box::new(Heap { held: AtomicUsize::new(0) });
        let allocator = Box::new(lzma::lzma_allocator {
            alloc: Some(allocate),
            free: Some(release),
            opaque: ptr::from_ref::<Heap>(&heap).cast_mut().cast(),
        });
        // SAFETY: all zero is what LZMA_STREAM_INIT is, liblzma's documented initial value.
        let mut stream: Box<lzma::lzma_stream> = Box::new(unsafe { std::mem::zeroed() });
        stream.allocator = ptr::from_ref(&*allocator);
        let mut decoder = Self { stream, _allocator: allocator, heap };
        decoder.restart()?;
        Ok(decoder)
    }

    /// Begins another stream.
    pub(crate) fn restart(&mut self) -> Result<(), Refusal> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        // SAFETY: lzma_mt is plain data for which all zero is a valid value.
        let mut options: lzma::lzma_mt = unsafe { std::mem::zeroed() };
        options.threads = u32::try_from(threads).unwrap_or(1);
        // Above the first limit liblzma takes fewer threads, in the end one that needs no buffers; above the second it
        // gives up.
        options.memlimit_threading = DICTIONARY_LIMIT;
        options.memlimit_stop = DICTIONARY_LIMIT + BESIDES;
        // SAFETY: the stream was zeroed or initialised before, which are the two states this call accepts, and its
        // allocator lives as long as it does.
        let answer = unsafe { lzma::lzma_stream_decoder_mt(&raw mut *self.stream, &raw const options) };
        self.check(answer).map(drop)
    }

    /// Decodes some of `input` into `output`; `last` says that no more input will come.
    pub(crate) fn run(&mut self, input: &[u8], last: bool, output: &mut [u8]) -> Result<Step, Refusal> {
        self.stream.next_in = input.as_ptr();
        self.stream.avail_in = input.len();
        self.stream.next_out = output.as_mut_ptr();
        self.stream.avail_out = output.len();
        let action = if last { lzma::LZMA_FINISH } else { lzma::LZMA_RUN };
        // SAFETY: the stream is initialised, and both buffers are borrowed for the length of the call with the sizes
        // that were given; the worker threads never touch them.
        let answer = unsafe { lzma::lzma_code(&raw mut *self.stream, action) };
        let (consumed, produced) = (input.len() - self.stream.avail_in, output.len() - self.stream.avail_out);
        self.stream.next_in = ptr::null();
        self.stream.next_out = ptr::null_mut();
        let ended = match answer {
            // It could neither read nor write: more input is needed, and there is none.
            lzma::LZMA_BUF_ERROR if last => return Err(Refusal::Truncated),
            lzma::LZMA_BUF_ERROR => false,
            other => self.check(other)?,
        };
        Ok(Step { consumed, produced, ended })
    }

    /// Whether the stream ended.
    fn check(&self, answer: lzma::lzma_ret) -> Result<bool, Refusal> {
        match answer {
            lzma::LZMA_OK | lzma::LZMA_NO_CHECK | lzma::LZMA_UNSUPPORTED_CHECK | lzma::LZMA_GET_CHECK => Ok(false),
            lzma::LZMA_STREAM_END => Ok(true),
            lzma::LZMA_MEMLIMIT_ERROR => Err(Refusal::Dictionary),
            lzma::LZMA_MEM_ERROR => Err(Refusal::Memory),
            lzma::LZMA_OPTIONS_ERROR => Err(Refusal::Compression),
            _ => Err(Refusal::Damaged),
        }
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.heap.held.load(Ordering::Relaxed)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the stream is initialised and is not used afterwards. This also ends and joins the worker threads,
        // so nobody uses the heap any more when it is dropped.
        unsafe { lzma::lzma_end(&raw mut *self.stream) };
        debug_assert_eq!(self.heap.held.load(Ordering::Relaxed), 0, "liblzma gives back all it took");
    }
}

/// What liblzma holds. Large pieces come straight from the kernel and go straight back: the C library would keep freed
/// ones for later, and then a block of one kind after blocks of another would take both kinds' memory at once.
struct Heap {
    held: AtomicUsize,
}

/// In front of each piece stands its size; as much as the strictest alignment that liblzma asks for.
const HEADER: usize = 64;
/// From this size on a piece is mapped.
const LARGE: usize = 128 << 10;

extern "C" fn allocate(opaque: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let Some(total) = count.checked_mul(size).and_then(|bytes| bytes.checked_add(HEADER)) else {
        return ptr::null_mut();
    };
    // SAFETY: `opaque` is the heap that `Decoder::new` gave, which outlives the stream.
    let heap = unsafe { &*opaque.cast::<Heap>() };
    if heap.held.fetch_add(total, Ordering::Relaxed) + total > HARD_LIMIT {
        heap.held.fetch_sub(total, Ordering::Relaxed);
        return ptr::null_mut();
    }
    let start = if total >= LARGE { map(total) } else { small(total) };
    if start.is_null() {
        heap.held.fetch_sub(total, Ordering::Relaxed);
        return ptr::null_mut();
    }
    // SAFETY: the piece has at least HEADER bytes, and is aligned for a usize.
    unsafe {
        start.cast::<usize>().write(total);
        start.add(HEADER).cast()
    }
}

extern "C" fn release(opaque: *mut c_void, piece: *mut c_void) {
    if piece.is_null() {
        return;
    }
    // SAFETY: `piece` is what `allocate` returned, so HEADER bytes before it begins the piece with its size.
    let (start, total) = unsafe {
        let start = piece.cast::<u8>().sub(HEADER);
        (start, start.cast::<usize>().read())
    };
    if total >= LARGE {
        // SAFETY: the piece was mapped with exactly this size, and nobody uses it any more.
        unsafe { libc::munmap(start.cast(), total) };
    } else {
        // SAFETY: the piece came from `posix_memalign`, and nobody uses it any more.
        unsafe { libc::free(start.cast()) };
    }
    // SAFETY: as in `allocate`.
    let heap = unsafe { &*opaque.cast::<Heap>() };
    heap.held.fetch_sub(total, Ordering::Relaxed);
}

fn map(total: usize) -> *mut u8 {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches nothing that exists.
    let start = unsafe { libc::mmap(ptr::null_mut(), total, access, kind, -1, 0) };
    if start == libc::MAP_FAILED { ptr::null_mut() } else { start.cast() }
}

fn small(total: usize) -> *mut u8 {
    let mut start = ptr::null_mut();
    // SAFETY: `start` is a place for the result, and HEADER is a power of two.
    let answer = unsafe { libc::posix_memalign(&raw mut start, HEADER, total) };
    if answer == 0 { start.cast() } else { ptr::null_mut() }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, HARD_LIMIT};

    #[test]
    fn memory_is_accounted_and_given_back() {
        let mut decoder = Decoder::new().expect("a decoder");
        assert!((1..HARD_LIMIT).contains(&decoder.held()));
        let mut output = [0; 16];
        decoder.run(&super::STREAM_MAGIC, false, &mut output).expect("the magic is read");
        decoder.restart().expect("another stream");
        // Dropping asserts that nothing is left.
    }
}
