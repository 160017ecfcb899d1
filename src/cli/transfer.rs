//! `rehearsal export` and `rehearsal import`

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, ErrorKind, IsTerminal, Seek as _, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{args::TransferArgs, exit::Exit, output, settings::Surroundings, wiring::open_store};
use crate::{
    app::{self, Moved, TransferError},
    domain::ids::SandboxId,
    sim::entropy::secret_bytes,
    store::{SledOptions, Store},
};

/// Documents after which standard error hears how far it is, if it is no terminal.
const TOLD_EVERY: u64 = 100_000;

/// Writes a store into a file.
pub(super) async fn export(args: &TransferArgs) -> Exit {
    let target = match Target::of(&args.file) {
        Ok(target) => target,
        Err(error) => return not_usable(&args.file, &error),
    };
    let (store, names) = match opened(args, true).await {
        Ok(opened) => opened,
        Err((text, exit)) => return output::complain(&text, exit),
    };
    let progress = progress("exported");
    let moved = match target {
        Target::Output => app::export(&*store, &names, &mut BufWriter::new(std::io::stdout()), &progress).await,
        Target::Stream(path) => streamed(&*store, &names, &path, &progress).await,
        Target::File(path) => written(&*store, &names, &path, &progress).await,
    };
    finished(&*store, "exported", moved).await
}

fn not_usable(file: &Path, error: &std::io::Error) -> Exit {
    let text = format!("error: the file {} can't be used: {error}\n  fix: name another one", file.display());
    output::complain(&text, Exit::CouldNotStart)
}

/// What an export is written to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// Standard output.
    Output,
    /// Something that takes what is written to it, and that no file may stand in for: a pipe, a device.
    Stream(PathBuf),
    /// A file, or one that is to be; what links lead to, if it was named by one.
    File(PathBuf),
}

impl Target {
    fn of(path: &Path) -> std::io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Output);
        }
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(found) if found.is_file() => Ok(Self::File(std::fs::canonicalize(path)?)),
            Ok(_) => Ok(Self::Stream(path.to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::File(end_of_links(path))),
            Err(error) => Err(error),
        }
    }
}

/// The name that a link leads to at which there is nothing yet.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    while let Ok(next) = std::fs::read_link(&path) {
        path = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next));
    }
    path
}

async fn streamed(
    store: &dyn Store,
    names: &[SandboxId],
    path: &Path,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Moved, TransferError> {
    let file = OpenOptions::new().write(true).open(path)?;
    app::export(store, names, &mut BufWriter::new(file), progress).await
}

/// Written beside and moved into place: a file of that name is a whole one.
async fn written(
    store: &dyn Store,
    names: &[SandboxId],
    path: &Path,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Moved, TransferError> {
    let (beside, file) = Beside::create(path)?;
    let mut file = BufWriter::new(file);
    let moved = app::export(store, names, &mut file, progress).await?;
    file.get_ref().sync_all()?;
    beside.takes_the_place_of(path)?;
    Ok(moved)
}

/// A file beside another one that is not whole yet. It is removed if it does not take the other's place.
struct Beside(PathBuf);

impl Beside {
    /// Has a name that no other file has. Only its owner may read it: there are private keys in an export.
    fn create(path: &Path) -> std::io::Result<(Self, File)> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mark: String = secret_bytes::<4>().iter().map(|byte| format!("{byte:02x}")).collect();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{mark}.partly-written"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        Ok((Self(beside), file))
    }

    fn takes_the_place_of(self, path: &Path) -> std::io::Result<()> {
        std::fs::rename(&self.0, path)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After it was moved there is nothing of this name.
        let _moved = std::fs::remove_file(&self.0);
    }
}

/// Takes a file into a store.
pub(super) async fn import(args: &TransferArgs) -> Exit {
    // Before the store, which would be made for a name that was mistyped.
    let source = match source(&args.file) {
        Ok(source) => source,
        Err(error) => return not_usable(&args.file, &error),
    };
    let (store, names) = match opened(args, false).await {
        Ok(opened) => opened,
        Err((text, exit)) => return output::complain(&text, exit),
    };
    let open = || {
        let mut file = source.try_clone()?;
        file.rewind()?;
        Ok(BufReader::new(file))
    };
    let moved = app::import(&store, &names, &open, &progress("imported")).await;
    finished(&*store, "imported", moved).await
}

/// The file that is imported. It is read more than once; what can be read only once is kept in a file without a name.
fn source(path: &Path) -> std::io::Result<File> {
    if path == Path::new("-") {
        return kept(&mut std::io::stdin().lock());
    }
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    if found.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if found.is_file() { Ok(file) } else { kept(&mut file) }
}

fn kept(from: &mut dyn std::io::Read) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mark: String = secret_bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = std::env::temp_dir().join(format!("rehearsal-import-{mark}"));
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    // It lives for as long as it is open.
    std::fs::remove_file(&path)?;
    std::io::copy(from, &mut file)?;
    Ok(file)
}

async fn opened(args: &TransferArgs, must_exist: bool) -> Result<(Arc<dyn Store>, Vec<SandboxId>), (String, Exit)> {
    let names: Result<Vec<SandboxId>, _> = args.sandbox.iter().map(|name| name.parse()).collect();
    let names = names.map_err(|error| (format!("error: --sandbox: {error}"), Exit::Usage))?;
    let (database, data) = Surroundings::read(args.config.config.as_deref())
        .and_then(|surroundings| surroundings.store(args.data.clone(), &args.database))
        .map_err(|bad| (bad.0, Exit::Usage))?;
    if must_exist && database.is_none() && !data.exists() {
        let text = format!(
            "error: there is no data folder {}\n  fix: name the server's with --data, or its database with --database-url",
            data.display()
        );
        return Err((text, Exit::CouldNotStart));
    }
    let store = open_store(database.as_ref(), Some(&data), SledOptions::default().cache_bytes).await;
    store.map(|store| (store, names)).map_err(|error| (format!("error: {error}"), Exit::CouldNotStart))
}

/// Tells how far it is: on a terminal in one line that changes.
fn progress(done: &'static str) -> impl Fn(u64) + Send + Sync {
    let is_terminal = std::io::stderr().is_terminal();
    move |documents| {
        if is_terminal {
            let _nobody_looks = write!(std::io::stderr(), "\r{documents} documents {done}");
        } else if documents.is_multiple_of(TOLD_EVERY) {
            output::tell(&format!("{documents} documents {done}"));
        }
    }
}

async fn finished(store: &dyn Store, done: &str, moved: Result<Moved, TransferError>) -> Exit {
    let closed = store.close().await;
    let moved = match moved {
        Ok(moved) => moved,
        Err(error) => {
            let exit = match error {
                TransferError::NotAnExport { .. } | TransferError::OtherFormat { .. } | TransferError::Damaged(_) => {
                    Exit::BadFile
                }
                TransferError::UnknownSandbox { .. } | TransferError::SandboxExists(_) => Exit::Usage,
                _ => Exit::CouldNotStart,
            };
            return output::complain(&format!("error: {error}"), exit);
        }
    };
    if let Err(error) = closed {
        return output::complain(&format!("error: the store was not closed well: {error}"), Exit::CouldNotStart);
    }
    let rows: String = moved.sandboxes.iter().map(|(id, documents)| format!("\n  {id}: {documents}")).collect();
    let line = if std::io::stderr().is_terminal() { "\r" } else { "" };
    output::tell(&format!("{line}{} documents {done}{rows}", moved.documents()));
    Exit::Success
}
