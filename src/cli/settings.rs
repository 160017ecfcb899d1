//! Settings of a server: flag over `REHEARSAL_*` variable over file over default. A key, variable or value that is not
//! known is an error with a suggestion.

use std::{
    collections::BTreeSet,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use clap::{CommandFactory as _, ValueEnum};
use serde::Deserialize;
use url::Url;

use super::args::{
    AccessSetting, AdminKeyArgs, AuthSetting, Cli, DatabaseArgs, KeyArgs, OnlySetting, QuotaSetting, SeedSetting,
    ServeArgs,
};
use crate::{
    diagnostic::{Diagnostic, SourceFile, did_you_mean},
    domain::{
        access::{AccessKey, Reach, SHORTEST_OWN_KEY},
        quotas::Quotas,
    },
    http::Players,
    store::{DatabaseUrl, SledOptions},
};

/// The settings file that is read if nobody names one.
const DEFAULT_FILE: &str = "rehearsal.yaml";

/// The variables that any verb reads, as the command line declares them.
fn variables() -> BTreeSet<String> {
    let command = Cli::command();
    let of = |command: &clap::Command| -> Vec<String> {
        command.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)).collect()
    };
    command.get_subcommands().flat_map(of).collect()
}

/// What a server is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) listen: String,
    /// `None` keeps everything in memory.
    pub(super) data: Option<PathBuf>,
    pub(super) database: Option<DatabaseUrl>,
    pub(super) tls: bool,
    pub(super) fixtures: Option<PathBuf>,
    pub(super) seed: SeedSetting,
    pub(super) relaxed: bool,
    pub(super) act_as: Option<String>,
    /// `None`: as the address that it listens on demands.
    pub(super) asks_for_keys: Option<bool>,
    /// A key that opens everything.
    pub(super) admin_key: Option<String>,
    /// What a sandbox may use, if nothing was set for it.
    pub(super) quotas: Quotas,
    pub(super) players: Players,
    pub(super) marketplace: Option<Url>,
    pub(super) authority: Option<Url>,
    pub(super) public_url: Option<Url>,
    pub(super) landing_page: Option<Url>,
    pub(super) webhook: Option<Url>,
    pub(super) cache_mib: u64,
}

/// The settings file: the flags of `serve` in camel case, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SettingsFile {
    listen: Option<String>,
    data: Option<PathBuf>,
    ephemeral: Option<bool>,
    database_url: Option<String>,
    database_url_file: Option<PathBuf>,
    database_ca: Option<PathBuf>,
    tls: Option<bool>,
    fixtures: Option<PathBuf>,
    seed: Option<String>,
    auth: Option<String>,
    act_as: Option<String>,
    access: Option<String>,
    admin_key: Option<String>,
    admin_key_file: Option<PathBuf>,
    #[serde(default)]
    quotas: Quotas,
    only: Option<String>,
    marketplace: Option<Url>,
    authority: Option<Url>,
    public_url: Option<Url>,
    landing_page: Option<Url>,
    webhook: Option<Url>,
    cache_mib: Option<u64>,
}

/// Settings that can't be used: text for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadSettings(pub(super) String);

impl Settings {
    /// The settings of a call of `serve`.
    pub(super) fn of(args: &ServeArgs) -> Result<Self, BadSettings> {
        check_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        let file = read_file(args.config.as_deref())?;
        Self::layered(args, file)
    }

    fn layered(args: &ServeArgs, file: SettingsFile) -> Result<Self, BadSettings> {
        let ephemeral = args.ephemeral.or(file.ephemeral).unwrap_or(false);
        if ephemeral && args.data.is_some() {
            return Err(BadSettings(
                "error: --ephemeral keeps nothing, and --data names a folder to keep it in\n  fix: leave one of them out"
                    .to_owned(),
            ));
        }
        let of_file = DatabaseArgs {
            database_url: file.database_url,
            database_url_file: file.database_url_file,
            database_ca: file.database_ca,
        };
        let database = database(over(args.database.clone(), of_file))?;
        if ephemeral && database.is_some() {
            return Err(BadSettings(
                "error: --ephemeral keeps nothing, and there is a database to keep it in\n  fix: leave one of them out"
                    .to_owned(),
            ));
        }
        let data = args.data.clone().or(file.data).unwrap_or_else(|| "rehearsal-data".into());
        let auth = args.auth.map_or_else(|| choice("auth", file.auth.as_deref()), |auth| Ok(Some(auth)))?;
        let access = args.access.map_or_else(|| choice("access", file.access.as_deref()), |access| Ok(Some(access)))?;
        let of_file = AdminKeyArgs { admin_key: file.admin_key, admin_key_file: file.admin_key_file };
        let admin_key = &args.admin_key;
        let is_named = admin_key.admin_key.is_some() || admin_key.admin_key_file.is_some();
        let admin_key = admin_key_of(if is_named { admin_key.clone() } else { of_file })?;
        let only = args.only.map_or_else(|| choice("only", file.only.as_deref()), |only| Ok(Some(only)))?;
        let seed = match (args.seed, file.seed) {
            (Some(seed), _) => seed,
            (None, Some(text)) => text.parse().map_err(|why| BadSettings(format!("error: seed: {why}")))?,
            (None, None) => SeedSetting::Fixed(1),
        };
        Ok(Self {
            listen: args.listen.clone().or(file.listen).unwrap_or_else(|| "127.0.0.1:7070".to_owned()),
            data: (!ephemeral).then_some(data),
            database,
            tls: args.tls.or(file.tls).unwrap_or(false),
            fixtures: args.fixtures.clone().or(file.fixtures),
            seed,
            relaxed: auth == Some(AuthSetting::Relaxed),
            act_as: args.act_as.clone().or(file.act_as),
            asks_for_keys: access.map(|access| access == AccessSetting::Keys),
            admin_key,
            quotas: quotas(&args.quota).or(file.quotas),
            players: match only {
                None => Players::All,
                Some(OnlySetting::Marketplace) => Players::MarketplaceOnly,
                Some(OnlySetting::Publisher) => Players::PublisherOnly,
            },
            marketplace: args.marketplace.clone().or(file.marketplace),
            authority: args.authority.clone().or(file.authority),
            public_url: args.public_url.clone().or(file.public_url),
            landing_page: args.landing_page.clone().or(file.landing_page),
            webhook: args.webhook.clone().or(file.webhook),
            cache_mib: args.cache_mib.or(file.cache_mib).unwrap_or_else(|| SledOptions::default().cache_bytes >> 20),
        })
    }
}

/// What flags and variables say before what the file says.
fn over(flags: DatabaseArgs, file: DatabaseArgs) -> DatabaseArgs {
    let is_named = flags.database_url.is_some() || flags.database_url_file.is_some();
    let database_ca = flags.database_ca.clone().or_else(|| file.database_ca.clone());
    DatabaseArgs { database_ca, ..if is_named { flags } else { file } }
}

fn quotas(settings: &[QuotaSetting]) -> Quotas {
    let mut quotas = Quotas::default();
    for setting in settings {
        match *setting {
            QuotaSetting::Documents(most) => quotas.documents = Some(most),
            QuotaSetting::RequestsPerSecond(most) => quotas.requests_per_second = Some(most),
            QuotaSetting::DeliveriesPerMinute(most) => quotas.deliveries_per_minute = Some(most),
        }
    }
    quotas
}

/// The key that opens everything, if one was named.
fn admin_key_of(AdminKeyArgs { admin_key, admin_key_file }: AdminKeyArgs) -> Result<Option<String>, BadSettings> {
    let key = one_of("an admin key", admin_key, admin_key_file)?;
    match key {
        Some(key) if key.chars().count() < SHORTEST_OWN_KEY => Err(BadSettings(format!(
            "error: the admin key is shorter than {SHORTEST_OWN_KEY} characters, and could be tried out\n  \
             fix: take a longer one, such as that of 'openssl rand -base64 32'"
        ))),
        key => Ok(key),
    }
}

/// The key that a server is asked with, if one was named.
pub(super) fn key_of(KeyArgs { key, key_file }: KeyArgs) -> Result<Option<String>, BadSettings> {
    one_of("a key", key, key_file)
}

/// What a key opens, as far as it says so: an operator's own key is any text.
pub(super) fn reach_of(key: Option<&str>) -> Reach {
    key.and_then(AccessKey::read).map_or(Reach::Everything, |key| key.reach)
}

/// What stands in a setting, or in the file that another one names.
fn one_of(what: &str, text: Option<String>, file: Option<PathBuf>) -> Result<Option<String>, BadSettings> {
    let text = match (text, file) {
        (Some(_), Some(_)) => {
            return Err(BadSettings(format!(
                "error: there are both {what} and a file with one\n  fix: leave one of them out"
            )));
        }
        (Some(text), None) => Some(text),
        (None, Some(file)) => Some(read(&file)?),
        (None, None) => None,
    };
    Ok(text.map(|text| text.trim().to_owned()))
}

/// The database that was named by a URL, or by a file that holds one.
pub(super) fn database(named: DatabaseArgs) -> Result<Option<DatabaseUrl>, BadSettings> {
    let DatabaseArgs { database_url, database_url_file, database_ca } = named;
    let Some(url) = one_of("a database URL", database_url, database_url_file)? else { return Ok(None) };
    let url = DatabaseUrl::new(&url);
    Ok(Some(match database_ca {
        Some(file) => url.trusting(read(&file)?),
        None => url,
    }))
}

fn read(file: &Path) -> Result<String, BadSettings> {
    std::fs::read_to_string(file).map_err(|error| {
        BadSettings(Diagnostic::of_file(file.display().to_string(), format!("can't be read: {error}")).render())
    })
}

/// One of the values of a setting that the file spells.
fn choice<T: ValueEnum>(key: &str, text: Option<&str>) -> Result<Option<T>, BadSettings> {
    let Some(text) = text else { return Ok(None) };
    T::from_str(text, false).map(Some).map_err(|_| {
        let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        let fix = did_you_mean(text, names.iter().map(String::as_str))
            .map_or_else(|| format!("use one of {}", names.join(", ")), |name| format!("did you mean {name}?"));
        BadSettings(format!("error: {key}: {text:?} is not a value of this setting\n  fix: {fix}"))
    })
}

/// Refuses variables that start as ours do and are none: a typing mistake would be ignored otherwise.
fn check_variables(names: impl Iterator<Item = String>) -> Result<(), BadSettings> {
    let known = variables();
    for name in names.filter(|name| name.starts_with("REHEARSAL_")) {
        if !known.contains(&name) {
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

fn read_file(named: Option<&Path>) -> Result<SettingsFile, BadSettings> {
    let path = named.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => return Ok(SettingsFile::default()),
        Err(error) => {
            let problem = Diagnostic::of_file(path.display().to_string(), format!("can't be read: {error}"));
            return Err(BadSettings(problem.render()));
        }
    };
    let name = path.display().to_string();
    let source = SourceFile::new(&name, &text);
    // An empty file has no settings.
    if source.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(SettingsFile::default());
    }
    serde_saphyr::from_str(source.text).map_err(|error| BadSettings(source.yaml_problem(&error).render()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Settings, String> {
        let file: SettingsFile = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        Settings::layered(&ServeArgs::default(), file).map_err(|bad| bad.0)
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let file = || SettingsFile { listen: Some("127.0.0.1:1".into()), ..SettingsFile::default() };
        let flag = ServeArgs { listen: Some("127.0.0.1:2".into()), ..ServeArgs::default() };
        assert_eq!(Settings::layered(&flag, file()).unwrap().listen, "127.0.0.1:2");
        assert_eq!(Settings::layered(&ServeArgs::default(), file()).unwrap().listen, "127.0.0.1:1");
        let default = Settings::layered(&ServeArgs::default(), SettingsFile::default()).unwrap();
        assert_eq!((default.listen.as_str(), default.data), ("127.0.0.1:7070", Some("rehearsal-data".into())));
    }

    #[test]
    fn unknown_values_and_variables_come_with_a_suggestion() {
        assert!(parsed("auth: relaxd").unwrap_err().contains("did you mean relaxed?"));
        assert!(parsed("only: marketplac").unwrap_err().contains("did you mean marketplace?"));
        assert!(parsed("sead: 4").unwrap_err().contains("sead"));
        let unknown = check_variables(["REHEARSAL_LISTN".to_owned()].into_iter()).unwrap_err();
        assert!(unknown.0.contains("did you mean REHEARSAL_LISTEN?"), "{}", unknown.0);
        let known = ["REHEARSAL_DATA", "REHEARSAL_WEBHOOK", "REHEARSAL_TLS", "REHEARSAL_URL", "PATH"];
        assert_eq!(check_variables(known.map(str::to_owned).into_iter()), Ok(()));
    }

    #[test]
    fn a_quota_of_a_flag_goes_before_that_of_the_file() {
        let of = |text: &str, args: &ServeArgs| {
            let file: SettingsFile = serde_saphyr::from_str(text).unwrap();
            let quotas = Settings::layered(args, file).unwrap().quotas;
            let requests = quotas.requests_per_second.map(std::num::NonZeroU32::get);
            (quotas.documents.map(std::num::NonZeroU64::get), requests)
        };
        let text = "quotas: { documents: 7, requestsPerSecond: 8 }";
        assert_eq!(of(text, &ServeArgs::default()), (Some(7), Some(8)));
        let args = ServeArgs { quota: vec!["documents=9".parse().unwrap()], ..ServeArgs::default() };
        assert_eq!(of(text, &args), (Some(9), Some(8)));
        assert!(parsed("quotas: { document: 7 }").unwrap_err().contains("documents"));
    }

    #[test]
    fn a_database_is_named_once() {
        let file = || SettingsFile { database_url: Some("postgres://file/x".into()), ..SettingsFile::default() };
        let named = |url: &str| DatabaseArgs { database_url: Some(url.to_owned()), ..DatabaseArgs::default() };
        let flag = ServeArgs { database: named("postgres://flag/x"), ..ServeArgs::default() };
        let database = |args: &ServeArgs| Settings::layered(args, file()).unwrap().database;
        assert_eq!(database(&flag), Some(DatabaseUrl::new("postgres://flag/x")));
        assert_eq!(database(&ServeArgs::default()), Some(DatabaseUrl::new("postgres://file/x")));
        let both = parsed("databaseUrl: postgres://db/x\ndatabaseUrlFile: /nowhere").unwrap_err();
        assert!(both.contains("leave one of them out"), "{both}");
        assert!(parsed("databaseUrlFile: /nowhere/url").unwrap_err().contains("can't be read"));
        assert!(parsed("databaseUrl: postgres://db/x\ndatabaseCa: /nowhere/ca").unwrap_err().contains("can't be read"));
    }

    #[test]
    fn keeping_and_not_keeping_exclude_each_other() {
        let both = ServeArgs { ephemeral: Some(true), data: Some("x".into()), ..ServeArgs::default() };
        assert!(Settings::layered(&both, SettingsFile::default()).is_err());
        assert_eq!(parsed("ephemeral: true").unwrap().data, None);
        let in_database = "ephemeral: true\ndatabaseUrl: postgres://db/x";
        assert!(parsed(in_database).unwrap_err().contains("there is a database to keep it in"));
    }
}
