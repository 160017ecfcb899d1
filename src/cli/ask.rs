//! The verbs that ask a running server: `print-env`, `healthcheck`.

use std::{fmt::Write as _, time::Duration};

use serde_json::json;
use url::Url;

use super::{
    args::{ConfigArgs, EnvFormat, HealthcheckArgs, PrintEnvArgs},
    exit::Exit,
    output,
    settings::{Surroundings, key_of, reach_of},
    settings_file::BadSettings,
};
use crate::{
    diagnostic::did_you_mean,
    wire::control::{Environment, Problem},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// `rehearsal print-env`
pub(super) async fn print_env(args: &PrintEnvArgs) -> Exit {
    let key = match key_of(args.key.clone()) {
        Ok(key) => key,
        Err(bad) => return output::complain(&bad.0, Exit::Usage),
    };
    let url = match server(args.url.as_ref(), &args.config) {
        Ok(url) => url,
        Err(bad) => return output::complain(&bad.0, Exit::Usage),
    };
    let sandbox = args.sandbox.clone().unwrap_or_else(|| reach_of(key.as_deref()).home().to_string());
    let environment = match fetch_environment(&url, key.as_deref(), &sandbox).await {
        Ok(environment) => environment,
        Err(text) => return output::complain(&text, Exit::CouldNotStart),
    };
    let variables = match &args.partner {
        Some(id) => {
            let known = environment.partners.iter().map(|partner| partner.partner.as_str());
            let found = environment.partners.iter().find(|partner| partner.partner == *id);
            found.map(|partner| environment.partner_variables(partner)).ok_or_else(|| nobody("partner", id, known))
        }
        None => {
            let known = environment.publishers.iter().map(|publisher| publisher.publisher.as_str());
            let found = match &args.publisher {
                None => environment.publishers.first(),
                Some(id) => environment.publishers.iter().find(|publisher| publisher.publisher == *id),
            };
            let asked = args.publisher.as_deref().unwrap_or_default();
            found.map(|publisher| environment.variables(publisher)).ok_or_else(|| nobody("publisher", asked, known))
        }
    };
    let variables = match variables {
        Ok(variables) => variables,
        Err(text) => return output::complain(&text, Exit::Usage),
    };
    let text = match args.format {
        EnvFormat::Dotenv => block(&variables, |name, value| format!("{name}={value}")),
        EnvFormat::Shell => {
            block(&variables, |name, value| format!("export {name}='{}'", value.replace('\'', r"'\''")))
        }
        EnvFormat::Json => serde_json::to_string_pretty(&environment).unwrap_or_default(),
    };
    output::print(text.trim_end());
    Exit::Success
}

/// The server that was named, or the one that would be started here.
fn server(url: Option<&Url>, config: &ConfigArgs) -> Result<Url, BadSettings> {
    match url {
        Some(url) => Ok(url.clone()),
        None => Surroundings::read(config.config.as_deref())?.url(),
    }
}

/// That nobody of that name is there.
fn nobody<'a>(what: &str, asked: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let fix = did_you_mean(asked, known.clone()).map_or_else(
        || format!("use one of {}", known.collect::<Vec<_>>().join(", ")),
        |id| format!("did you mean {id}?"),
    );
    format!("error: there is no {what} {asked}\n  fix: {fix}")
}

fn block(variables: &[(&'static str, String)], line: impl Fn(&str, &str) -> String) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let _infallible = writeln!(text, "{}", line(name, value));
    }
    text
}

async fn fetch_environment(url: &Url, key: Option<&str>, sandbox: &str) -> Result<Environment, String> {
    let answer = ask(url, key, &format!("/sim/v1/sandboxes/{sandbox}/environment")).await?;
    answer.json().await.map_err(|_| not_rehearsal(url))
}

/// Asks a server whether its control API is open to somebody; why not, if it is not.
pub(super) async fn ask_entry(url: &Url, key: Option<&str>) -> Result<(), String> {
    ask(url, key, "/sim/v1/sandboxes").await.map(drop)
}

/// A successful answer of the control API.
async fn ask(url: &Url, key: Option<&str>, path: &str) -> Result<reqwest::Response, String> {
    let address = url.join(path).map_err(|error| format!("error: {url} is not a base URL: {error}"))?;
    let mut request = client()?.get(address);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Err(not_reached(url, &error).await),
    };
    if answer.status().is_success() {
        return Ok(answer);
    }
    match answer.json::<Problem>().await {
        Ok(problem) if problem.code == "keyNeeded" => Err(match key {
            None => format!(
                "error: {url} asks for a key\n  fix: give it in REHEARSAL_KEY, or name a file that holds it with --key-file; \
                 whoever runs the server makes keys"
            ),
            Some(_) => format!(
                "error: the key opens nothing at {url}: it may have been removed, or be another server's\n  \
                 fix: ask whoever runs the server for another one"
            ),
        }),
        Ok(problem) => Err(format!("error: {}\n  fix: {}", problem.detail, problem.hint)),
        Err(_) => Err(not_rehearsal(url)),
    }
}

/// `rehearsal healthcheck`
pub(super) async fn healthcheck(args: &HealthcheckArgs) -> Exit {
    let url = match server(args.url.as_ref(), &args.config) {
        Ok(url) => url,
        Err(bad) => return output::complain(&bad.0, Exit::Usage),
    };
    let (ready, detail) = match ask_ready(&url).await {
        Ok(()) => (true, format!("{url} is ready")),
        Err(text) => (false, text),
    };
    if args.json {
        output::print(&json!({ "ready": ready, "detail": detail }).to_string());
    } else if ready {
        output::print(&detail);
    } else {
        output::tell(&detail);
    }
    if ready { Exit::Success } else { Exit::AssertionFailed }
}

/// Asks a server whether it is ready; why not, if it is not.
pub(super) async fn ask_ready(url: &Url) -> Result<(), String> {
    let address = url.join("/readyz").map_err(|error| format!("error: {url} is not a base URL: {error}"))?;
    let answer = match client()?.get(address).send().await {
        Ok(answer) => answer,
        Err(error) => return Err(not_reached(url, &error).await),
    };
    if answer.status().is_success() {
        return Ok(());
    }
    let status = answer.status().as_u16();
    let why = answer.text().await.unwrap_or_default();
    Err(format!("error: {url} is not ready ({status}): {}", why.trim()))
}

fn client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| format!("error: {error}"))
}

/// Why a server was not reached, and what to do.
async fn not_reached(url: &Url, error: &reqwest::Error) -> String {
    let why = cause(error);
    let start = "start the server with 'rehearsal serve', or name another one".to_owned();
    let (why, fix) = if error.is_timeout() {
        ("it does not answer", start)
    } else if is_about_trust(&why) {
        ("its certificate is not trusted", TRUST.to_owned())
    } else if speaks_the_other(url).await {
        match url.scheme() {
            "https" => ("it speaks HTTP, not HTTPS", format!("ask it with --url {}", with_scheme(url, "http"))),
            _ => {
                let fix = format!("ask it with --url {}. {TRUST}", with_scheme(url, "https"));
                ("it speaks HTTPS, not HTTP", fix)
            }
        }
    } else if error.is_connect() {
        ("nobody listens there", start)
    } else {
        ("it breaks the connection off", "name another server".to_owned())
    };
    format!("error: {url} can't be reached: {why}\n  fix: {fix}")
}

const TRUST: &str = "SSL_CERT_FILE=$(rehearsal ca --path) rehearsal ... trusts the local authority";

fn is_about_trust(cause: &str) -> bool {
    cause.contains("certificate")
}

/// Whether a server that can't be asked by one of HTTP and HTTPS can be by the other. A certificate that is not trusted shows
/// that it can.
async fn speaks_the_other(url: &Url) -> bool {
    let other = with_scheme(url, if url.scheme() == "https" { "http" } else { "https" });
    let Ok(client) = client() else { return false };
    match Url::parse(&other).and_then(|other| other.join("/livez")) {
        Ok(address) => match client.get(address).send().await {
            // A server of HTTPS may answer a plain request too, to say that it wants another.
            Ok(answer) => answer.status().is_success(),
            Err(error) => is_about_trust(&cause(&error)),
        },
        Err(_) => false,
    }
}

fn with_scheme(url: &Url, scheme: &str) -> String {
    let mut other = url.clone();
    // The port stays, even one that the other scheme has by itself.
    let port = url.port_or_known_default();
    match other.set_scheme(scheme).and_then(|()| other.set_port(port)) {
        Ok(()) => other.to_string(),
        Err(()) => url.to_string(),
    }
}

/// The innermost reason.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn not_rehearsal(url: &Url) -> String {
    format!("error: {url} answers, but not as Rehearsal does\n  fix: name another server")
}
