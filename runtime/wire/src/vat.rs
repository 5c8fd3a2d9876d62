//! The vat: the one thread on which capabilities live, and the handles by which other threads reach it.
//!
//! Capabilities are reference counted without locks, so they must stay on one thread; and capabilities of different
//! grains must be able to meet, so it is one thread for all of them. Everything else (TLS, HTTP, disk, SQLite) happens on
//! other threads, which hand work over by [`Vat::call`]:
//!
//! ```
//! # async fn example(vat: granary_wire::vat::Vat) -> Result<(), granary_wire::vat::Gone> {
//! use std::rc::Rc;
//! use granary_wire::vat::Local;
//!
//! // Make something that cannot leave the vat, and carry a handle of it away.
//! let counter: Local<std::cell::Cell<u32>> = {
//!     let on = vat.clone();
//!     vat.call(move || async move { on.bind(std::cell::Cell::new(0)) }).await?
//! };
//! // Use it from anywhere.
//! let value = counter.call(|counter: Rc<_>| async move { counter.replace(1) }).await?;
//! assert_eq!(value, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Order, cancellation, panics
//!
//! * The closures given to [`Vat::call`] and [`Vat::spawn`] by one thread run in the order in which they were given (a call
//!   is given when its future is first polled); the futures they return then run side by side. Where order matters
//!   (messages of a WebSocket), make the request *in the closure* and await its answer in the future.
//! * When the future of [`Vat::call`] is dropped, the work on the vat is dropped too, at its next point of waiting: a
//!   browser that goes away cancels what was asked for it. Use [`Vat::spawn`] for work that must finish.
//! * A panic ends the one task it happens in; its caller sees [`Gone::Panicked`].
//!
//! # Cost
//!
//! A call is one allocation for the closure, one for the task, one for the way back. Jobs are taken from the queue many
//! at a time, so a busy vat wakes up once for many of them. The queue has no bound: bound the callers.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread::ThreadId;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, LocalSet};

/// How many jobs are taken from the queue before sockets and timers get a look again.
const BATCH: usize = 128;

/// Why there is no answer from the vat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// The vat has been stopped, and everything on it was dropped.
    #[error("the thread that talks to grains has stopped; Granary is shutting down")]
    Stopped,
    /// The task on the vat panicked; the log says where.
    #[error("a task on the thread that talks to grains failed; see Granary's log for the place, and report it")]
    Panicked,
    /// The value lives on the vat and was asked for on another thread (or on another vat).
    #[error("this value can be used on its own vat only; reach for it inside Vat::call")]
    Elsewhere,
}

/// A handle of the vat. Clones are handles of the same one.
///
/// The thread ends after [`Vat::stop`], or once no handle is left (a [`Local`] holds one, and so may tasks).
#[derive(Clone)]
pub struct Vat {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: mpsc::UnboundedSender<Job>,
    thread: ThreadId,
    stopped: Arc<AtomicBool>,
    ended: watch::Receiver<bool>,
}

enum Job {
    Run(Box<dyn FnOnce() + Send>),
    Release(usize),
    Stop,
}

/// The key of a value that was bound too late.
const NOWHERE: usize = usize::MAX;

thread_local! {
    /// The values that [`Local`] handles stand for. Only a vat thread has any.
    static VALUES: RefCell<slab::Slab<Rc<dyn Any>>> = const { RefCell::new(slab::Slab::new()) };
}

impl Vat {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(false);
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = {
            let stopped = stopped.clone();
            std::thread::Builder::new().name("granary-vat".into()).spawn(move || {
                let end = EndNotice(end);
                run(&runtime, queue, &stopped);
                // Timers and sockets go before anybody is told that everything has gone.
                drop(runtime);
                drop(end);
            })?
        };
        Ok(Self { shared: Arc::new(Shared { jobs, thread: thread.thread().id(), stopped, ended }) })
    }

    /// Runs `job` on the vat and waits for what its future gives.
    pub async fn call<F, Fut, T>(&self, job: F) -> Result<T, Gone>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
        T: Send + 'static,
    {
        let (answer, wait) = oneshot::channel();
        self.submit(move || {
            if answer.is_closed() {
                return;
            }
            // The closure runs now, so that closures run in order; only its future becomes a task.
            let work = job();
            tokio::task::spawn_local(answer_or_cancel(work, answer));
        })?;
        wait.await.map_err(|_| self.gone())
    }

    /// Runs `job` on the vat without waiting for it, and without cancelling it. When the vat has stopped, it is dropped.
    pub fn spawn<F, Fut>(&self, job: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let submitted = self.submit(move || {
            tokio::task::spawn_local(job());
        });
        if submitted.is_err() {
            tracing::debug!("a job came after the vat had stopped, and was dropped");
        }
    }

    /// Spawns a future that is already on the vat's thread and cannot leave it.
    ///
    /// # Panics
    ///
    /// On any other thread.
    pub fn spawn_local<Fut>(&self, work: Fut) -> JoinHandle<Fut::Output>
    where
        Fut: Future + 'static,
        Fut::Output: 'static,
    {
        self.assert_here("spawn_local");
        tokio::task::spawn_local(work)
    }

    /// Whether the calling thread is this vat's.
    pub fn on_vat(&self) -> bool {
        std::thread::current().id() == self.shared.thread
    }

    /// Whether the vat still takes work.
    pub fn is_running(&self) -> bool {
        !self.shared.stopped.load(Ordering::Acquire) && !self.shared.jobs.is_closed()
    }

    /// Keeps `value` on the vat and gives a handle of it that may go anywhere. The value is dropped, on the vat,
    /// after the last handle, or when the vat stops.
    ///
    /// # Panics
    ///
    /// On any other thread than the vat's.
    pub fn bind<T: 'static>(&self, value: T) -> Local<T> {
        self.bind_rc(Rc::new(value))
    }

    /// Like [`Vat::bind`], for a value that is shared on the vat already.
    ///
    /// # Panics
    ///
    /// On any other thread than the vat's.
    pub fn bind_rc<T: 'static>(&self, value: Rc<T>) -> Local<T> {
        self.assert_here("bind");
        // What is bound while everything is being dropped is dropped with it.
        let key = if self.is_running() { VALUES.with_borrow_mut(|values| values.insert(value)) } else { NOWHERE };
        Local { slot: Arc::new(Slot { vat: self.clone(), key }), of: std::marker::PhantomData }
    }

    /// Stops the vat: drops all its tasks and values on its own thread, and returns when that is done. Whoever waits for
    /// a call gets [`Gone::Stopped`].
    pub async fn stop(&self) {
        // An error means that it has ended already.
        let _ = self.shared.jobs.send(Job::Stop);
        self.ended().await;
    }

    /// Waits until the vat has ended, for whatever reason.
    pub async fn ended(&self) {
        // An error means that the sender was dropped, which happens at the end as well.
        let _ = self.shared.ended.clone().wait_for(|ended| *ended).await;
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Gone> {
        self.shared.jobs.send(Job::Run(Box::new(job))).map_err(|_| Gone::Stopped)
    }

    /// Why an answer's sender was dropped: the two cases look alike from outside.
    fn gone(&self) -> Gone {
        if self.is_running() { Gone::Panicked } else { Gone::Stopped }
    }

    #[track_caller]
    fn assert_here(&self, what: &str) {
        assert!(self.on_vat(), "Vat::{what} was called outside the vat's thread; call it inside Vat::call");
    }
}

impl fmt::Debug for Vat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vat").field("running", &self.is_running()).finish_non_exhaustive()
    }
}

/// A handle of a value that lives on a vat and need not be `Send`. Clones are handles of the same value.
pub struct Local<T> {
    slot: Arc<Slot>,
    /// `fn() -> T`: the handle gives a `T` but holds none, so it is `Send` and `Sync` whatever `T` is.
    of: std::marker::PhantomData<fn() -> T>,
}

struct Slot {
    vat: Vat,
    key: usize,
}

impl<T: 'static> Local<T> {
    /// The value, on the vat's thread; elsewhere [`Gone::Elsewhere`], and after the vat's end [`Gone::Stopped`].
    pub fn get(&self) -> Result<Rc<T>, Gone> {
        if !self.slot.vat.on_vat() {
            return Err(Gone::Elsewhere);
        }
        let value = VALUES.with_borrow(|values| values.get(self.slot.key).cloned()).ok_or(Gone::Stopped)?;
        // A key is never given out again while this handle exists, so the type is right.
        value.downcast().map_err(|_| Gone::Stopped)
    }

    /// Runs `job` with the value on the vat, and waits for what its future gives: [`Vat::call`] and [`Local::get`] in one.
    pub async fn call<F, Fut, R>(&self, job: F) -> Result<R, Gone>
    where
        F: FnOnce(Rc<T>) -> Fut + Send + 'static,
        Fut: Future<Output = R> + 'static,
        R: Send + 'static,
    {
        let this = self.clone();
        let answer = self.vat().call(move || {
            // As in Vat::call, the closure runs at once and its future later.
            let work = this.get().map(job);
            async move {
                match work {
                    Ok(work) => Ok(work.await),
                    Err(gone) => Err(gone),
                }
            }
        });
        answer.await?
    }

    /// The vat the value lives on.
    pub fn vat(&self) -> &Vat {
        &self.slot.vat
    }
}

impl<T> Clone for Local<T> {
    fn clone(&self) -> Self {
        Self { slot: self.slot.clone(), of: std::marker::PhantomData }
    }
}

impl<T> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("type", &std::any::type_name::<T>()).finish_non_exhaustive()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.vat.on_vat() {
            release(self.key);
        } else {
            // When the vat has ended, it has dropped the value itself.
            let _ = self.vat.shared.jobs.send(Job::Release(self.key));
        }
    }
}

fn release(key: usize) {
    // The value is dropped after the borrow: its own drop may release others. During the thread's last moments, when
    // thread-local variables are going, there is nothing left to release.
    let value = VALUES.try_with(|values| values.borrow_mut().try_remove(key));
    drop(value);
}

/// Waits for the work, or for nobody to want its result any more.
async fn answer_or_cancel<T>(work: impl Future<Output = T>, mut answer: oneshot::Sender<T>) {
    let mut work = pin!(work);
    let result = poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => answer.poll_closed(context).map(|()| None),
    });
    if let Some(result) = result.await {
        // An error means that nobody wants it any more.
        let _ = answer.send(result);
    }
}

/// The thread's life.
fn run(runtime: &tokio::runtime::Runtime, queue: mpsc::UnboundedReceiver<Job>, stopped: &AtomicBool) {
    let tasks = LocalSet::new();
    tasks.block_on(runtime, serve(queue, stopped));
    stopped.store(true, Ordering::Release);
    {
        // What is dropped now may still want to spawn or to set a timer: it gets its wish, and the result is dropped too.
        let _runtime = runtime.enter();
        let _tasks = tasks.enter();
        let values = VALUES.with_borrow_mut(std::mem::take);
        drop(values);
    }
    let _runtime = runtime.enter();
    drop(tasks);
}

async fn serve(mut queue: mpsc::UnboundedReceiver<Job>, stopped: &AtomicBool) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        for job in batch.drain(..) {
            match job {
                // The panic hook has told of a panic; the caller learns of it by the answer that never comes.
                Job::Run(job) => drop(catch_unwind(AssertUnwindSafe(job))),
                Job::Release(key) => drop(catch_unwind(AssertUnwindSafe(|| release(key)))),
                Job::Stop => {
                    // Before the jobs behind this one are dropped, so that their callers are told the right reason.
                    stopped.store(true, Ordering::Release);
                    return;
                }
            }
        }
        // Let the tasks that were just spawned run before more are taken.
        tokio::task::yield_now().await;
    }
}

/// Tells of the thread's end on every way out.
struct EndNotice(watch::Sender<bool>);

impl Drop for EndNotice {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}
