//! `rehearsal export` and `rehearsal import`

use std::{
    fs::File,
    io::{BufReader, BufWriter, IsTerminal, Write},
    path::Path,
    sync::Arc,
};

use super::{args::TransferArgs, exit::Exit, output, settings::database, wiring::open_store};
use crate::{
    app::{self, Moved, TransferError},
    domain::ids::SandboxId,
    store::{SledOptions, Store},
};

const DEFAULT_DATA: &str = "rehearsal-data";
/// Documents after which standard error hears how far it is, if it is no terminal.
const TOLD_EVERY: u64 = 100_000;

/// Writes a store into a file.
pub(super) async fn export(args: &TransferArgs) -> Exit {
    let (store, names) = match opened(args, true).await {
        Ok(opened) => opened,
        Err((text, exit)) => return output::complain(&text, exit),
    };
    let progress = progress("exported");
    let moved = if args.file == Path::new("-") {
        app::export(&*store, &names, &mut BufWriter::new(std::io::stdout()), &progress).await
    } else {
        written(&*store, &names, &args.file, &progress).await
    };
    finished(&*store, "exported", moved).await
}

/// Written beside and moved into place: a file of that name is a whole one.
async fn written(
    store: &dyn Store,
    names: &[SandboxId],
    path: &Path,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Moved, TransferError> {
    let beside = path.with_extension("partly-written");
    let mut file = BufWriter::new(File::create(&beside)?);
    let moved = app::export(store, names, &mut file, progress).await;
    let kept = match &moved {
        Ok(_) => file.get_ref().sync_all().and_then(|()| std::fs::rename(&beside, path)),
        Err(_) => std::fs::remove_file(&beside),
    };
    let moved = moved?;
    kept?;
    Ok(moved)
}

/// Takes a file into a store.
pub(super) async fn import(args: &TransferArgs) -> Exit {
    let (store, names) = match opened(args, false).await {
        Ok(opened) => opened,
        Err((text, exit)) => return output::complain(&text, exit),
    };
    let open = || File::open(&args.file).map(BufReader::new);
    let moved = app::import(&store, &names, &open, &progress("imported")).await;
    finished(&*store, "imported", moved).await
}

async fn opened(args: &TransferArgs, must_exist: bool) -> Result<(Arc<dyn Store>, Vec<SandboxId>), (String, Exit)> {
    let names: Result<Vec<SandboxId>, _> = args.sandbox.iter().map(|name| name.parse()).collect();
    let names = names.map_err(|error| (format!("error: --sandbox: {error}"), Exit::Usage))?;
    let database = database(args.database.clone());
    let database = database.map_err(|bad| (bad.0, Exit::Usage))?;
    let data = args.data.as_deref().unwrap_or_else(|| Path::new(DEFAULT_DATA));
    if must_exist && database.is_none() && !data.exists() {
        let text = format!(
            "error: there is no data folder {}\n  fix: name the server's with --data, or its database with --database-url",
            data.display()
        );
        return Err((text, Exit::CouldNotStart));
    }
    let store = open_store(database.as_ref(), Some(data), SledOptions::default().cache_bytes).await;
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
                TransferError::NotAnExport { .. } | TransferError::TooNew(_) | TransferError::Damaged(_) => {
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
