//! The power is cut: what was written but not synced is lost in part, in any order. Goal: every acknowledged commit is
//! there afterwards, and no commit is there by half.
//!
//! Method: at each sync the thread that has called for it stands still, and what is in its files then is what the disk is
//! bound to hold. So copies of the log and of the tree, each taken when it was last synced, are the state after a cut that loses
//! all later writes. What is in the folder at the next sync has all writes that were under way since; sectors taken from either at
//! random are what a disk with a cache of its own may be left with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rehearsal::store::{Changeset, Direction, Key, KeyRange, OpenError, SledOptions, SledStore, Store, Synced};

use super::key;

/// Files of a data folder, by their path in it.
type Files = BTreeMap<String, Vec<u8>>;

/// Everything that is in the store.
type Documents = BTreeMap<Key, Arc<[u8]>>;

const SECTOR: usize = 512;

/// sled's file is made of segments of this size; a cut between two of them is the hardest to recover from.
const SEGMENT: usize = 16 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commits_survive_the_loss_of_all_unsynced_writes() {
    let run = Run::of(1, Loss::All).await;
    run.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commits_survive_a_torn_write() {
    let run = Run::of(2, Loss::SomeSectors).await;
    run.audit().await;
    assert!(run.cuts.iter().any(|cut| cut.between_segments), "the workload is too small to fill a segment");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_commits_survive_a_kill_at_any_time() {
    let run = Run::of(3, Loss::None).await;
    run.audit().await;
}

/// What the cut does to writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    All,
    SomeSectors,
    /// Only the process ends: what it has written, it has written.
    None,
}

/// A random workload that has run to its end, with what power cuts on the way would have left.
struct Run {
    seed: u64,
    /// The documents after each commit; the first are none.
    history: Vec<Documents>,
    cuts: Vec<Cut>,
}

/// What is in the data folder after a cut.
struct Cut {
    /// The sync that it came before.
    sync: (usize, Synced),
    /// The commits that had been answered.
    answered: usize,
    /// More than one segment was being written.
    between_segments: bool,
    files: Files,
}

impl Run {
    /// Rounds of commits made at once, one round after the other, so that their order is known: documents of all sizes
    /// are written, rewritten and removed.
    async fn of(seed: u64, loss: Loss) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let folder = tempfile::tempdir().unwrap();
        let answered = Arc::new(AtomicUsize::new(0));
        let witness = Arc::new(Mutex::new(Witness::new(folder.path(), &answered, loss, seed)));
        let after_sync = {
            let witness = Arc::clone(&witness);
            Arc::new(move |synced| witness.lock().unwrap().on_sync(synced))
        };
        let options = SledOptions { after_sync: Some(after_sync), log_bytes: 120_000, ..SledOptions::default() };
        let store = Arc::new(SledStore::open(folder.path(), options).unwrap());
        let reader = tokio::spawn(read_on_and_on(Arc::clone(&store)));

        let mut history = vec![Documents::new()];
        for round in 0..220 {
            let commits = if round % 30 == 20 { 1 } else { rng.random_range(1..12) };
            let changesets: Vec<Changeset> = (0..commits)
                .map(|_| {
                    let (changeset, documents) = step(history.last().unwrap(), round % 30 == 20, &mut rng);
                    history.push(documents);
                    changeset
                })
                .collect();
            let pending = changesets.into_iter().map(|changeset| store.commit(changeset));
            let results = futures_util::future::join_all(pending).await;
            assert!(results.iter().all(Result::is_ok), "{results:?}");
            answered.store(history.len() - 1, Ordering::SeqCst);
        }
        store.close().await.unwrap();
        reader.await.unwrap();
        let cuts = std::mem::take(&mut witness.lock().unwrap().cuts);
        for wanted in [Synced::Log, Synced::Tree] {
            assert!(cuts.iter().any(|cut| cut.sync.1 == wanted), "no cut before a sync of the {wanted:?}");
        }
        Self { seed, history, cuts }
    }

    /// Opens the store after each cut: the documents must be those after some commit, which is not before the last that
    /// was answered.
    async fn audit(&self) {
        for Cut { sync, answered, files, .. } in &self.cuts {
            let what = format!("seed {}, cut before sync {sync:?}", self.seed);
            let found = reopen(files).await.unwrap_or_else(|error| panic!("{what}: refused: {error}"));
            match self.history.iter().rposition(|documents| *documents == found) {
                Some(after) if after >= *answered => {}
                Some(after) => panic!("{what}: only {after} of {answered} acknowledged commits are there"),
                None => panic!("{what}: a commit is there by half, after {answered} acknowledged ones"),
            }
        }
    }
}

/// Reads until the store is closed. sled splits pages where it reads, so readers write to its file as well.
async fn read_on_and_on(store: Arc<SledStore>) {
    let everything = KeyRange { start: Key::from_bytes(Vec::new()), end: None };
    while store.scan(&everything, Direction::Ascending, 200).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Looks into the data folder at each sync, and cuts the power between some of them.
struct Witness {
    folder: std::path::PathBuf,
    answered: Arc<AtomicUsize>,
    loss: Loss,
    rng: ChaCha8Rng,
    /// What the disk is bound to hold.
    last: Files,
    syncs: usize,
    cuts: Vec<Cut>,
}

impl Witness {
    fn new(folder: &Path, answered: &Arc<AtomicUsize>, loss: Loss, seed: u64) -> Self {
        let (folder, answered) = (folder.to_path_buf(), Arc::clone(answered));
        // A stream of its own, so that where the cuts are doesn't change what the workload does.
        let rng = ChaCha8Rng::seed_from_u64(!seed);
        Self { folder, answered, loss, rng, last: Files::new(), syncs: 0, cuts: Vec::new() }
    }

    /// The cut, if there is one, was before this sync: all that had been answered by now rested on the ones before.
    fn on_sync(&mut self, synced: Synced) {
        let answered = self.answered.load(Ordering::SeqCst);
        let now = read_folder(&self.folder);
        self.syncs += 1;
        let between_segments = segments_written(&self.last, &now) > 1;
        // There are far fewer syncs of the tree.
        let odds = if synced == Synced::Tree { 8 } else { 10 };
        if !self.last.is_empty() && (between_segments || self.rng.random_ratio(1, odds)) {
            let files = match self.loss {
                Loss::All => self.last.clone(),
                Loss::SomeSectors => torn(&self.last, &now, &mut self.rng),
                Loss::None => now.clone(),
            };
            self.cuts.push(Cut { sync: (self.syncs, synced), answered, between_segments, files });
        }
        // Nothing was committed before the first sync, which had the whole folder made.
        let is_first = self.last.is_empty();
        let is_synced = |name: &str| is_first || name.starts_with("sled/") == (synced == Synced::Tree);
        self.last.retain(|name, _| !is_synced(name));
        self.last.extend(now.into_iter().filter(|(name, _)| is_synced(name)));
    }
}

fn segments_written(old: &Files, new: &Files) -> usize {
    let segments = |files: &Files| -> Vec<Vec<u8>> {
        files.get("sled/db").map_or_else(Vec::new, |db| db.chunks(SEGMENT).map(<[u8]>::to_vec).collect())
    };
    let (old, new) = (segments(old), segments(new));
    new.iter().enumerate().filter(|(number, segment)| old.get(*number) != Some(segment)).count()
}

/// One commit, and what it leaves. A large one is more than may be on its way to the disk at once.
fn step(before: &Documents, large: bool, rng: &mut impl Rng) -> (Changeset, Documents) {
    let mut changeset = Changeset::default();
    let mut documents = before.clone();
    let writes = if large { 700 } else { rng.random_range(0..6) };
    // Every commit leaves another state, so that each is told from the last.
    let every_time = key("commits", 0);
    let keys: BTreeSet<Key> = std::iter::once(every_time.clone())
        .chain(
            (0..writes)
                .map(|_| key(if large { "bulk" } else { "a" }, rng.random_range(0..if large { 900 } else { 120 }))),
        )
        .collect();
    for key in keys {
        if key != every_time && rng.random_ratio(1, 6) {
            documents.remove(&key);
            changeset.remove(key);
        } else {
            let mut bytes = vec![0; *[30, 300, 1_500, 4_000, 20_000].choose(rng).unwrap() / if large { 10 } else { 1 }];
            rng.fill_bytes(&mut bytes);
            documents.insert(key.clone(), bytes.clone().into());
            changeset.put(key, bytes);
        }
    }
    (changeset, documents)
}

/// What a cut between two syncs may leave: of each sector that differs either one, and of a file that has grown any
/// part of the growth.
fn torn(old: &Files, new: &Files, rng: &mut impl Rng) -> Files {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    // From nearly nothing to nearly everything having reached the disk.
    let odds: f64 = *[0.02, 0.3, 0.5, 0.7, 0.98].choose(rng).unwrap();
    let mut torn = Files::new();
    for name in names {
        let (old, new) = (old.get(name), new.get(name));
        let (Some(old), Some(new)) = (old, new) else {
            // A name that came or went in between may be there or not.
            if let Some(bytes) = old.or(new).filter(|_| rng.random_bool(odds)) {
                torn.insert(name.clone(), bytes.clone());
            }
            continue;
        };
        let shorter = old.len().min(new.len());
        let length =
            if rng.random_bool(odds) { new.len() } else { rng.random_range(shorter..=old.len().max(new.len())) };
        let mut bytes = old.clone();
        bytes.resize(length, 0);
        for start in (0..length.min(new.len())).step_by(SECTOR) {
            let end = (start + SECTOR).min(length).min(new.len());
            if old.get(start..end) != new.get(start..end) && rng.random_bool(odds) {
                bytes[start..end].copy_from_slice(&new[start..end]);
            }
        }
        torn.insert(name.clone(), bytes);
    }
    torn
}

/// Everything that a store with these files holds.
async fn reopen(files: &Files) -> Result<Documents, OpenError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let store = SledStore::open(folder.path(), SledOptions::default())?;
    let everything = KeyRange { start: Key::from_bytes(Vec::new()), end: None };
    let found = store.scan(&everything, Direction::Ascending, usize::MAX).await.unwrap();
    Ok(found.into_iter().map(|(key, document)| (key, document.bytes)).collect())
}

fn read_folder(path: &Path) -> Files {
    fn read(path: &Path, under: &str, files: &mut Files) {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{under}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                read(&entry.path(), &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = Files::new();
    read(path, "", &mut files);
    files
}
