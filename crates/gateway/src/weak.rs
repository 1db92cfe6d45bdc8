//! Maps of what somebody still has: made when it is first asked for, and forgotten once nobody has it.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

#[derive(Debug)]
pub(crate) struct WeakMap<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K, V> Default for WeakMap<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> WeakMap<K, V> {
    pub(crate) fn of(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        let mut known = self.0.lock();
        if let Some(known) = known.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        sweep(&mut known, |known| known.strong_count() > 0);
        let new = Arc::new(make());
        known.insert(key, Arc::downgrade(&new));
        new
    }
}

/// Forgets what nobody has any more, when the map would grow otherwise: on the average O(1).
pub(crate) fn sweep<K: Eq + Hash, V>(known: &mut HashMap<K, V>, mut is_alive: impl FnMut(&mut V) -> bool) {
    if known.len() == known.capacity() {
        known.retain(|_, value| is_alive(value));
    }
}
