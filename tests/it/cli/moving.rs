//! `export` and `import`: where they write to and read from.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
};

use super::{Served, command, run_in};

/// A folder with the data of a server in it.
fn with_data() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Served::start(folder.path(), ["--data", "kept"]).stop("-TERM");
    folder
}

fn is_whole(file: &Path) -> bool {
    fs::read_to_string(file).unwrap().lines().last().unwrap_or_default().starts_with("{\"end\"")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[test]
fn an_export_is_its_owners_and_leaves_nothing_beside_it() {
    let folder = with_data();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("all.partly-written"), "somebody else's").unwrap();
    let export = |target: &str| run_in(folder.path(), ["export", "--data", "kept", target]);
    export("all.jsonl").succeeded();
    assert!(is_whole(&path("all.jsonl")));
    assert_eq!(fs::metadata(path("all.jsonl")).unwrap().permissions().mode() & 0o777, 0o600, "it holds private keys");
    assert_eq!(fs::read_to_string(path("all.partly-written")).unwrap(), "somebody else's");

    fs::create_dir(path("folder")).unwrap();
    export("folder").failed(4, &["folder can't be used", "fix:"]);
    export("none/all.jsonl").failed(4, &["can't be used"]);
    let unknown = run_in(folder.path(), ["export", "--data", "kept", "--sandbox", "nobody", "x.jsonl"]);
    unknown.failed(2, &["nobody"]);
    assert_eq!(names(folder.path()), ["all.jsonl", "all.partly-written", "folder", "kept"]);
    assert_eq!(names(&path("folder")), [""; 0]);
}

#[test]
fn what_an_export_is_written_to_stays_what_it_is() {
    let folder = with_data();
    let path = |name: &str| folder.path().join(name);
    let export = |target: &str| command(folder.path(), ["export", "--data", "kept", target]);
    fs::create_dir(path("elsewhere")).unwrap();
    symlink("elsewhere/all.jsonl", path("link")).unwrap();
    // At first there is nothing at its end, then there is a file.
    for _ in 0..2 {
        assert!(export("link").output().unwrap().status.success());
        assert!(fs::symlink_metadata(path("link")).unwrap().is_symlink());
        assert!(is_whole(&path("elsewhere/all.jsonl")));
        assert_eq!(names(&path("elsewhere")), ["all.jsonl"]);
    }
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    let mut writing = export("pipe").stderr(Stdio::null()).spawn().unwrap();
    assert!(is_whole(&path("pipe")));
    assert!(writing.wait().unwrap().success());
    assert!(fs::metadata(path("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn an_import_reads_standard_input_and_pipes_as_well() {
    let folder = with_data();
    let path = |name: &str| folder.path().join(name);
    run_in(folder.path(), ["export", "--data", "kept", "all.jsonl"]).succeeded();
    let import = |data: &str, from: &str| command(folder.path(), ["import", "--data", data, from]);
    let file = || fs::File::open(path("all.jsonl")).unwrap();
    assert!(import("a", "-").stdin(file()).output().unwrap().status.success());
    let mut cat = Command::new("cat").arg(path("all.jsonl")).stdout(Stdio::piped()).spawn().unwrap();
    let piped = import("b", "/dev/stdin").stdin(cat.stdout.take().unwrap()).output().unwrap();
    assert!(cat.wait().unwrap().success());
    assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
    for data in ["a", "b"] {
        let said = run_in(folder.path(), ["export", "--data", data, "-"]);
        assert!(said.succeeded().contains("\"sandbox\""), "{data}");
    }
    run_in(folder.path(), ["import", "--data", "c", "al.jsonl"]).failed(4, &["al.jsonl can't be used", "fix:"]);
    run_in(folder.path(), ["import", "--data", "c", "kept"]).failed(4, &["kept can't be used"]);
    assert!(!path("c").exists(), "a name that was mistyped makes no store");
}
