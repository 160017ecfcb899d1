//! The verbs that ask a server, and those that print what belongs to the program.

use serde_json::Value;

use super::{Served, run};
use crate::world::text;

#[test]
fn the_environment_is_printed_in_three_forms() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--ephemeral"]);
    let url = served.url();
    let print = |args: &[&str]| run(["print-env", "--url", &url].iter().chain(args));
    let tenant = "b3dd084c-4bfe-4bc0-8c20-8444e1909279";
    let values = [
        ("MARKETPLACE_API", format!("{url}/api")),
        ("MARKETPLACE_API_VERSION", "2018-08-31".to_owned()),
        ("MARKETPLACE_RESOURCE", "20e940b3-4c77-4b0b-9a53-9e16a1b010a7".to_owned()),
        ("AUTHORITY", url.clone()),
        ("TOKEN_ENDPOINT", format!("{url}/{tenant}/oauth2/v2.0/token")),
        ("TENANT_ID", tenant.to_owned()),
        ("CLIENT_ID", "86462d71-8d9f-442b-9f88-70c7015a80cb".to_owned()),
        ("CLIENT_SECRET", "rehearsal-contoso-secret".to_owned()),
    ];
    let lines =
        |line: &dyn Fn(&str, &str) -> String| values.iter().map(|(name, value)| line(name, value)).collect::<String>();
    assert_eq!(print(&[]).succeeded(), lines(&|name, value| format!("{name}={value}\n")));
    let shell = lines(&|name, value| format!("export {name}='{value}'\n"));
    assert_eq!(print(&["--format", "shell", "--publisher", "contoso"]).succeeded(), shell);
    let json: Value = serde_json::from_str(print(&["--format", "json"]).succeeded()).unwrap();
    assert_eq!(text(&json, "marketplaceApi"), format!("{url}/api"));
    assert_eq!(json["publishers"].as_array().map(Vec::len), Some(3));
    assert!(print(&["--publisher", "fabrikam"]).succeeded().contains("rehearsal-fabrikam-secret"));

    let partner = print(&["--partner", "proseware"]);
    for line in ["PARTNER_CENTER_RESOURCE=https://api.partnercenter.microsoft.com\n", "rehearsal-proseware-secret\n"] {
        assert!(partner.succeeded().contains(line), "{line}");
    }
    print(&["--partner", "prosware"]).failed(2, &["there is no partner prosware", "did you mean proseware?"]);
    print(&["--publisher", "contso"]).failed(2, &["there is no publisher contso", "did you mean contoso?"]);
    print(&["--publisher", "zzz"]).failed(2, &["use one of contoso, fabrikam, tailspin"]);
    print(&["--sandbox", "nobody"]).failed(4, &["nobody", "fix:"]);
    print(&["--format", "jsn"]).failed(2, &["jsn", "json"]);
}

#[test]
fn a_health_check_ends_with_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--ephemeral"]);
    let url = served.url();
    assert!(run(["healthcheck", "--url", &url]).succeeded().contains("is ready"));
    let json: Value = serde_json::from_str(run(["healthcheck", "--json", "--url", &url]).succeeded()).unwrap();
    assert_eq!(json["ready"], true);
    drop(served);
    run(["healthcheck", "--url", &url]).failed(1, &["can't be reached", "rehearsal serve"]);
    let ended = run(["healthcheck", "--json", "--url", &url]);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &json["ready"]), (Some(1), &Value::Bool(false)));
    run(["print-env", "--url", &url]).failed(4, &["can't be reached", "rehearsal serve"]);
    run(["healthcheck", "--url", "nonsense"]).failed(2, &["nonsense"]);
}

#[test]
fn http_and_https_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), ["--ephemeral", "--tls"]);
    let secure = served.url();
    let plain = secure.replace("https://", "http://");
    let says = ["it speaks HTTPS, not HTTP", &format!("--url {secure}"), "SSL_CERT_FILE="];
    run(["healthcheck", "--url", &plain]).failed(1, &says);
    run(["print-env", "--url", &plain]).failed(4, &says);
    run(["healthcheck", "--url", &secure]).failed(1, &["its certificate is not trusted", "SSL_CERT_FILE="]);
    let served = Served::start(folder.path(), ["--ephemeral"]);
    let plain = served.url();
    let secure = plain.replace("http://", "https://");
    run(["healthcheck", "--url", &secure]).failed(1, &["it speaks HTTP, not HTTPS", &format!("--url {plain}")]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_can_not_be_written_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = super::command(folder.path(), ["completions", "bash"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("standard output can't be written") && said.contains("fix:"), "{said}");
    // A reader that has gone away has what it wanted.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = super::command(folder.path(), ["completions", "bash"]).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn every_verb_explains_itself_with_examples() {
    for verb in ["serve", "play", "print-env", "healthcheck", "completions", "man"] {
        let help = run([verb, "--help"]);
        assert!(help.succeeded().contains(&format!("Examples:\n  rehearsal {verb}")), "{verb}: {}", help.out);
    }
    let help = run(["--help"]);
    assert!(help.succeeded().contains("Examples:") && help.out.contains("Exit codes:"));
    assert_eq!(run(["--version"]).succeeded(), concat!("rehearsal ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(run([""; 0]).code, Some(2));
}

#[test]
fn completions_and_the_manual_are_printed() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let completions = run(["completions", shell]);
        assert!(completions.succeeded().contains("healthcheck"), "{shell}");
    }
    let page = run(["man"]);
    let page = page.succeeded();
    assert!(page.starts_with(".ie") && page.contains(".TH rehearsal 1"));
    for (verb, flag) in [("SERVE", "landing\\-page"), ("PLAY", "against"), ("IMPORT", "sandbox"), ("CA", "path")] {
        let section = page.split(&format!(".SH \"REHEARSAL {verb}\"")).nth(1).unwrap_or_default();
        let section = section.split("\n.SH").next().unwrap_or_default();
        assert!(section.contains(&format!("\\-\\-{flag}")), "{verb} has no {flag}: {section}");
    }
}
