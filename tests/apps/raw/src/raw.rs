//! Bytes on fd 3 that no library would send.

use std::io::{Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;

use capnp::message::{Builder, HeapAllocator};
use capnp_rpc::rpc_capnp::message;

/// The number of the API socket.
pub(crate) const API: i32 = 3;

/// fd 3, in blocking mode for as long as the value is used.
fn socket() -> ManuallyDrop<UnixStream> {
    // SAFETY: fd 3 stays open; ManuallyDrop keeps this second owner from closing it.
    ManuallyDrop::new(unsafe { UnixStream::from_raw_fd(API) })
}

fn write(bytes: &[u8]) {
    let socket = socket();
    let _ = socket.set_nonblocking(false);
    let _ = (&*socket).write_all(bytes);
    let _ = socket.set_nonblocking(true);
}

/// Closes both ends of fd 3, also for whoever else holds it.
pub(crate) fn close() {
    let _ = socket().shutdown(std::net::Shutdown::Both);
}

fn rpc(build: impl FnOnce(message::Builder<'_>)) -> Vec<u8> {
    let mut builder = Builder::new(HeapAllocator::new());
    build(builder.init_root());
    capnp::serialize::write_message_to_words(&builder)
}

fn header(segments: &[u32]) -> Vec<u8> {
    let count = u32::try_from(segments.len()).expect("few segments");
    let mut bytes = (count - 1).to_le_bytes().to_vec();
    segments.iter().for_each(|size| bytes.extend(size.to_le_bytes()));
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// Writes `count` bootstrap messages with ids of their own and fetches no answer's end.
pub(crate) fn bootstraps(count: u32) {
    for id in 0..count {
        write(&rpc(|message| message.init_bootstrap().set_question_id(1_000_000 + id)));
    }
}

/// Writes bytes of the given kind; the list is in the program's description.
pub(crate) fn send(kind: &str) {
    match kind {
        "random" => {
            let mut bytes = vec![0; 64 << 10];
            if let Ok(mut source) = std::fs::File::open("/dev/urandom") {
                let _ = source.read_exact(&mut bytes);
            }
            write(&bytes);
        }
        "segments" => write(&[0xff; 64]),
        "huge" => write(&header(&[(1 << 30) / 8])),
        "claim" => write(&[header(&[(60 << 20) / 8]), vec![0; 8]].concat()),
        "partial" => write(&[0, 0]),
        "truncated" => {
            let bytes = rpc(|message| message.init_bootstrap().set_question_id(7_000_000));
            write(&bytes[..bytes.len() / 2]);
            close();
        }
        "zero" => write(&vec![0; 1 << 20]),
        "deep" => {
            // Each word points to the next one: a chain of one-pointer structs.
            let depth = 100_000_u32;
            let mut bytes = header(&[depth]);
            (0..depth).for_each(|_| bytes.extend(0x0001_0000_0000_0000_u64.to_le_bytes()));
            write(&bytes);
        }
        "self-resolve" => {
            // A call whose parameter is a promise of ours, and the news that the promise is itself.
            let call = rpc(|message| {
                let mut call = message.init_call();
                call.set_question_id(8_000_001);
                call.set_interface_id(0xd265_4fcf_2a70_02cb);
                call.set_method_id(8);
                let mut answer = call.reborrow().init_target().init_promised_answer();
                answer.set_question_id(8_000_000);
                let mut params = call.init_params();
                params.reborrow().init_cap_table(1).get(0).set_sender_promise(77);
            });
            let bootstrap = rpc(|message| message.init_bootstrap().set_question_id(8_000_000));
            let resolve = rpc(|message| {
                let mut resolve = message.init_resolve();
                resolve.set_promise_id(77);
                resolve.init_cap().set_sender_promise(77);
            });
            write(&[bootstrap, call, resolve].concat());
        }
        "bad-return" => write(&rpc(|message| {
            let mut answer = message.init_return();
            answer.set_answer_id(9_000_000);
            answer.init_results();
        })),
        "bad-target" => write(&rpc(|message| {
            let mut call = message.init_call();
            call.set_question_id(9_000_001);
            call.init_target().set_imported_cap(123_456);
        })),
        "caps" => write(&rpc(|message| {
            let mut call = message.init_call();
            call.set_question_id(9_000_002);
            call.reborrow().init_target().set_imported_cap(0);
            let mut table = call.init_params().init_cap_table(100_000);
            (0..100_000).for_each(|index| table.reborrow().get(index).set_sender_hosted(index));
        })),
        "junk-type" => {
            let mut bytes = rpc(|message| message.init_bootstrap().set_question_id(9_000_003));
            // The union's tag is the first two bytes of the root struct's data.
            bytes[16..18].copy_from_slice(&999_u16.to_le_bytes());
            write(&bytes);
        }
        other => eprintln!("raw app: unknown kind of bytes {other}"),
    }
}
