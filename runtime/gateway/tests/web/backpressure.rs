//! Memory stays bounded whichever side is slow: counted, not timed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::FutureExt as _;
use granary_gateway::web::{WebSettings, forward};
use tokio::sync::Semaphore;

use crate::app::{Bench, piece, read, request};
use crate::streams::{Reply, done, streamer};
use crate::uploads::{How, Piece, Taker, data, sum, upload};

const WINDOW: u64 = 256 * 1024;
const MIB: u64 = 1024 * 1024;

/// An app that writes `total` bytes as fast as it may, several writes at once, and counts those taken.
fn writer(total: u64, chunk: u64) -> (Bench, Arc<AtomicU64>) {
    let taken = Arc::<AtomicU64>::default();
    let count = Arc::clone(&taken);
    let (bench, _events) = streamer(WebSettings::default(), Reply::Stream, false, move |stream, _| {
        let count = Arc::clone(&count);
        async move {
            let bytes = vec![7; chunk as usize];
            let window = Arc::new(Semaphore::new(4));
            for _ in 0..total / chunk {
                let permit = Arc::clone(&window).acquire_owned().await.expect("open");
                let mut request = stream.write_request();
                request.get().set_data(&bytes);
                let (written, count) = (request.hook.send().promise, Arc::clone(&count));
                tokio::task::spawn_local(async move {
                    written.await.expect("taken");
                    count.fetch_add(chunk, Ordering::SeqCst);
                    drop(permit);
                });
            }
            done(&stream).await.expect("taken");
        }
        .boxed_local()
    });
    (bench, taken)
}

#[tokio::test]
async fn a_response_waits_for_a_slow_client() {
    const CHUNK: u64 = 64 * 1024;
    let (bench, taken) = writer(100 * MIB, CHUNK);
    let mut response = forward(&bench.target, request("GET", "/", &[], b"")).await;
    let mut got = 0;
    let mut most = 0;
    let mut pieces = 0;
    loop {
        // Now and then the client stops until nothing moves any more.
        if pieces % 200 == 0 {
            bench.settle().await;
            let ahead = taken.load(Ordering::SeqCst) - got;
            assert!(ahead <= WINDOW, "{ahead} bytes were taken from the app and not given to the client");
            most = most.max(ahead);
        }
        pieces += 1;
        match piece(response.body_mut()).await {
            Some(data) => got += data.len() as u64,
            None => break,
        }
    }
    assert_eq!(got, 100 * MIB);
    // The window is used, too.
    assert!(most >= WINDOW / 2, "only {most} bytes were ever on the way");
}

#[tokio::test]
async fn an_upload_waits_for_a_slow_app() {
    const PIECE: usize = 16 * 1024;
    let (bench, taker, _told) = Taker::bench(How::Whole, WebSettings::default());
    // Nothing passes the gate at first.
    let all = taker.gate.available_permits();
    assert_eq!(taker.gate.forget_permits(all), all);
    let whole = data(100 * MIB as usize);
    let pieces: Vec<Bytes> = whole.chunks(PIECE).map(|piece| whole.slice_ref(piece)).collect();
    let (request, given) = upload("PUT", pieces.into_iter().map(Piece::Data).collect(), Some(100 * MIB));
    let target = Arc::clone(&bench.target);
    let asked = tokio::spawn(async move { read(forward(&target, request).await).await });
    let mut most = 0;
    while taker.taken.load(Ordering::SeqCst) < 100 * MIB {
        bench.settle().await;
        let ahead = given.load(Ordering::SeqCst) - taker.taken.load(Ordering::SeqCst);
        assert!(ahead <= WINDOW + PIECE as u64, "{ahead} bytes were taken from the client and not given to the app");
        most = most.max(ahead);
        taker.gate.add_permits(128);
    }
    let answer = asked.await.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer.body), sum(&whole));
    assert!(most >= WINDOW / 2, "only {most} bytes were ever on the way");
}
