//! Settings: what is not known is refused with a suggestion, and a flag goes before a variable before the file.

use super::{Served, command, ended, run, run_in};
use crate::world::{client, send};

#[test]
fn what_is_not_known_is_refused_with_a_suggestion() {
    run(["serve", "--listn", "127.0.0.1:0"]).failed(2, &["--listn", "--listen"]);
    run(["serv"]).failed(2, &["serv", "serve"]);
    run(["serve", "--auth", "relaxd"]).failed(2, &["relaxd", "relaxed"]);
    run(["serve", "--seed", "one"]).failed(2, &["a seed is a number"]);
    run(["serve", "--ephemeral", "--data", "x"]).failed(2, &["--ephemeral", "--data", "fix:"]);
    run(["serve", "--ephemeral", "--landing-page", "http://isv.example/#x"]).failed(2, &["'#'", "fix:"]);
    run(["serve", "--ephemeral", "--auth", "relaxed", "--act-as", "nobody"]).failed(2, &["nobody", "contoso"]);
    for (quota, says) in [
        ("document=1", "did you mean documents?"),
        ("documents=0", "a number from 1 on"),
        ("documents", "a number from 1 on"),
        ("requests-per-second=5,deliveries-per-minute=x", "a number from 1 on"),
    ] {
        run(["serve", "--ephemeral", "--quota", quota]).failed(2, &[says]);
    }
    run(["completions", "bsh"]).failed(2, &["bsh", "bash"]);
}

#[test]
fn an_unknown_variable_is_refused_with_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, says) in [
        ("REHEARSAL_LISTN", "127.0.0.1:0", "did you mean REHEARSAL_LISTEN?"),
        ("REHEARSAL_AUTH", "relaxd", "relaxed"),
        ("REHEARSAL_CACHE_MIB", "much", "much"),
    ] {
        let mut command = command(folder.path(), ["serve", "--ephemeral", "--listen", "127.0.0.1:0"]);
        ended(command.env(name, value)).failed(2, &[says]);
    }
    // A verb that does not read it would let the mistake pass until it matters.
    for verb in [vec!["healthcheck"], vec!["play", "none.yaml"], vec!["ca"], vec!["man"], vec!["export", "-"]] {
        let mut command = command(folder.path(), verb);
        ended(command.env("REHEARSAL_LISTN", "x")).failed(2, &["did you mean REHEARSAL_LISTEN?"]);
    }
    let mut in_a_cluster = command(folder.path(), ["man"]);
    in_a_cluster.env("REHEARSAL_SERVICE_HOST", "10.0.0.1").env("REHEARSAL_PORT", "tcp://10.0.0.1:7070");
    ended(in_a_cluster.env("REHEARSAL_PORT_7070_TCP_ADDR", "10.0.0.1")).succeeded();
}

#[test]
fn what_can_have_no_effect_is_refused_with_what_to_do() {
    for (arguments, says) in [
        ("serve --ephemeral --only publisher", "--marketplace URL --authority URL"),
        ("serve --ephemeral --act-as contoso", "--auth relaxed"),
        ("serve --ephemeral --webhook http://169.254.169.254/", "must not reach"),
        ("serve --ephemeral --quota documents=5,documents=6", "given twice"),
        ("play x.yaml --keep", "--against"),
        ("play x.yaml --key k", "--against"),
        ("play x.yaml --against http://127.0.0.1:9 --fixtures x", "leave one of them out"),
        ("play x.yaml --timeout 0", "--timeout"),
        ("play x.yaml --jobs 0", "--jobs"),
    ] {
        run(arguments.split_whitespace()).failed(2, &[says]);
    }
}

#[tokio::test]
async fn hosts_are_allowed_by_flag_variable_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let statuses = async |served: &Served| {
        let mut statuses = Vec::new();
        for host in ["flag.test", "variable.test", "file.test", "a.file.example"] {
            let call = client().get(format!("{}/version", served.url())).header("host", host);
            statuses.push(send(call).await.status);
        }
        statuses
    };
    std::fs::write(folder.path().join("rehearsal.yaml"), "allowHosts: [file.test, '*.file.example']\n").unwrap();
    let served = Served::start(folder.path(), ["--ephemeral"]);
    assert_eq!(statuses(&served).await, [421, 421, 200, 200]);
    let served = Served::start(folder.path(), ["--ephemeral", "--allow-host", "flag.test,variable.test"]);
    assert_eq!(statuses(&served).await, [200, 200, 421, 421]);

    std::fs::write(folder.path().join("rehearsal.yaml"), "ephemeral: true\nallowHosts: [a.test, 'b.test:80']\n")
        .unwrap();
    run_in(folder.path(), ["serve"]).failed(2, &["rehearsal.yaml:2:22", "without scheme, port and path"]);
    let mut with_variable = command(folder.path(), ["serve"]);
    let address = with_variable.env("REHEARSAL_ALLOW_HOST", "127.0.0.1");
    ended(address).failed(2, &["addresses are let in without being named"]);
    let key = ["--listen", "127.0.0.1:0", "--admin-key", "an operator's own, long key"];
    let with_key = ["serve", "--ephemeral", "--allow-host", "x.test"];
    run(with_key.iter().chain(&key)).failed(2, &["by any name", "leave --allow-host out"]);
}

#[test]
fn other_verbs_read_the_same_settings() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--data", "kept", "--tls"]);
    let address = crate::world::text(&served.ready(), "listening");
    std::fs::write(folder.path().join("rehearsal.yaml"), format!("listen: {address}\ndata: kept\ntls: true\n"))
        .unwrap();
    let certificate = run_in(folder.path(), ["ca", "--path"]).succeeded().trim().to_owned();
    let trusting = |args: &[&str]| ended(command(folder.path(), args).env("SSL_CERT_FILE", &certificate));
    let url = format!("https://{address}/");
    assert_eq!(trusting(&["healthcheck"]).succeeded(), format!("{url} is ready\n"));
    assert!(trusting(&["print-env"]).succeeded().contains("CLIENT_ID="));
    assert_eq!(trusting(&["healthcheck", "--url", "http://127.0.0.1:9"]).code, Some(1), "a flag goes first");
    served.stop("-TERM");
    run_in(folder.path(), ["export", "all.jsonl"]).succeeded();
    run_in(folder.path(), ["export", "--data", "none", "x"]).failed(4, &["there is no data folder none"]);
    std::fs::rename(folder.path().join("rehearsal.yaml"), folder.path().join("mine.yaml")).unwrap();
    run_in(folder.path(), ["export", "x"]).failed(4, &["there is no data folder rehearsal-data"]);
    run_in(folder.path(), ["export", "x", "--config", "mine.yaml"]).succeeded();
}

#[test]
fn a_mistake_in_the_settings_file_is_shown_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rehearsal.yaml");
    for (text, says) in [
        ("ephemeral: true\nlistn: 127.0.0.1:0\n", vec!["rehearsal.yaml:2:1", "listn", "listen"]),
        ("auth: relaxd\n", vec!["rehearsal.yaml:1:7", "did you mean `relaxed`?"]),
        ("ephemeral: true\nseed: abc\n", vec!["rehearsal.yaml:2:7", "^^^", "a seed is a number"]),
        ("cacheMib: much\n", vec!["rehearsal.yaml:1:"]),
        ("ephemeral: [\n", vec!["rehearsal.yaml:"]),
    ] {
        std::fs::write(&path, text).unwrap();
        run_in(folder.path(), ["serve"]).failed(2, &says);
    }
    run(["serve", "--config", "none.yaml"]).failed(2, &["--config", "none.yaml", "fix:"]);
    run(["serve", "--admin-key-file", "none"]).failed(2, &["--admin-key-file", "none can't be read", "fix:"]);
    run(["serve", "--database-url-file", "none"]).failed(2, &["--database-url-file", "none can't be read", "fix:"]);
    run(["print-env", "--key-file", "none"]).failed(2, &["--key-file", "none can't be read", "fix:"]);
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rehearsal.yaml"), "ephemeral: true\nlisten: nonsense-of-the-file\n").unwrap();
    run_in(folder.path(), ["serve"]).failed(2, &["rehearsal.yaml:2:9", "nonsense-of-the-file"]);
    let mut with_variable = command(folder.path(), ["serve"]);
    ended(with_variable.env("REHEARSAL_LISTEN", "nonsense-of-the-variable")).failed(2, &["nonsense-of-the-variable"]);
    let served = Served::start(folder.path(), [""; 0]);
    assert_eq!(served.stop("-TERM").code, Some(0));
}
