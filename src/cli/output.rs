//! Standard output for results, standard error for everything else. The only place that prints.

use std::{
    io::{ErrorKind, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use super::exit::Exit;

/// Whether a result could not be printed. Of the process, as standard output is.
static IS_LOST: AtomicBool = AtomicBool::new(false);

/// A line of result. A reader that has gone away (`| head`) is no error; any other failure is told, and [`ended`] knows of it.
pub(super) fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // Once is enough for a disk that is full.
            if !IS_LOST.swap(true, Ordering::Relaxed) {
                tell(&format!(
                    "error: standard output can't be written: {error}\n  fix: make room, or send it elsewhere"
                ));
            }
        }
        Ok(()) | Err(_) => {}
    }
}

/// How the program ends: a result that nobody can read is no success.
pub(super) fn ended(exit: Exit) -> Exit {
    if exit == Exit::Success && IS_LOST.load(Ordering::Relaxed) { Exit::CouldNotStart } else { exit }
}

/// What went wrong, and the exit code that goes with it.
pub(super) fn complain(text: &str, exit: Exit) -> Exit {
    tell(text.trim_end());
    exit
}

/// Something for people to read on standard error.
pub(super) fn tell(text: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "{text}");
}

/// Something that nobody should overlook.
pub(super) fn banner(lines: &[&str]) {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let rule = "*".repeat(width.saturating_add(4));
    tell(&rule);
    for line in lines {
        tell(&format!("* {line:width$} *"));
    }
    tell(&rule);
}
