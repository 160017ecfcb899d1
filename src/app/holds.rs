//! Claims that are given back when whoever holds them is done, or is broken off in the middle.

use std::sync::Arc;

use crate::store::{Key, Store};

/// Claimed documents.
#[derive(Debug)]
pub(super) struct Hold {
    store: Arc<dyn Store>,
    keys: Vec<Key>,
}

impl Hold {
    pub(super) fn on(store: &Arc<dyn Store>, keys: Vec<Key>) -> Self {
        Self { store: Arc::clone(store), keys }
    }

    /// Gives them back, and waits until others can have them.
    pub(super) async fn give_back(mut self) {
        for key in std::mem::take(&mut self.keys) {
            self.store.release(&key).await;
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        if keys.is_empty() {
            return;
        }
        // Without a runtime the program is at its end, and claims end with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let store = Arc::clone(&self.store);
            runtime.spawn(async move {
                for key in keys {
                    store.release(&key).await;
                }
            });
        }
    }
}
