//! Which bug is on, on this thread, and how often it was asked for since.

use std::cell::Cell;
use std::marker::PhantomData;

use super::Bug;

thread_local! {
    static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    static REACHED: Cell<u64> = const { Cell::new(0) };
}

/// Keeps a bug switched on until it is dropped.
#[derive(Debug)]
#[must_use = "the bug is on as long as this lives"]
pub struct Planted {
    before: Option<Bug>,
    /// The switch belongs to its thread.
    not_send: PhantomData<*const ()>,
}

/// Switches `bug` on for this thread, in place of any other.
pub fn with(bug: Bug) -> Planted {
    REACHED.set(0);
    Planted { before: ON.replace(Some(bug)), not_send: PhantomData }
}

impl Planted {
    /// How often one of the bug's sites was passed: one that never was cannot be caught.
    #[must_use]
    pub fn reached(&self) -> u64 {
        REACHED.get()
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        ON.set(self.before);
    }
}

pub(crate) fn is_on(bug: Bug) -> bool {
    let is_on = ON.get() == Some(bug);
    REACHED.set(REACHED.get() + u64::from(is_on));
    is_on
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_on_as_long_as_its_guard_lives_and_on_its_thread_alone() {
        assert!(!is_on(Bug::EdgesFirst));
        let guard = with(Bug::EdgesFirst);
        assert!(is_on(Bug::EdgesFirst) && !is_on(Bug::KeyByName));
        assert_eq!(guard.reached(), 1);
        assert!(!std::thread::spawn(|| is_on(Bug::EdgesFirst)).join().unwrap());
        drop(guard);
        assert!(!is_on(Bug::EdgesFirst));
    }
}
