//! Keys on the command line: of the server, and of those who ask it.

use std::fs;

use super::{Served, command, ended, playing::GOOD, run, run_in};
use crate::world::{client, send, text};

const OWN: &str = "an operator's own, long key";

#[test]
fn a_server_that_asks_for_keys_does_not_start_without_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("short"), "too short\n").unwrap();
    let serve = |args: &[&str]| {
        let usual = ["serve", "--ephemeral", "--listen", "127.0.0.1:0"];
        run_in(folder.path(), usual.iter().chain(args))
    };
    serve(&["--access", "keys"]).failed(2, &["there is none that opens everything", "REHEARSAL_ADMIN_KEY"]);
    serve(&["--access", "kees"]).failed(2, &["kees", "keys"]);
    for args in [["--admin-key", "too short"], ["--admin-key-file", "short"]] {
        serve(&args).failed(2, &["shorter than 20 characters", "openssl rand"]);
    }
    serve(&["--admin-key-file", "none"]).failed(2, &["none", "can't be read"]);
    serve(&["--admin-key", OWN, "--admin-key-file", "short"]).failed(2, &["cannot be used with"]);
    fs::write(folder.path().join("rehearsal.yaml"), "access: kees\n").unwrap();
    serve(&[]).failed(2, &["did you mean `keys`?"]);
    fs::write(folder.path().join("rehearsal.yaml"), "adminKey: too short\n").unwrap();
    serve(&[]).failed(2, &["shorter than 20 characters"]);
}

#[tokio::test]
async fn an_admin_key_is_asked_for_on_this_machine_too() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--ephemeral", "--admin-key", OWN]);
    let url = served.url();
    run(["print-env", "--url", &url]).failed(4, &["asks for a key"]);
    run(["print-env", "--url", &url, "--key", OWN]).succeeded();
    let open = ["serve", "--ephemeral", "--admin-key", OWN, "--access", "open"];
    run_in(folder.path(), open).failed(2, &["nobody would be asked for it", "leave one of them out"]);
}

#[tokio::test]
async fn whoever_asks_such_a_server_shows_a_key() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("admin.key"), format!("{OWN}\n")).unwrap();
    fs::write(folder.path().join("good.yaml"), GOOD).unwrap();
    let served = Served::start(folder.path(), ["--ephemeral", "--access", "keys", "--admin-key-file", "admin.key"]);
    let url = served.url();
    run(["healthcheck", "--url", &url]).succeeded();
    let post = |path: &str, key: &str| client().post(format!("{url}/sim/v1/{path}")).bearer_auth(key.to_owned());
    send(post("sandboxes", OWN).body(r#"{ "name": "team-a" }"#)).await.expect(201);
    let key = text(&send(post("sandboxes/team-a/keys", OWN)).await.expect(201), "key");

    let asks = ["--key-file", "REHEARSAL_KEY"];
    run(["print-env", "--url", &url]).failed(4, &[&url, "asks for a key", asks[0], asks[1]]);
    run(["print-env", "--url", &url, "--key", "wrong"]).failed(4, &["the key opens nothing", "another one"]);
    run(["print-env", "--url", &url, "--key", &key, "--sandbox", "default"]).failed(4, &["your key opens team-a"]);
    let named = run(["print-env", "--url", &url, "--key", &key, "--sandbox", "team-a"]);
    assert!(named.succeeded().contains("CLIENT_ID="), "{}", named.out);
    assert_eq!(run(["print-env", "--url", &url, "--key", &key]).succeeded(), named.out, "the key's own sandbox");
    run_in(folder.path(), ["print-env", "--url", &url, "--key-file", "admin.key"]).succeeded();

    let play = || command(folder.path(), ["play", "good.yaml", "--against", &url, "--keep"]);
    ended(&mut play()).failed(4, &["asks for a key", asks[0]]);
    ended(play().args(["--key", "wrong"])).failed(4, &["the key opens nothing"]);
    ended(play().env("REHEARSAL_KEY", &key)).succeeded();
    ended(play().args(["--key-file", "admin.key"])).succeeded();
    let list = client().get(format!("{url}/sim/v1/sandboxes")).bearer_auth(OWN);
    let list = send(list).await.expect(200);
    let names: Vec<String> = list["sandboxes"].as_array().unwrap().iter().map(|one| text(one, "name")).collect();
    let kept = |prefix: &str| names.iter().filter(|name| name.starts_with(prefix)).count();
    assert_eq!((names.len(), kept("play-good-"), kept("team-a.play-good-")), (4, 1, 1), "{names:?}");
    let ended = served.stop("-TERM");
    assert!(!ended.err.contains(&key) && !ended.err.contains(OWN), "a key is told: {}", ended.err);
}
