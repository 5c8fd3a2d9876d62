//! The vat: one thread, reached from all others, that keeps order and forgets nothing and nobody.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use granary_wire::vat::{Gone, Local, Vat};
use tokio::sync::{mpsc, oneshot};

/// Runs a test on several threads, and gives up on it after a while.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), test).await });
    done.expect("the test ends in time");
}

/// Tells when, and on which thread, it is dropped.
struct Tell(Option<oneshot::Sender<std::thread::ThreadId>>, #[expect(dead_code, reason = "makes it !Send")] Rc<()>);

impl Tell {
    fn new() -> (impl FnOnce() -> Self + Send, oneshot::Receiver<std::thread::ThreadId>) {
        let (tell, told) = oneshot::channel();
        (move || Self(Some(tell), Rc::new(())), told)
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            let _ = tell.send(std::thread::current().id());
        }
    }
}

async fn thread_of(vat: &Vat) -> std::thread::ThreadId {
    vat.call(|| async { std::thread::current().id() }).await.unwrap()
}

async fn bind<T: 'static>(vat: &Vat, make: impl FnOnce() -> T + Send + 'static) -> Local<T> {
    let on = vat.clone();
    vat.call(move || async move { on.bind(make()) }).await.unwrap()
}

#[test]
fn calls_run_on_one_thread_and_answer() {
    run(async {
        let vat = Vat::start().unwrap();
        let thread = thread_of(&vat).await;
        assert_ne!(thread, std::thread::current().id());
        assert!(!vat.on_vat());
        let here = vat.clone();
        let (name, on_vat) = vat
            .call(move || async move {
                tokio::task::yield_now().await;
                (std::thread::current().name().map(str::to_owned), here.on_vat())
            })
            .await
            .unwrap();
        assert_eq!((name.as_deref(), on_vat), (Some("granary-vat"), true));

        // Callers on many threads get each their own answer.
        let calls = (0..1000).map(|number| {
            let vat = vat.clone();
            tokio::spawn(async move { (number, vat.call(move || async move { number * 2 }).await.unwrap()) })
        });
        for call in calls.collect::<Vec<_>>() {
            let (number, double) = call.await.unwrap();
            assert_eq!(double, number * 2);
        }
        assert_eq!(thread_of(&vat).await, thread);
    });
}

#[test]
fn closures_run_in_the_order_they_were_given() {
    run(async {
        let vat = Vat::start().unwrap();
        let seen = bind(&vat, || RefCell::new(Vec::new())).await;
        for number in 0..2000 {
            let seen = seen.clone();
            let note = move || seen.get().unwrap().borrow_mut().push(number);
            match number % 2 {
                0 => vat.spawn(move || {
                    note();
                    // The rest of an earlier job must not hold up the start of a later one.
                    std::future::pending()
                }),
                _ => vat.spawn(move || {
                    note();
                    async {}
                }),
            }
        }
        let seen = seen.call(|seen| async move { seen.take() }).await.unwrap();
        assert_eq!(seen, (0..2000).collect::<Vec<_>>());
    });
}

#[test]
fn futures_run_side_by_side() {
    run(async {
        let vat = Vat::start().unwrap();
        // Each of the two waits for the other.
        let (left, right) = (oneshot::channel::<()>(), oneshot::channel::<()>());
        let first = vat.call(move || async move {
            left.0.send(()).unwrap();
            right.1.await.unwrap();
        });
        let second = vat.call(move || async move {
            left.1.await.unwrap();
            right.0.send(()).unwrap();
        });
        let (first, second) = tokio::join!(first, second);
        assert_eq!((first, second), (Ok(()), Ok(())));
        // Timers and sockets work there.
        vat.call(|| async { tokio::time::sleep(Duration::from_millis(1)).await }).await.unwrap();
    });
}

#[test]
fn a_dropped_call_is_cancelled_and_a_spawned_job_is_not() {
    run(async {
        let vat = Vat::start().unwrap();
        let thread = thread_of(&vat).await;
        let (tell, told) = Tell::new();
        let (begin, begun) = oneshot::channel();
        {
            let mut call = std::pin::pin!(vat.call(move || {
                let tell = tell();
                async move {
                    begin.send(()).unwrap();
                    std::future::pending::<()>().await;
                    drop(tell);
                }
            }));
            tokio::select! {
                _ = call.as_mut() => panic!("it waits for ever"),
                begun = begun => begun.unwrap(),
            }
        }
        assert_eq!(told.await, Ok(thread), "what the future held is dropped, on the vat");

        // A call that nobody ever polls does not even begin; a spawned job needs nobody.
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let never = sender.clone();
        drop(vat.call(move || async move { never.send("called") }));
        vat.spawn(move || async move { sender.send("spawned").unwrap() });
        assert_eq!(receiver.recv().await, Some("spawned"));
        assert_eq!(receiver.recv().await, None);
    });
}

#[test]
fn a_panic_harms_nobody_else() {
    run(async {
        let vat = Vat::start().unwrap();
        let in_closure: Result<(), Gone> = vat
            .call(|| {
                if std::hint::black_box(true) {
                    panic!("in the closure (expected by a test)");
                }
                async {}
            })
            .await;
        let in_future: Result<(), Gone> = vat.call(|| async { panic!("in the future (expected by a test)") }).await;
        vat.spawn(|| async { panic!("in a spawned job (expected by a test)") });
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("in a drop (expected by a test)");
            }
        }
        drop(bind(&vat, || Bad).await);
        assert_eq!((in_closure, in_future), (Err(Gone::Panicked), Err(Gone::Panicked)));
        assert_eq!(vat.call(|| async { 5 }).await, Ok(5));
    });
}

#[test]
fn a_local_is_used_and_dropped_on_its_vat_only() {
    run(async {
        let vat = Vat::start().unwrap();
        let thread = thread_of(&vat).await;
        let (tell, told) = Tell::new();
        let local = bind(&vat, move || (Cell::new(1), tell())).await;
        assert_eq!(local.get().err(), Some(Gone::Elsewhere));
        let other = Vat::start().unwrap();
        let there = local.clone();
        let elsewhere = other.call(move || async move { there.get().err() }).await;
        assert_eq!(elsewhere, Ok(Some(Gone::Elsewhere)), "another vat is elsewhere too");

        let copy = local.clone();
        assert_eq!(local.call(|value| async move { value.0.replace(2) }).await, Ok(1));
        drop(local);
        assert_eq!(copy.call(|value| async move { value.0.replace(3) }).await, Ok(2));
        // The last handle goes on another thread.
        std::thread::spawn(move || drop(copy)).join().unwrap();
        assert_eq!(told.await, Ok(thread));

        // And on the vat itself; values may hold handles of other values.
        let (tell, told) = Tell::new();
        let inner = bind(&vat, tell).await;
        let outer = bind(&vat, move || inner).await;
        outer.call(|_| async {}).await.unwrap();
        vat.spawn(move || async move { drop(outer) });
        assert_eq!(told.await, Ok(thread));
    });
}

#[test]
fn a_value_shared_on_the_vat_is_bound_as_it_is() {
    run(async {
        let vat = Vat::start().unwrap();
        let on = vat.clone();
        let same = vat.call(move || async move {
            let value = Rc::new(Cell::new(7));
            let local = on.bind_rc(value.clone());
            Rc::ptr_eq(&value, &local.get().unwrap())
        });
        assert_eq!(same.await, Ok(true));
        let on = vat.clone();
        let spawned =
            vat.call(move || async move { on.spawn_local(async { Rc::new(8) }).await.map(|value| *value).unwrap() });
        assert_eq!(spawned.await, Ok(8));
    });
}

#[test]
fn stopping_drops_everything_on_the_vat_and_tells_who_waits() {
    run(async {
        let vat = Vat::start().unwrap();
        let thread = thread_of(&vat).await;
        let (in_task, task_told) = Tell::new();
        let (in_value, value_told) = Tell::new();
        let local = bind(&vat, in_value).await;
        let (begin, begun) = oneshot::channel();
        let waiting = tokio::spawn({
            let vat = vat.clone();
            async move {
                vat.call(move || {
                    let tell = in_task();
                    begin.send(()).unwrap();
                    async move {
                        std::future::pending::<()>().await;
                        drop(tell);
                    }
                })
                .await
            }
        });
        begun.await.unwrap();
        assert!(vat.is_running());
        // Stopping twice is stopping once.
        tokio::join!(vat.stop(), vat.stop());
        assert!(!vat.is_running());
        assert_eq!(waiting.await.unwrap(), Err(Gone::Stopped));
        assert_eq!((task_told.await, value_told.await), (Ok(thread), Ok(thread)));
        assert_eq!(vat.call(|| async {}).await, Err(Gone::Stopped));
        assert_eq!(local.call(|_| async {}).await, Err(Gone::Stopped));
        vat.spawn(|| async { panic!("nobody runs this") });
        vat.ended().await;
        drop(local);
    });
}

/// What is dropped at the end may still use the vat, as tasks and connections do.
#[test]
fn dropping_may_spawn_bind_and_release() {
    struct Late(Vat, Option<Local<Late>>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.spawn_local(async {});
            let late = self.0.bind(Cell::new(0));
            assert_eq!(late.get().err(), Some(Gone::Stopped));
            if let Some(other) = &self.1 {
                assert_eq!(other.get().err(), Some(Gone::Stopped));
            }
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    run(async {
        let vat = Vat::start().unwrap();
        let on = vat.clone();
        let inner = bind(&vat, move || Late(on, None)).await;
        let on = vat.clone();
        let outer = bind(&vat, move || Late(on, Some(inner))).await;
        vat.stop().await;
        assert_eq!(DROPPED.load(Ordering::SeqCst), 2);
        drop(outer);
    });
}

#[test]
fn the_thread_ends_when_nobody_holds_it() {
    run(async {
        let vat = Vat::start().unwrap();
        let local = bind(&vat, || Rc::new(1)).await;
        let (tell, told) = Tell::new();
        vat.spawn(move || {
            let tell = tell();
            async move {
                std::future::pending::<()>().await;
                drop(tell);
            }
        });
        let thread = thread_of(&vat).await;
        drop(vat);
        // A handle of a value holds the vat.
        assert_eq!(local.call(|value| async move { **value }).await, Ok(1));
        drop(local);
        assert_eq!(told.await, Ok(thread));
    });
}

/// Capabilities, which is what it is all for: made on the vat, called from everywhere.
#[test]
fn a_capability_is_called_through_the_vat() {
    use granary_wire::util_capnp::byte_stream;

    struct Count(Arc<AtomicUsize>);
    impl byte_stream::Server for Count {
        async fn write(self: Rc<Self>, params: byte_stream::WriteParams) -> Result<(), capnp::Error> {
            self.0.fetch_add(params.get()?.get_data()?.len(), Ordering::SeqCst);
            Ok(())
        }
    }
    run(async {
        let vat = Vat::start().unwrap();
        let written = Arc::new(AtomicUsize::new(0));
        let count = written.clone();
        let stream: Local<byte_stream::Client> = bind(&vat, move || capnp_rpc::new_client(Count(count))).await;
        let writes = (0..64).map(|_| {
            let stream = stream.clone();
            tokio::spawn(async move {
                let write = stream.call(|stream| {
                    // The request is sent in the closure, so that writes keep their order.
                    let mut request = stream.write_request();
                    request.get().set_data(b"sixteen bytes...");
                    request.send()
                });
                write.await
            })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap().unwrap().unwrap();
        }
        assert_eq!(written.load(Ordering::SeqCst), 64 * 16);
    });
}
