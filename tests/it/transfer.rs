//! `rehearsal export` and `rehearsal import`: what a server has goes from a folder into a database and back, and nothing is
//! taken in half.

use std::{
    path::Path,
    process::{Command, Output},
};

use rehearsal::{
    cli::wiring::ServerOptions,
    store::{DatabaseUrl, Direction, Key, KeyRange, SledOptions, SledStore, Store},
};
use serde_json::Value;

use crate::{
    postgres::Database,
    world::{SANDBOX, World, text},
};

fn rehearsal(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rehearsal")).args(arguments).output().unwrap()
}

#[track_caller]
fn done(arguments: &[&str]) -> String {
    let output = rehearsal(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[track_caller]
fn refused(arguments: &[&str], code: i32, why: &str) {
    let output = rehearsal(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(code) && said.contains(why), "{arguments:?}: {:?} {said}", output.status);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with a subscription that is active; its id.
async fn filled(data: &Path) -> String {
    let world = World::start_with(ServerOptions { data: Some(data.to_owned()), ..ServerOptions::default() }).await;
    world.create_sandbox(SANDBOX).await;
    world.create_sandbox("other").await;
    let id = text(&world.buyer().buys_seats().await, "id");
    let publisher = world.publisher("contoso").await;
    publisher.activate(&id).await.expect(200);
    publisher.reports(&id, 5).await.expect(200);
    world.stop().await;
    id
}

/// What a server says of a subscription, with its journal.
async fn told(options: ServerOptions, id: &str) -> (Value, Vec<Value>) {
    let world = World::start_with(options).await;
    let mut subscription = world.operator().subscription(id).await;
    // Each server has its own port.
    subscription["link"]["personalizedLink"].take();
    let journal = world.operator().journal(&format!("subscription={id}")).await;
    world.stop().await;
    (subscription, journal)
}

fn in_folder(data: &Path) -> ServerOptions {
    ServerOptions { data: Some(data.to_owned()), ..ServerOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_has_goes_into_a_database_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, back) = (folder.path().join("data"), folder.path().join("back"));
    let (file, again) = (folder.path().join("all.jsonl"), folder.path().join("again.jsonl"));
    let id = filled(&data).await;
    let before = told(in_folder(&data), &id).await;
    let said = done(&["export", "--data", path(&data), path(&file)]);
    assert!(said.contains("\n  default: ") && said.contains("\n  other: ") && said.contains("\n  stage: "), "{said}");

    let database = Database::new().await;
    let url_file = folder.path().join("url");
    std::fs::write(&url_file, format!("{}\n", database.url())).unwrap();
    done(&["import", "--database-url", &database.url(), path(&file)]);
    let options = ServerOptions { database: Some(DatabaseUrl::new(&database.url())), ..ServerOptions::default() };
    let there = told(options, &id).await;
    assert!(there == before, "{there:?}");

    // From there into another folder: the same, and the life goes on.
    done(&["export", "--database-url-file", path(&url_file), path(&again)]);
    done(&["import", "--data", path(&back), path(&again)]);
    assert!(told(in_folder(&back), &id).await == before);
    let world = World::start_with(in_folder(&back)).await;
    let ran = world.operator().advances("P1M").await;
    assert_eq!(ran["byKind"]["termEnds"], 1, "{ran}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sandbox_is_moved_beside_others() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other) = (folder.path().join("data"), folder.path().join("other"));
    let file = folder.path().join("stage.jsonl");
    let id = filled(&data).await;
    let before = told(in_folder(&data), &id).await;
    let said = done(&["export", "--data", path(&data), "--sandbox", SANDBOX, path(&file)]);
    assert!(!said.contains("default"), "{said}");
    // A server with sandboxes of its own.
    let world = World::start_with(in_folder(&other)).await;
    world.create_sandbox("own").await;
    world.stop().await;
    done(&["import", "--data", path(&other), path(&file)]);
    assert!(told(in_folder(&other), &id).await == before);
    refused(&["import", "--data", path(&other), path(&file)], 2, "the sandbox stage is there already");
    refused(
        &["export", "--data", path(&data), "--sandbox", "nobody", path(&file)],
        2,
        "use one of default, other, stage",
    );
    refused(&["import", "--data", path(&other), "--sandbox", "nobody", path(&file)], 2, "use one of stage");
    refused(&["export", "--data", path(&folder.path().join("none")), "-"], 4, "there is no data folder");
    refused(&["export", "--data", path(&data), "/nowhere/file"], 4, "can't be used");
    let world = World::start_with(in_folder(&data)).await;
    refused(&["export", "--data", path(&data), "-"], 4, "in use by another process");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_in_of_a_damaged_file() {
    let folder = tempfile::tempdir().unwrap();
    let (data, new) = (folder.path().join("data"), folder.path().join("new"));
    let file = folder.path().join("all.jsonl");
    filled(&data).await;
    done(&["export", "--data", path(&data), path(&file)]);
    let whole = std::fs::read_to_string(&file).unwrap();
    for (damaged, why) in [
        (whole[..whole.len() / 2].to_owned(), "line "),
        (whole.replacen("\"body\":\"e", "\"body\":\"f", 1), "does not sum up"),
        ("nothing of the kind".to_owned(), "line 1"),
        (
            whole.replacen("\"format\":2", "\"format\":1", 1),
            "another version of rehearsal (format 1; this one reads 2)",
        ),
    ] {
        std::fs::write(&file, damaged).unwrap();
        refused(&["import", "--data", path(&new), path(&file)], 3, why);
    }
    let store = SledStore::open(&new, SledOptions::default()).unwrap();
    let everything = KeyRange { start: Key::from_bytes(Vec::new()), end: None };
    let found = store.scan(&everything, Direction::Ascending, 10).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
    store.close().await.unwrap();
}
