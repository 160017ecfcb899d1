//! The thread that brings what is in the log into sled's tree, so that a file of the log can be used again.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

use super::{Shared, panicked, tree::Tree, view::Changes};
use crate::store::StoreError;

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Settler {
    work: Sender<Work>,
    done: Receiver<Result<(), StoreError>>,
    thread: JoinHandle<Tree>,
    at_work: bool,
}

/// What is to be brought into the tree, and how many commits it has then.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) changes: Arc<Changes>,
    pub(super) commits: u64,
}

impl Settler {
    pub(super) fn start(tree: Tree, shared: Arc<Shared>) -> std::io::Result<Self> {
        let (work, to_do) = mpsc::channel::<Work>();
        let (report, done) = mpsc::channel();
        let thread = thread::Builder::new().name("store-tree".to_owned()).spawn(move || {
            for Work { changes, commits } in to_do {
                // sled asserts a lot. This thread must outlive that, or whoever waits for it would wait for ever.
                let settled = panic::catch_unwind(AssertUnwindSafe(|| tree.settle(&changes, commits)));
                let settled = settled.unwrap_or_else(|panic| Err(panicked(&*panic)));
                match &settled {
                    Ok(()) => shared.settled(),
                    Err(error) => shared.fail(error.clone()),
                }
                // Nobody has to be waiting.
                let _ = report.send(settled);
            }
            tree
        })?;
        Ok(Self { work, done, thread, at_work: false })
    }

    /// Waits until all that was begun is in the tree.
    pub(super) fn wait(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.at_work) { self.done.recv().unwrap_or_else(|_| Err(gone())) } else { Ok(()) }
    }

    /// Begins to bring something into the tree. What was begun before must be there.
    pub(super) fn begin(&mut self, work: Work) -> Result<(), StoreError> {
        self.at_work = true;
        self.work.send(work).map_err(|_| gone())
    }

    /// Ends the thread, when it has done what it was given.
    pub(super) fn stop(self) -> Result<Tree, StoreError> {
        drop(self.work);
        self.thread.join().map_err(|panic| panicked(&*panic))
    }
}

fn gone() -> StoreError {
    StoreError::Engine("the thread that writes to the tree has stopped".into())
}
