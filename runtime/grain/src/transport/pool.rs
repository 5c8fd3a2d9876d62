//! The memory that all grains' messages may take together.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

/// What every grain may hold however full the pool is, so that big ones cannot silence small ones.
const SHARE: usize = 1 << 20;

/// A count of bytes shared by the connections of one vat.
#[derive(Clone)]
pub struct Pool(Rc<Inner>);

struct Inner {
    capacity: usize,
    used: Cell<usize>,
    waiting: RefCell<Vec<Waker>>,
}

impl Pool {
    /// A pool of so many bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(Rc::new(Inner { capacity, used: Cell::new(0), waiting: RefCell::default() }))
    }

    /// How many bytes are in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.get()
    }

    pub(super) fn take(&self, bytes: usize) {
        self.0.used.set(self.0.used.get() + bytes);
    }

    pub(super) fn give(&self, bytes: usize) {
        self.0.used.set(self.0.used.get() - bytes);
        if self.0.used.get() < self.0.capacity && !self.0.waiting.borrow().is_empty() {
            for waker in self.0.waiting.take() {
                waker.wake();
            }
        }
    }

    /// Whether somebody who holds `held` bytes may have `more`; if not, `waker` is woken when there is room.
    pub(super) fn may_take(&self, held: usize, more: usize, waker: &Waker) -> bool {
        if held + more <= SHARE || self.0.used.get() + more <= self.0.capacity {
            return true;
        }
        let mut waiting = self.0.waiting.borrow_mut();
        if !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        false
    }
}
