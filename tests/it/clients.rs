//! The real client libraries of Entra, unmodified and from their registries, against `serve --tls`: each gets a token with
//! a secret and with a certificate, and the marketplace takes it; people sign in through each.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rehearsal::cli::wiring::{Server, ServerOptions};
use reqwest::{Certificate, Client};
use serde_json::Value;

use crate::world::{VERSION, text};

const SCOPE: &str = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7/.default";

/// Where what is installed for the programs is kept from run to run.
fn installed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name)
}

fn programs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a command that has to succeed.
#[track_caller]
fn run(command: &mut Command, what: &str) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} failed; the registry has to be reachable. {command:?}\n{said}");
    output
}

/// Installs once for each state of the file that pins the versions.
fn install(name: &str, pinned: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let folder = installed(name);
    let wanted = fs::read(programs(name).join(pinned)).unwrap();
    let note = folder.join("installed");
    if fs::read(&note).ok().as_ref() != Some(&wanted) {
        let _not_there = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        install(&folder);
        fs::write(note, wanted).unwrap();
    }
    folder
}

/// The lines that a program printed, by library.
fn tokens(program: &mut Command, world: &World) -> Vec<Value> {
    program
        .env("AUTHORITY", &world.server.base_url)
        .env("TENANT_ID", text(&world.publisher, "tenantId"))
        .env("CLIENT_ID", text(&world.publisher, "clientId"))
        .env("CLIENT_SECRET", text(&world.publisher, "clientSecret"))
        .env("SCOPE", SCOPE)
        .env("CERTIFICATE_FILE", programs("keys").join("contoso.pem"))
        .env("KEY_FILE", programs("keys").join("contoso-key.pem"))
        .env("NO_PROXY", "127.0.0.1");
    let output = run(program, "the client program");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

struct World {
    server: Server,
    http: Client,
    publisher: Value,
    /// A file with the certificate to trust.
    certificate: tempfile::NamedTempFile,
}

impl World {
    async fn start() -> Self {
        let server = Server::start(ServerOptions { tls: true, ..ServerOptions::default() }).await.unwrap();
        let pem = server.certificate.clone().unwrap();
        let certificate = tempfile::NamedTempFile::new().unwrap();
        fs::write(certificate.path(), &pem).unwrap();
        let trusted = Certificate::from_pem(pem.as_bytes()).unwrap();
        let http = Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
        let environment = format!("{}/sim/v1/sandboxes/default/environment", server.base_url);
        let environment: Value = http.get(environment).send().await.unwrap().json().await.unwrap();
        Self { server, http, publisher: environment["publishers"][0].clone(), certificate }
    }

    /// The marketplace takes each token; a wrong secret is the error that programs look for.
    async fn takes(&self, lines: &[Value], libraries: &[&str]) {
        let found: Vec<String> = lines.iter().map(|line| text(line, "library")).collect();
        assert_eq!(found, libraries);
        for line in lines {
            if text(line, "library").ends_with("sign-in") {
                assert_eq!((text(line, "user").is_empty(), &line["refreshed"]), (false, &Value::Bool(true)), "{line}");
                continue;
            }
            if text(line, "library").ends_with("wrong secret") {
                assert_eq!(line["error"], "invalid_client", "{line}");
                assert!(line["codes"].to_string().contains("7000215"), "{line}");
                continue;
            }
            let list = format!("{}/api/saas/subscriptions?{VERSION}", self.server.base_url);
            let answer = self.http.get(list).bearer_auth(text(line, "token")).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_identity_and_msal_for_python_get_tokens() {
    let world = World::start().await;
    let folder = install("python", "requirements.txt", |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder), "python3 -m venv");
        let requirements = programs("python").join("requirements.txt");
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "--requirement"]).arg(requirements), "pip install");
    });
    let mut program = Command::new(folder.join("bin/python"));
    program.arg(programs("python").join("tokens.py")).env("REQUESTS_CA_BUNDLE", world.certificate.path());
    let lines = tokens(&mut program, &world);
    world
        .takes(
            &lines,
            &[
                "azure-identity",
                "msal",
                "azure-identity, certificate",
                "msal, certificate",
                "msal, wrong secret",
                "msal, sign-in",
                "azure-identity, sign-in",
            ],
        )
        .await;
    world.server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_identity_and_msal_for_node_get_tokens() {
    let world = World::start().await;
    let folder = install("node", "package-lock.json", |folder| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(programs("node").join(file), folder.join(file)).unwrap();
        }
        run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(folder), "npm ci");
    });
    // Node looks for packages beside the program.
    fs::copy(programs("node").join("tokens.mjs"), folder.join("tokens.mjs")).unwrap();
    let mut program = Command::new("node");
    program.arg(folder.join("tokens.mjs")).env("NODE_EXTRA_CA_CERTS", world.certificate.path());
    let lines = tokens(&mut program, &world);
    let libraries = [
        "@azure/identity",
        "@azure/identity, certificate",
        "@azure/msal-node",
        "@azure/msal-node, certificate",
        "@azure/msal-node, wrong secret",
        "@azure/msal-node, sign-in",
        "@azure/identity, sign-in",
    ];
    world.takes(&lines, &libraries).await;
    world.server.stop().await.unwrap();
}
