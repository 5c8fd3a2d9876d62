//! The transport against a real peer and against raw bytes.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::rc::Rc;
use std::time::Duration;

use capnp::message::{Builder, HeapAllocator};
use capnp::{Error, ErrorKind};
use capnp_rpc::rpc_capnp::message;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, new_client, twoparty};
use granary_wire::util_capnp::blob;
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};

use super::{ApiLimits, Closed, Control, Network, Pool};

/// A server whose answers wait for permits.
struct Gate {
    permits: Rc<Semaphore>,
    seen: Rc<Cell<usize>>,
}

impl blob::Server for Gate {
    async fn get_size(self: Rc<Self>, _: blob::GetSizeParams, mut results: blob::GetSizeResults) -> Result<(), Error> {
        self.seen.set(self.seen.get() + 1);
        self.permits.acquire().await.map_err(|error| Error::failed(error.to_string()))?.forget();
        results.get().set_size(7);
        Ok(())
    }

    async fn get_slice(
        self: Rc<Self>,
        params: blob::GetSliceParams,
        mut results: blob::GetSliceResults,
    ) -> Result<(), Error> {
        let size = params.get()?.get_size();
        results.get().init_data(size);
        Ok(())
    }
}

struct Ours {
    control: Control,
    permits: Rc<Semaphore>,
    seen: Rc<Cell<usize>>,
    peer: blob::Client,
}

fn ours(stream: StdStream, limits: ApiLimits, pool: Pool) -> Ours {
    let (network, control) = Network::new(stream, limits, pool).unwrap();
    let (permits, seen) = (Rc::new(Semaphore::new(0)), Rc::new(Cell::new(0)));
    let client: blob::Client = new_client(Gate { permits: permits.clone(), seen: seen.clone() });
    let mut rpc = RpcSystem::new(Box::new(network), Some(client.client));
    let peer = rpc.bootstrap(Side::Client);
    spawn_local(rpc);
    Ours { control, permits, seen, peer }
}

/// A well-behaved peer with the library's own transport.
fn peer(stream: StdStream) -> blob::Client {
    stream.set_nonblocking(true).unwrap();
    let (read, write) = tokio::net::UnixStream::from_std(stream).unwrap().into_split();
    let network = twoparty::VatNetwork::new(
        tokio_util::compat::TokioAsyncReadCompatExt::compat(read),
        tokio_util::compat::TokioAsyncWriteCompatExt::compat_write(write),
        Side::Client,
        *capnp::message::ReaderOptions::new().traversal_limit_in_words(None),
    );
    let gate: blob::Client = new_client(Gate { permits: Rc::new(Semaphore::new(0)), seen: Rc::default() });
    let mut rpc = RpcSystem::new(Box::new(network), Some(gate.client));
    let client = rpc.bootstrap(Side::Server);
    spawn_local(rpc);
    client
}

fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(30), test()).await.expect("the test is done within half a minute");
    });
}

/// Lets everything run until `done`; the runner's timeout is the bound.
async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Lets everything run until nothing moves any more.
async fn settle(mut state: impl FnMut() -> usize) -> usize {
    let (mut last, mut same) = (state(), 0);
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let now = state();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

fn default_pool() -> Pool {
    Pool::new(256 << 20)
}

fn size(client: &blob::Client) -> impl Future<Output = Result<u64, Error>> + use<> {
    let answer = client.get_size_request().send().promise;
    async move { Ok(answer.await?.get()?.get_size()) }
}

fn rpc(build: impl FnOnce(message::Builder<'_>)) -> Vec<u8> {
    let mut builder = Builder::new(HeapAllocator::new());
    build(builder.init_root());
    capnp::serialize::write_message_to_words(&builder)
}

#[test]
fn calls_pass_both_ways() {
    run(|| async {
        let (a, b) = StdStream::pair().unwrap();
        let ours = ours(a, ApiLimits::default(), default_pool());
        let theirs = peer(b);
        ours.permits.add_permits(1);
        assert_eq!(size(&theirs).await.unwrap(), 7);
        assert!(ours.control.take_used(), "a run begins as used");
        assert!(!ours.control.take_used());
        let mut request = ours.peer.get_slice_request();
        request.get().set_size(40 << 20);
        let answer = request.send().promise.await.unwrap();
        assert_eq!(answer.get().unwrap().get_data().unwrap().len(), 40 << 20);
        assert!(ours.control.take_used(), "a call into the grain is a use");
        let mut request = theirs.get_slice_request();
        request.get().set_size(30 << 20);
        assert_eq!(request.send().promise.await.unwrap().get().unwrap().get_data().unwrap().len(), 30 << 20);
        drop(answer);
        until(|| ours.control.unanswered() == 0 && ours.control.held_bytes() < 200 << 10).await;
    });
}

#[test]
fn reading_stops_at_so_many_calls() {
    run(|| async {
        let (a, b) = StdStream::pair().unwrap();
        let ours = ours(a, ApiLimits { calls: 10, ..ApiLimits::default() }, default_pool());
        let theirs = peer(b);
        let calls = spawn_local(futures::future::join_all((0..50).map(|_| size(&theirs))));
        until(|| ours.control.unanswered() >= 10).await;
        assert_eq!(settle(|| ours.seen.get()).await, 10);
        // Our own call goes on when there is room again.
        let slice = {
            let mut request = ours.peer.get_slice_request();
            request.get().set_size(5);
            spawn_local(request.send().promise)
        };
        ours.permits.add_permits(50);
        assert!(calls.await.unwrap().into_iter().all(|answer| answer.unwrap() == 7));
        assert_eq!(slice.await.unwrap().unwrap().get().unwrap().get_data().unwrap().len(), 5);
        until(|| ours.control.unanswered() == 0).await;
    });
}

#[test]
fn reading_stops_at_so_many_bytes() {
    run(|| async {
        let (a, mut b) = StdStream::pair().unwrap();
        let ours = ours(a, ApiLimits { call_bytes: 1 << 20, ..ApiLimits::default() }, default_pool());
        let writer = std::thread::spawn(move || {
            b.write_all(&rpc(|message| message.init_bootstrap().set_question_id(0))).unwrap();
            for id in 1..=100 {
                let call = rpc(|message| {
                    let mut call = message.init_call();
                    call.set_question_id(id);
                    call.set_interface_id(0xe535_27a7_5d90_198f);
                    call.reborrow().init_target().init_promised_answer().set_question_id(0);
                    call.init_params().init_content().initn_as::<capnp::data::Builder<'_>>(100_000);
                });
                if b.write_all(&call).is_err() {
                    break;
                }
            }
            b
        });
        until(|| ours.seen.get() >= 10).await;
        let seen = settle(|| ours.seen.get()).await;
        assert!((10..=11).contains(&seen), "{seen} calls of 100 kB were read");
        assert!(ours.control.held_bytes() < 2 << 20);
        ours.permits.add_permits(100);
        until(|| ours.seen.get() == 100).await;
        drop(ours);
        drop(writer);
    });
}

#[test]
fn a_finish_waits_for_its_answer() {
    run(|| async {
        let (a, b) = StdStream::pair().unwrap();
        let ours = ours(a, ApiLimits { unfinished: 100, ..ApiLimits::default() }, default_pool());
        let theirs = peer(b);
        // Calls that are given up before they are answered leave nothing behind, however many there are.
        for round in 0..20 {
            let given_up: Vec<_> = (0..20).map(|_| size(&theirs)).collect();
            until(|| ours.seen.get() == (round + 1) * 20).await;
            drop(given_up);
            ours.permits.add_permits(20);
            until(|| ours.control.unanswered() == 0).await;
        }
        ours.permits.add_permits(1);
        assert_eq!(size(&theirs).await.unwrap(), 7);
    });
}

#[test]
fn a_peer_that_does_not_read() {
    run(|| async {
        let (a, b) = StdStream::pair().unwrap();
        let limits = ApiLimits { reply_bytes: 1 << 20, unread_bytes: 4 << 20, ..ApiLimits::default() };
        let ours = ours(a, limits, default_pool());
        ours.permits.add_permits(1_000_000);
        let writer = std::thread::spawn({
            let mut b = b.try_clone().unwrap();
            move || {
                b.write_all(&rpc(|message| message.init_bootstrap().set_question_id(0))).unwrap();
                for id in 1..30_000 {
                    let call = rpc(|message| {
                        let mut call = message.init_call();
                        call.set_question_id(id);
                        call.set_interface_id(0xe535_27a7_5d90_198f);
                        call.reborrow().init_target().init_promised_answer().set_question_id(0);
                    });
                    if b.write_all(&call).is_err() {
                        break;
                    }
                }
            }
        });
        until(|| ours.seen.get() > 1000).await;
        let seen = settle(|| ours.seen.get()).await;
        assert!(seen < 20_000, "reading stopped after {seen} calls");
        assert!(ours.control.held_bytes() < 3 << 20, "{} bytes", ours.control.held_bytes());
        // What we send of our own accord cannot be held back, so there the grain is given up.
        let calls: Vec<_> = (0..10_000).map(|_| size(&ours.peer)).collect();
        until(|| ours.control.closed().is_some()).await;
        assert!(matches!(ours.control.closed(), Some(Closed::Fault(text)) if text.contains("unread")));
        for call in calls {
            assert_eq!(call.await.unwrap_err().kind, ErrorKind::Disconnected);
        }
        until(|| ours.control.held_bytes() < 100 << 10).await;
        drop(b);
        writer.join().unwrap();
    });
}

/// Sends `bytes`, and expects the grain to be disconnected with a reason that contains `reason`.
fn refused(bytes: &[u8], reason: &str) {
    run(|| async {
        let (a, mut b) = StdStream::pair().unwrap();
        let ours = ours(a, ApiLimits::default(), default_pool());
        let call = spawn_local(size(&ours.peer));
        let bytes = bytes.to_vec();
        let writer = std::thread::spawn(move || {
            // Fails when the connection is ended before all is written.
            let _ = b.write_all(&bytes);
            // The app sees the end of the connection, at most after what was sent before.
            b.read_to_end(&mut Vec::new()).is_ok()
        });
        until(|| ours.control.closed().is_some()).await;
        let closed = ours.control.closed();
        assert!(matches!(&closed, Some(Closed::Fault(text)) if text.contains(reason)), "{closed:?}");
        if reason.starts_with("it ") {
            assert_eq!(call.await.unwrap().unwrap_err().kind, ErrorKind::Disconnected);
        }
        until(|| ours.control.held_bytes() < 300 << 10).await;
        tokio::task::spawn_blocking(|| writer.join().unwrap()).await.unwrap();
    });
}

#[test]
fn malformed_messages() {
    refused(&[0xff; 64], "it sent a message of 4294967296 segments");
    refused(&[&511_u32.to_le_bytes()[..], &[0xff; 4096]].concat(), "it sent a message of more than 64 MiB");
    refused(
        &[&0_u32.to_le_bytes()[..], &(1_u32 << 27).to_le_bytes()].concat(),
        "it sent a message of more than 64 MiB",
    );
    let random: Vec<u8> = (0..65536_u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8).collect();
    refused(&random, "it sent a message of");
    let mut deep = [0_u32.to_le_bytes(), 100_000_u32.to_le_bytes()].concat();
    (0..100_000).for_each(|_| deep.extend(0x0001_0000_0000_0000_u64.to_le_bytes()));
    refused(&deep, "broke the protocol");
    refused(
        &rpc(|message| {
            let mut answer = message.init_return();
            answer.set_answer_id(99);
            answer.init_results();
        }),
        "broke the protocol: Invalid question ID",
    );
    refused(
        &rpc(|message| {
            let mut call = message.init_call();
            call.set_question_id(1);
            call.init_target().set_imported_cap(99);
        }),
        "broke the protocol: Message target",
    );
    refused(
        &rpc(|message| {
            message.init_call().init_params().init_cap_table(5000);
        }),
        "it sent 5000 capabilities",
    );
    refused(
        &rpc(|message| {
            let mut call = message.init_call();
            call.reborrow().init_target().init_promised_answer().init_transform(100);
        }),
        "it sent a call with 100 steps",
    );
    refused(
        &rpc(|message| {
            let mut resolve = message.init_resolve();
            resolve.set_promise_id(5);
            resolve.init_cap().set_sender_promise(5);
        }),
        "it resolved a promise to itself",
    );
    let circle = [(5, 6), (6, 7), (7, 5)].map(|(from, to)| {
        rpc(|message| {
            let mut resolve = message.init_resolve();
            resolve.set_promise_id(from);
            resolve.init_cap().set_sender_promise(to);
        })
    });
    // All at once: an import that the library has dropped meanwhile would be another one.
    refused(&circle.concat(), "it resolved a promise to itself");
    refused(
        &rpc(|message| {
            let mut abort = message.init_abort();
            abort.set_reason("enough");
        }),
        "it gave up: enough",
    );
}

#[test]
fn a_long_chain_of_promises() {
    run(|| async {
        let (a, mut b) = StdStream::pair().unwrap();
        let ours = ours(a, ApiLimits::default(), default_pool());
        // We hold the first promise, as part of an answer to our call.
        let answer = spawn_local(ours.peer.client.hook.new_call(1, 1, None).send().promise);
        let mut bytes = rpc(|message| {
            let mut answer = message.init_return();
            answer.set_answer_id(1);
            answer.init_results().init_cap_table(1).get(0).set_sender_promise(0);
        });
        for id in 0..100_000_u32 {
            bytes.extend(rpc(|message| {
                let mut resolve = message.init_resolve();
                resolve.set_promise_id(id);
                resolve.init_cap().set_sender_promise(id + 1);
            }));
        }
        let writer = std::thread::spawn(move || {
            let _ = b.write_all(&bytes);
            let _ = b.read_to_end(&mut Vec::new());
        });
        until(|| ours.control.closed().is_some()).await;
        assert!(matches!(ours.control.closed(), Some(Closed::Fault(text)) if text.contains("times over")));
        drop(answer);
        writer.join().unwrap();
    });
}

#[test]
fn claims_cost_nothing_and_stalls_end() {
    run(|| async {
        let (a, mut b) = StdStream::pair().unwrap();
        let limits = ApiLimits { stall: Duration::from_millis(300), ..ApiLimits::default() };
        let ours = ours(a, limits, default_pool());
        b.write_all(&[0_u32.to_le_bytes(), (60_u32 << 17).to_le_bytes()].concat()).unwrap();
        b.write_all(&[0; 1000]).unwrap();
        until(|| ours.control.closed().is_some() || ours.control.held_bytes() > 300 << 10).await;
        assert!(ours.control.held_bytes() < 300 << 10);
        assert!(matches!(ours.control.closed(), Some(Closed::Fault(text)) if text.contains("in the middle")));
    });
}

#[test]
fn too_many_unfinished() {
    run(|| async {
        let (a, mut b) = StdStream::pair().unwrap();
        let ours = ours(a, ApiLimits { unfinished: 500, ..ApiLimits::default() }, default_pool());
        let writer = std::thread::spawn(move || {
            for id in 0..600 {
                let _ = b.write_all(&rpc(|message| message.init_bootstrap().set_question_id(id)));
            }
            b
        });
        until(|| ours.control.closed().is_some()).await;
        assert!(matches!(ours.control.closed(), Some(Closed::Fault(text)) if text.contains("never finished")));
        drop(writer);
    });
}

#[test]
fn a_full_pool_stops_only_the_big_ones() {
    run(|| async {
        let pool = Pool::new(8 << 20);
        let (a, big) = StdStream::pair().unwrap();
        let limits = ApiLimits { call_bytes: 64 << 20, ..ApiLimits::default() };
        let hog = ours(a, limits.clone(), pool.clone());
        let theirs = peer(big);
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let mut request = theirs.client.hook.new_call(0xe535_27a7_5d90_198f, 0, None);
                request.get().initn_as::<capnp::data::Builder<'_>>(1 << 20);
                spawn_local(request.send().promise)
            })
            .collect();
        until(|| pool.used() > 7 << 20).await;
        assert!(settle(|| hog.seen.get()).await < 9);
        assert!(pool.used() <= 8 << 20, "{}", pool.used());
        let (a, small) = StdStream::pair().unwrap();
        let modest = ours(a, limits, pool.clone());
        let theirs = peer(small);
        modest.permits.add_permits(10);
        for _ in 0..10 {
            assert_eq!(size(&theirs).await.unwrap(), 7);
        }
        hog.permits.add_permits(20);
        for call in calls {
            call.await.unwrap().unwrap();
        }
        until(|| pool.used() < 300 << 10).await;
    });
}

/// What real peers say to each other, cut and changed at random, never hangs the vat nor panics.
#[test]
fn changed_conversations() {
    let mut random = 0x1234_5678_9abc_def1_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let pieces: Vec<Vec<u8>> = vec![
        rpc(|message| message.init_bootstrap().set_question_id(0)),
        rpc(|message| {
            let mut call = message.init_call();
            call.set_question_id(1);
            call.set_interface_id(0xe535_27a7_5d90_198f);
            call.reborrow().init_target().init_promised_answer().set_question_id(0);
            let mut params = call.init_params();
            let mut table = params.reborrow().init_cap_table(3);
            table.reborrow().get(0).set_sender_promise(3);
            table.reborrow().get(1).set_sender_hosted(4);
            table.get(2).set_receiver_hosted(0);
        }),
        rpc(|message| {
            let mut call = message.init_call();
            call.set_question_id(2);
            call.reborrow().init_target().set_imported_cap(0);
            call.get_send_results_to().set_yourself(());
        }),
        rpc(|message| {
            let mut resolve = message.init_resolve();
            resolve.set_promise_id(3);
            resolve.init_cap().set_receiver_hosted(0);
        }),
        rpc(|message| {
            let mut answer = message.init_return();
            answer.set_answer_id(0);
            answer.init_results().init_cap_table(1).get(0).set_sender_promise(3);
        }),
        rpc(|message| {
            let mut answer = message.init_return();
            answer.set_answer_id(1);
            answer.set_take_from_other_question(2);
        }),
        rpc(|message| {
            let mut finish = message.init_finish();
            finish.set_question_id(1);
            finish.set_release_result_caps(true);
        }),
        rpc(|message| {
            let mut release = message.init_release();
            release.set_id(0);
            release.set_reference_count(1);
        }),
        rpc(|message| {
            let mut disembargo = message.init_disembargo();
            disembargo.reborrow().init_target().set_imported_cap(0);
            disembargo.get_context().set_sender_loopback(9);
        }),
        rpc(|message| {
            let mut disembargo = message.init_disembargo();
            disembargo.reborrow().init_target().set_imported_cap(0);
            disembargo.get_context().set_receiver_loopback(0);
        }),
    ];
    run(|| async move {
        let panics = Rc::new(RefCell::new(0));
        for _ in 0..1500 {
            let mut bytes = Vec::new();
            for _ in 0..next() % 12 {
                bytes.extend_from_slice(&pieces[(next() % pieces.len() as u64) as usize]);
            }
            for _ in 0..next() % 4 {
                if !bytes.is_empty() {
                    let at = (next() % bytes.len() as u64) as usize;
                    bytes[at] = next() as u8 & 7;
                }
            }
            let (a, mut b) = StdStream::pair().unwrap();
            let (network, control) = Network::new(a, ApiLimits::default(), default_pool()).unwrap();
            let gate: blob::Client = new_client(Gate { permits: Rc::new(Semaphore::new(3)), seen: Rc::default() });
            let mut system = RpcSystem::new(Box::new(network), Some(gate.client));
            let peer: blob::Client = system.bootstrap(Side::Client);
            let disconnector = system.get_disconnector();
            let rpc = spawn_local(system);
            let call = spawn_local(size(&peer));
            b.write_all(&bytes).unwrap();
            drop(b);
            if rpc.await.is_err_and(|error| error.is_panic()) {
                *panics.borrow_mut() += 1;
            }
            assert!(control.closed().is_some());
            let _ = disconnector.await;
            // Whatever happened, nobody waits for ever.
            let _ = call.await.unwrap();
        }
        assert_eq!(*panics.borrow(), 0);
    });
}
