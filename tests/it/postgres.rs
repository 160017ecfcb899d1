//! A PostgreSQL of the tests' own: started from the installed binaries on a free port, shared by the tests that run at the
//! same time, stopped and removed with the last of them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;

/// A running server.
#[derive(Debug)]
pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
    /// Settings of its own.
    settings: &'static str,
    schemas: AtomicU64,
}

/// A database that is empty, for one test.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) server: Arc<Postgres>,
    schema: u64,
}

/// Of the tests' servers: no machine of theirs loses its power.
const FORGETFUL: &str = "-c fsync=off";

static RUNNING: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

impl Database {
    /// An empty database; starts a server if none runs.
    pub(crate) async fn new() -> Self {
        let server = tokio::task::spawn_blocking(Postgres::running).await.unwrap();
        let schema = server.schemas.fetch_add(1, Ordering::Relaxed);
        server.run(&format!("CREATE SCHEMA test_{schema}")).await;
        Self { server, schema }
    }

    /// An empty database on a server that no other test uses: it may be stopped.
    pub(crate) async fn alone() -> Self {
        Self::on(FORGETFUL).await
    }

    /// An empty database on a server that has these settings.
    pub(crate) async fn on(settings: &'static str) -> Self {
        let server = tokio::task::spawn_blocking(|| Arc::new(Postgres::start(settings))).await.unwrap();
        server.run("CREATE SCHEMA test_0").await;
        Self { server, schema: 0 }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("{}?options=-c%20search_path%3Dtest_{}", self.server.url(), self.schema)
    }

    /// Keeps everybody else from it, until what this gives is dropped.
    pub(crate) async fn is_stuck(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; LOCK TABLE rehearsal_document IN ACCESS EXCLUSIVE MODE").await.unwrap();
        client
    }

    /// Runs statements in it.
    pub(crate) async fn run(&self, statements: &str) {
        self.server.run(&format!("SET search_path = test_{}; {statements}", self.schema)).await;
    }
}

impl Postgres {
    fn running() -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start(FORGETFUL));
        *running = Arc::downgrade(&server);
        server
    }

    fn start(settings: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It refuses to run as root.
        if is_root() {
            done(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        done(
            as_user("initdb")
                .args(["-A", "trust", "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8", "-D"])
                .arg(&data),
        );
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port, settings, schemas: AtomicU64::new(0) };
        server.start_again();
        server
    }

    /// Starts it, once it was stopped.
    pub(crate) fn start_again(&self) {
        let data = self.folder.path().join("data");
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c max_connections=400 {}",
            self.port,
            self.folder.path().display(),
            self.settings
        );
        let log = self.folder.path().join("log");
        done(as_user("pg_ctl").args(["start", "-w", "-s", "-o", &options, "-l"]).arg(log).arg("-D").arg(data));
    }

    /// From now on it speaks TLS too, with this certificate and key (PEM).
    pub(crate) async fn speaks_tls(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = self.folder.path().join("data").join(name);
            std::fs::write(&file, text).unwrap();
            done(Command::new("chmod").arg("600").arg(&file));
            if is_root() {
                done(Command::new("chown").arg("postgres").arg(&file));
            }
        }
        // Not in one transaction: the first can't be in any.
        self.run("ALTER SYSTEM SET ssl = on").await;
        self.run("SELECT pg_reload_conf()").await;
    }

    /// Stops it at once, as a crash would.
    pub(crate) fn stop(&self) {
        let data = self.folder.path().join("data");
        done(as_user("pg_ctl").args(["stop", "-w", "-s", "-m", "immediate", "-D"]).arg(data));
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    async fn run(&self, statements: &str) {
        let (client, connection) = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await.unwrap();
        let driven = tokio::spawn(connection);
        client.batch_execute(statements).await.unwrap();
        drop(client);
        driven.await.unwrap().unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let stopped = as_user("pg_ctl").args(["stop", "-w", "-s", "-m", "immediate", "-D"]).arg(data).status();
        if !stopped.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            panic!("the tests' PostgreSQL could not be stopped");
        }
    }
}

/// A program of PostgreSQL that lies beside the server, as a user that it runs as.
pub(crate) fn as_user(program: &str) -> Command {
    let program = binaries().join(program);
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// Where the server's programs are: Debian keeps them off the path.
fn binaries() -> PathBuf {
    let told = Command::new("pg_config").arg("--bindir").output();
    let told = told
        .ok()
        .filter(|told| told.status.success())
        .map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned());
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).find(|bin| has_server(bin))
    };
    let found = told.map(PathBuf::from).filter(|bin| has_server(bin)).or_else(debian);
    let missing = "PostgreSQL's server programs are missing: install the package postgresql, or use tests/run";
    found.unwrap_or_else(|| panic!("{missing}"))
}

fn has_server(bin: &Path) -> bool {
    bin.join("initdb").exists()
}

#[track_caller]
fn done(command: &mut Command) {
    // What it starts must not keep a pipe of ours open.
    let status = command.current_dir("/").stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
}
