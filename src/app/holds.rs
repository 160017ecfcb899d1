//! Claims, and what becomes of them when whoever holds them is broken off in the middle.

use std::sync::Arc;

use crate::store::{Claimed, Key, Store};

/// Claimed documents.
#[derive(Debug)]
pub(super) struct Hold {
    store: Arc<dyn Store>,
    held: Vec<Held>,
    broken_off: BrokenOff,
}

#[derive(Debug)]
struct Held {
    key: Key,
    left_behind: bool,
}

/// What becomes of claims when nobody gives them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrokenOff {
    /// Others can have them: nothing has been begun that they would do again.
    GivenBack,
    /// They run out, so that whoever has them next knows that the work may have been done. Where claims are not known to
    /// others they are given back.
    LeftBehind,
}

impl Hold {
    pub(super) fn on(store: &Arc<dyn Store>, claimed: &[Claimed], broken_off: BrokenOff) -> Self {
        let held = |claimed: &Claimed| Held { key: claimed.key.clone(), left_behind: claimed.left_behind };
        Self { store: Arc::clone(store), held: claimed.iter().map(held).collect(), broken_off }
    }

    /// Gives them back when the work is done, and waits until others can have them.
    pub(super) async fn give_back(mut self) {
        for held in std::mem::take(&mut self.held) {
            self.store.release(&held.key).await;
        }
    }

    /// Gives them back as they were found, because nothing was begun.
    pub(super) async fn put_back(mut self) {
        for held in std::mem::take(&mut self.held) {
            match self.store.shared() {
                Some(shared) if held.left_behind => shared.put_back(&held.key).await,
                _ => self.store.release(&held.key).await,
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.held);
        match self.store.shared() {
            Some(shared) if self.broken_off == BrokenOff::LeftBehind => {
                held.iter().for_each(|held| shared.leave_behind(&held.key));
            }
            _ if held.is_empty() => {}
            _ => {
                // Without a runtime the program is at its end, and claims end with it.
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    let store = Arc::clone(&self.store);
                    runtime.spawn(async move {
                        for held in held {
                            store.release(&held.key).await;
                        }
                    });
                }
            }
        }
    }
}
