//! Disk space that a grain takes and no walk shows: when it is searched for, and what the grain is charged with.

use std::time::Duration;

use granary_sandbox::Held;
use tokio::time::Instant;

use super::PERIOD;

/// Disk space lost without explanation, from which on it is searched for.
pub(super) const UNEXPLAINED: u64 = 64 << 20;
/// How often it is searched for while the grain writes or hides something: others may free at the same time what it takes.
const BUSY: Duration = Duration::from_secs(10);
/// How often it is searched for otherwise: writing to a file through memory makes no event.
const QUIET: Duration = Duration::from_mins(1);
/// How soon a first sign of files that cannot be measured is looked at again: a descriptor may be on its way for a moment.
const DOUBT: Duration = Duration::from_secs(1);

/// What is known of the disk and of hidden files.
#[derive(Debug)]
pub(super) struct Lost {
    searched: Instant,
    held: Held,
    /// Files that cannot be measured were there in the last two searches.
    hides: bool,
    /// Free space, and the bytes accounted for, when there were last none such.
    clear: (u64, u64),
    /// What was without explanation at the last search.
    before: u64,
    written: bool,
}

impl Lost {
    /// At the first walk, which found `walked` bytes while `free` ones were free on the disk.
    pub(super) fn new(free: u64, walked: u64, now: Instant) -> Self {
        let held = Held::default();
        Self { searched: now, held, hides: false, clear: (free, walked), before: 0, written: true }
    }

    /// The grain was heard to write.
    pub(super) fn heard(&mut self) {
        self.written = true;
    }

    /// Space that went, and bytes that the grain is no longer seen to take though no space came back.
    fn unexplained(&self, free: u64, walked: u64) -> u64 {
        let (free_then, accounted) = self.clear;
        (free_then + accounted).saturating_sub(free + walked + self.held.bytes)
    }

    /// Whether it is time to search.
    pub(super) fn is_due(&self, free: u64, walked: u64, now: Instant) -> bool {
        let busy = self.written || self.held != Held::default();
        self.is_doubtful()
            || self.unexplained(free, walked) > self.before + UNEXPLAINED
            || now - self.searched >= if busy { BUSY } else { QUIET }
    }

    /// Takes in what a search has found.
    pub(super) fn found(&mut self, free: u64, walked: u64, now: Instant, held: Held) {
        self.hides = held.more && self.held.more;
        (self.searched, self.held, self.written) = (now, held, false);
        if !held.more {
            self.clear = (free, walked + held.bytes);
        }
        self.before = self.unexplained(free, walked);
    }

    fn is_doubtful(&self) -> bool {
        self.held.more && !self.hides
    }

    /// How long to wait for a change.
    pub(super) fn patience(&self) -> Duration {
        if self.is_doubtful() { DOUBT } else { PERIOD }
    }

    /// How often to look at the free space meanwhile.
    pub(super) fn glance(&self) -> Duration {
        if self.held.more { DOUBT } else { PERIOD }
    }

    /// What the grain takes beyond what the walk shows.
    pub(super) fn bytes(&self, free: u64, walked: u64) -> u64 {
        self.held.bytes + if self.hides { self.unexplained(free, walked) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const NOTHING: Held = Held { bytes: 0, more: false };
    const SOMETHING: Held = Held { bytes: 0, more: true };

    /// A disk of 1 GiB and a grain that shows 10 MiB.
    fn begin() -> (Lost, Instant) {
        let now = Instant::now();
        (Lost::new(1024 * MIB, 10 * MIB, now), now)
    }

    #[test]
    fn searches_come_by_loss_and_by_the_clock() {
        let (mut lost, now) = begin();
        assert!(!lost.is_due(1024 * MIB, 10 * MIB, now));
        assert!(!lost.is_due(900 * MIB, 110 * MIB, now), "the walk explains it");
        assert!(!lost.is_due(960 * MIB, 10 * MIB, now), "not much");
        assert!(lost.is_due(950 * MIB, 10 * MIB, now));
        assert!(lost.is_due(1024 * MIB, 10 * MIB, now + BUSY));
        lost.found(950 * MIB, 10 * MIB, now, NOTHING);
        assert!(!lost.is_due(950 * MIB, 10 * MIB, now + BUSY), "others took it, and the grain is quiet");
        assert!(lost.is_due(950 * MIB, 10 * MIB, now + QUIET));
        lost.heard();
        assert!(lost.is_due(950 * MIB, 10 * MIB, now + BUSY));
    }

    #[test]
    fn what_is_measured_counts_once() {
        let (mut lost, now) = begin();
        lost.found(824 * MIB, 10 * MIB, now, Held { bytes: 200 * MIB, more: false });
        assert_eq!(lost.bytes(824 * MIB, 10 * MIB), 200 * MIB);
        assert!(!lost.is_due(824 * MIB, 10 * MIB, now));
        // It is given back.
        lost.found(1024 * MIB, 10 * MIB, now, NOTHING);
        assert_eq!(lost.bytes(1024 * MIB, 10 * MIB), 0);
    }

    #[test]
    fn what_was_measured_is_not_forgotten() {
        let (mut lost, now) = begin();
        lost.found(824 * MIB, 10 * MIB, now, Held { bytes: 200 * MIB, more: false });
        for _ in 0..2 {
            lost.found(824 * MIB, 10 * MIB, now, SOMETHING);
        }
        assert_eq!(lost.bytes(824 * MIB, 10 * MIB), 200 * MIB);
    }

    #[test]
    fn who_goes_on_hiding_is_charged() {
        let (mut lost, now) = begin();
        lost.found(724 * MIB, 10 * MIB, now, SOMETHING);
        assert_eq!(lost.bytes(724 * MIB, 10 * MIB), 0, "it may be a moment's");
        assert!(lost.is_due(724 * MIB, 10 * MIB, now));
        lost.found(724 * MIB, 10 * MIB, now, SOMETHING);
        assert_eq!(lost.bytes(724 * MIB, 10 * MIB), 300 * MIB);
        assert!(!lost.is_due(724 * MIB, 10 * MIB, now), "the same loss is not searched for twice");
        assert_eq!(lost.bytes(624 * MIB, 20 * MIB), 390 * MIB, "it goes on, and 10 MiB are explained");
        assert!(lost.is_due(624 * MIB, 20 * MIB, now));
        lost.found(624 * MIB, 20 * MIB, now, NOTHING);
        assert_eq!(lost.bytes(624 * MIB, 20 * MIB), 0);
    }
}
