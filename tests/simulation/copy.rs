//! One copy of the daemon: started, killed at any step, stopped by a signal's grace, continued.
//!
//! A copy is the shipped `sync::run` and nothing else. Everything that it does happens while its future is
//! polled, so a future that is dropped between two polls is a process killed between two of its steps, and
//! one that is not polled is a process that is stopped. What it has sent goes on without it.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use ramstream::sync::{self, End, Phase, Pipeline, Status};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// What a kill waits for before it counts steps.
pub(crate) type Sign = Rc<dyn Fn() -> bool>;

/// A copy that was started.
pub(crate) struct Copy {
    hold: Rc<Hold>,
    shutdown: CancellationToken,
    phase: watch::Receiver<Phase>,
    task: JoinHandle<Option<End>>,
}

/// What the schedule does to a running copy.
#[derive(Default)]
struct Hold {
    is_stopped: Cell<bool>,
    refused: RefCell<Option<String>>,
    kill: RefCell<Option<Kill>>,
    waker: RefCell<Option<Waker>>,
}

/// A kill to come: at the `steps`th poll behind the sign.
struct Kill {
    sign: Sign,
    steps: u64,
    has_struck: Rc<Cell<bool>>,
}

impl Copy {
    /// Starts a process with this pipeline. Must be called within a `LocalSet`.
    ///
    /// `on_kill` is told of its death by a kill.
    pub(crate) fn start(pipeline: Pipeline, on_kill: impl Fn() + 'static) -> Self {
        let (status, phase) = Status::channel();
        let shutdown = CancellationToken::new();
        let hold = Rc::<Hold>::default();
        let told = shutdown.clone();
        let life = Box::pin(async move { sync::run(&pipeline, &status, &told).await });
        let (hold_of_life, phase_of_life) = (Rc::clone(&hold), phase.clone());
        let held = Held { life: Some(life), hold: hold_of_life, phase: phase_of_life, on_kill: Box::new(on_kill) };
        let task = tokio::task::spawn_local(held);
        Self { hold, shutdown, phase, task }
    }

    /// Kills it `steps` steps after `sign`: 1 is the very next. Says in `has_struck` when it did.
    pub(crate) fn kill_after(&self, sign: Sign, steps: u64, has_struck: Rc<Cell<bool>>) {
        *self.hold.kill.borrow_mut() = Some(Kill { sign, steps, has_struck });
        self.hold.wake();
    }

    /// Takes a kill back that has not come.
    pub(crate) fn spare(&self) {
        *self.hold.kill.borrow_mut() = None;
    }

    /// SIGSTOP.
    pub(crate) fn stop(&self) {
        self.hold.is_stopped.set(true);
    }

    /// SIGCONT.
    pub(crate) fn go_on(&self) {
        self.hold.is_stopped.set(false);
        self.hold.wake();
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.shutdown.cancel();
    }

    /// Why it refused to publish, if it ever did.
    pub(crate) fn refused(&self) -> Option<String> {
        self.hold.refused.borrow().clone()
    }

    /// What it says of itself.
    pub(crate) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// Whether there is no process any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end; `None` if it was killed.
    pub(crate) async fn ended(&mut self) -> Option<End> {
        (&mut self.task).await.expect("a copy must not panic")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hold {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Whether the process is dead before this step.
    fn kills(&self) -> bool {
        let mut kill = self.kill.borrow_mut();
        let Some(Kill { sign, steps, has_struck }) = kill.as_mut() else { return false };
        if sign() {
            *steps = steps.saturating_sub(1);
        }
        has_struck.set(*steps == 0);
        *steps == 0
    }
}

struct Held<F> {
    life: Option<Pin<Box<F>>>,
    hold: Rc<Hold>,
    phase: watch::Receiver<Phase>,
    on_kill: Box<dyn Fn()>,
}

impl<F: Future<Output = End>> Future for Held<F> {
    type Output = Option<End>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<End>> {
        *self.hold.waker.borrow_mut() = Some(context.waker().clone());
        if self.hold.kills() {
            self.life = None;
            (self.on_kill)();
        }
        if self.hold.is_stopped.get() {
            return Poll::Pending;
        }
        match &mut self.life {
            None => Poll::Ready(None),
            Some(life) => {
                let polled = life.as_mut().poll(context).map(Some);
                if let Phase::Refused { why } = &*self.phase.borrow() {
                    self.hold.refused.borrow_mut().get_or_insert_with(|| why.clone());
                }
                polled
            }
        }
    }
}
