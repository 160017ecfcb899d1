//! Settings: what is not known is refused with a suggestion, and a flag goes before a variable before the file.

use super::{Served, command, ended, run, run_in};

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
}

#[test]
fn a_mistake_in_the_settings_file_is_shown_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rehearsal.yaml");
    for (text, says) in [
        ("ephemeral: true\nlistn: 127.0.0.1:0\n", vec!["rehearsal.yaml:2:1", "listn", "listen"]),
        ("auth: relaxd\n", vec!["did you mean relaxed?"]),
        ("cacheMib: much\n", vec!["rehearsal.yaml:1:"]),
        ("ephemeral: [\n", vec!["rehearsal.yaml:"]),
    ] {
        std::fs::write(&path, text).unwrap();
        run_in(folder.path(), ["serve"]).failed(2, &says);
    }
    run(["serve", "--config", "none.yaml"]).failed(2, &["none.yaml"]);
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rehearsal.yaml"), "ephemeral: true\nlisten: nonsense-of-the-file\n").unwrap();
    run_in(folder.path(), ["serve"]).failed(4, &["nonsense-of-the-file"]);
    let mut with_variable = command(folder.path(), ["serve"]);
    ended(with_variable.env("REHEARSAL_LISTEN", "nonsense-of-the-variable")).failed(4, &["nonsense-of-the-variable"]);
    let served = Served::start(folder.path(), [""; 0]);
    assert_eq!(served.stop("-TERM").code, Some(0));
}
