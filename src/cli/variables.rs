//! Variables of the environment that start as ours do.

use std::collections::BTreeSet;

use clap::CommandFactory as _;

use super::{args::Cli, settings_file::BadSettings};
use crate::diagnostic::did_you_mean;

/// The variables that any verb reads, as the command line declares them.
fn known() -> BTreeSet<String> {
    let command = Cli::command();
    let of = |command: &clap::Command| -> Vec<String> {
        command.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)).collect()
    };
    command.get_subcommands().flat_map(of).collect()
}

/// Refuses variables of this process that start as ours do and are none: a typing mistake would be ignored otherwise.
pub(super) fn check() -> Result<(), BadSettings> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    check_all(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
}

fn check_all(variables: impl Iterator<Item = (String, String)>) -> Result<(), BadSettings> {
    let known = known();
    for (name, value) in variables.filter(|(name, _)| name.starts_with("REHEARSAL_")) {
        if !known.contains(&name) && !is_of_a_service(&name, &value) {
            let all = || known.iter().map(String::as_str);
            let fix = did_you_mean(&name, all()).map_or_else(
                || format!("unset it; the variables are {}", all().collect::<Vec<_>>().join(", ")),
                |known| format!("did you mean {known}?"),
            );
            return Err(BadSettings(format!("error: the variable {name} is not known\n  fix: {fix}")));
        }
    }
    Ok(())
}

/// Whether Kubernetes (or Docker, for a link) has set a variable: in every container of a namespace, for each service in it,
/// and so for one that is named `rehearsal` or `rehearsal-eu`. Nobody mistypes a setting like that.
fn is_of_a_service(name: &str, value: &str) -> bool {
    if name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return true;
    }
    let is_address = value.contains("://");
    let Some((_, port)) = name.rsplit_once("_PORT_") else {
        return name.ends_with("_PORT") && is_address;
    };
    let mut parts = port.split('_');
    let is_number = parts.next().is_some_and(|number| number.parse::<u16>().is_ok());
    let is_protocol = parts.next().is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol));
    let is_detail = match parts.next() {
        None => is_address,
        Some(detail) => ["PROTO", "PORT", "ADDR"].contains(&detail) && parts.next().is_none(),
    };
    is_number && is_protocol && is_detail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_none_of_ours_is_refused_with_a_suggestion() {
        let check = |name: &str, value: &str| {
            check_all(std::iter::once((name.to_owned(), value.to_owned()))).map_err(|bad| bad.0)
        };
        assert!(check("REHEARSAL_LISTN", "x").unwrap_err().contains("did you mean REHEARSAL_LISTEN?"));
        for known in ["REHEARSAL_DATA", "REHEARSAL_WEBHOOK", "REHEARSAL_TLS", "REHEARSAL_URL", "REHEARSAL_KEY", "PATH"]
        {
            assert_eq!(check(known, "x"), Ok(()), "{known}");
        }
        let table = [
            ("REHEARSAL_SERVICE_HOST", "10.0.0.1", true),
            ("REHEARSAL_SERVICE_PORT", "7070", true),
            ("REHEARSAL_SERVICE_PORT_HTTP", "7070", true),
            ("REHEARSAL_EU_SERVICE_HOST", "10.0.0.1", true),
            ("REHEARSAL_PORT", "tcp://10.0.0.1:7070", true),
            ("REHEARSAL_PORT", "8080", false),
            ("REHEARSAL_PORT_7070_TCP", "tcp://10.0.0.1:7070", true),
            ("REHEARSAL_PORT_7070_TCP_ADDR", "10.0.0.1", true),
            ("REHEARSAL_PORT_7070_TCP_PORT", "7070", true),
            ("REHEARSAL_PORT_7070_TCP_PROTO", "tcp", true),
            ("REHEARSAL_PORT_7070_TCP_NAME", "x", false),
            ("REHEARSAL_PORT_HTTP", "x", false),
            ("REHEARSAL_SERVICE", "x", false),
        ];
        for (name, value, is_let_through) in table {
            assert_eq!(check(name, value).is_ok(), is_let_through, "{name}={value}");
        }
    }
}
