//! The real binary: what it prints where, and how it ends.

mod apart;
mod asking;
mod keys;
mod moving;
mod playing;
mod serving;
mod settings;

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread::JoinHandle,
};

use serde_json::Value;

/// How a call of the binary ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

/// The binary in an empty environment and a folder of its own, so that nothing of this machine's leaks in.
fn command<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
    command.args(args).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

fn run_in<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Ended {
    ended(&mut command(folder, args))
}

fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), args)
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// Checks that it ended with this code, printed no result, and said these things.
    #[track_caller]
    fn failed(&self, code: i32, says: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        for words in says {
            assert!(self.err.contains(words), "{words:?} is not in {}", self.err);
        }
    }

    #[track_caller]
    fn succeeded(&self) -> &str {
        assert_eq!(self.code, Some(0), "{}", self.err);
        &self.out
    }
}

/// A server in a process of its own; it is killed when it is dropped.
struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    err: Option<JoinHandle<String>>,
    /// The ready line.
    line: String,
}

impl Served {
    /// Starts `serve` on a free port and waits for its ready line.
    fn start<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Self {
        Self::start_at("127.0.0.1:0", folder, args)
    }

    fn start_at<S: AsRef<OsStr>>(address: &str, folder: &Path, args: impl IntoIterator<Item = S>) -> Self {
        let mut command = command(folder, ["serve", "--listen", address, "--json"]);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = child.stderr.take().unwrap();
        let err = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        });
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut served = Self { child, out, err: Some(err), line: String::new() };
        served.out.read_line(&mut served.line).unwrap();
        assert!(!served.line.is_empty(), "{}", served.err.take().unwrap().join().unwrap());
        served
    }

    fn ready(&self) -> Value {
        serde_json::from_str(&self.line).unwrap()
    }

    fn url(&self) -> String {
        crate::world::text(&self.ready(), "url")
    }

    /// Sends a signal, and waits for how the process ends; what it printed after its ready line is the output.
    fn stop(mut self, signal: &str) -> Ended {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let code = self.child.wait().unwrap().code();
        let mut out = String::new();
        self.out.read_to_string(&mut out).unwrap();
        Ended { code, out, err: self.err.take().unwrap().join().unwrap() }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended already can't be killed.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
