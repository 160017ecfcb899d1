//! Standard output for results, standard error for everything else. The only place that prints.
#![expect(clippy::print_stderr, reason = "the one place that prints")]

use std::io::Write as _;

use super::exit::Exit;

/// A line of result. A reader that has gone away (`| head`) is no error.
pub(super) fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _reader_gone = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// What went wrong, and the exit code that goes with it.
pub(super) fn complain(text: &str, exit: Exit) -> Exit {
    eprintln!("{}", text.trim_end());
    exit
}

/// Something for people to read on standard error.
pub(super) fn tell(text: &str) {
    eprintln!("{text}");
}

/// Something that nobody should overlook.
pub(super) fn banner(lines: &[&str]) {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let rule = "*".repeat(width.saturating_add(4));
    eprintln!("{rule}");
    for line in lines {
        eprintln!("* {line:width$} *");
    }
    eprintln!("{rule}");
}
