//! Settings of a server: flag over `REHEARSAL_*` variable over file over default, for whichever verb needs one of them. A key,
//! variable or value that is not known, or that can have no effect, is an error that says what to do.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use url::Url;

use super::{
    args::{
        AccessSetting, AdminKeyArgs, AuthSetting, Cli, DatabaseArgs, KeyArgs, OnlySetting, QuotaSetting, SeedSetting,
        ServeArgs, Verb,
    },
    settings_file::{BadSettings, Keys, Set, SettingsFile, choice},
};
use crate::{
    delivery::address::forbidden,
    domain::{
        access::{AccessKey, Reach, SHORTEST_OWN_KEY},
        quotas::Quotas,
    },
    http::{BadHostName, HostName, Players},
    store::{DatabaseUrl, SledOptions},
};

const DEFAULT_LISTEN: &str = "127.0.0.1:7070";
const DEFAULT_DATA: &str = "rehearsal-data";

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
    /// Names that the server goes by.
    pub(super) allow_hosts: Vec<HostName>,
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

impl Settings {
    /// The settings of a call of `serve`.
    pub(super) fn of(args: &ServeArgs) -> Result<Self, BadSettings> {
        Self::layered(args, SettingsFile::read(args.config.config.as_deref())?)
    }

    fn layered(args: &ServeArgs, mut file: SettingsFile) -> Result<Self, BadSettings> {
        let mut keys = std::mem::take(&mut file.keys);
        let file = &file;
        let urls = Urls::of(args, &mut keys, file)?;
        let listen = Set::layered("--listen", args.listen.clone(), keys.listen);
        if let Some(listen) = &listen {
            check_address(listen, file)?;
        }
        let tls = Set::layered("--tls", args.tls, keys.tls).is_some_and(|tls| tls.value);
        let ephemeral = Set::layered("--ephemeral", args.ephemeral, keys.ephemeral).is_some_and(|set| set.value);
        if ephemeral && args.data.is_some() {
            return Err(exclude("--ephemeral keeps nothing, and --data names a folder to keep it in"));
        }
        let in_file =
            DatabaseKeys { url: keys.database_url, url_file: keys.database_url_file, authority: keys.database_ca };
        let database = database(&args.database, in_file, file)?;
        if ephemeral && database.is_some() {
            return Err(exclude("--ephemeral keeps nothing, and there is a database to keep it in"));
        }
        if database.is_some() && args.data.is_some() && !tls {
            return Err(exclude("the database has everything, and --data names a folder to keep it in"));
        }
        let data =
            args.data.clone().or_else(|| keys.data.map(|data| data.value)).unwrap_or_else(|| DEFAULT_DATA.into());
        let auth = Set::read("--auth", args.auth, keys.auth, file, choice)?;
        let relaxed = auth.is_some_and(|auth| auth.value == AuthSetting::Relaxed);
        let act_as = Set::layered("--act-as", args.act_as.clone(), keys.act_as);
        if let Some(act_as) = act_as.as_ref().filter(|_| !relaxed) {
            let message = "only calls without a token act as somebody, and they are refused";
            return Err(act_as.refused(file, message, Some("add --auth relaxed (auth: relaxed), or leave this out")));
        }
        let access = Set::read("--access", args.access, keys.access, file, choice)?;
        let admin_key = admin_key(&args.admin_key, keys.admin_key, keys.admin_key_file, file)?;
        let only = Set::read("--only", args.only, keys.only, file, choice)?;
        let seed = Set::read("--seed", args.seed, keys.seed, file, |text| {
            text.parse().map_err(|why| (why, Some("such as 42".to_owned())))
        })?;
        if let Some(only) = only.as_ref().filter(|only| only.value == OnlySetting::Publisher)
            && (urls.marketplace.is_none() || urls.authority.is_none())
        {
            let message = "a publisher alone needs a marketplace and an authority elsewhere";
            return Err(only.refused(file, message, Some("add --marketplace URL --authority URL")));
        }
        Ok(Self {
            listen: listen.map_or_else(|| DEFAULT_LISTEN.to_owned(), |listen| listen.value),
            data: (!ephemeral).then_some(data),
            database,
            tls,
            fixtures: args.fixtures.clone().or_else(|| keys.fixtures.map(|fixtures| fixtures.value)),
            seed: seed.map_or(SeedSetting::Fixed(1), |seed| seed.value),
            relaxed,
            act_as: act_as.map(|act_as| act_as.value),
            asks_for_keys: asks_for_keys(access.as_ref(), admin_key.is_some(), file)?,
            admin_key,
            allow_hosts: allow_hosts(&args.allow_host, keys.allow_hosts, file)?,
            quotas: quotas(&args.quota)?.or(keys.quotas),
            players: match only.map(|only| only.value) {
                None => Players::All,
                Some(OnlySetting::Marketplace) => Players::MarketplaceOnly,
                Some(OnlySetting::Publisher) => Players::PublisherOnly,
            },
            marketplace: urls.marketplace,
            authority: urls.authority,
            public_url: urls.public_url,
            landing_page: urls.landing_page,
            webhook: urls.webhook,
            cache_mib: cache_mib(Set::layered("--cache-mib", args.cache_mib, keys.cache_mib), file)?,
        })
    }
}

/// What variables and the settings file say of the server, for the verbs that are about one: read when it is needed, and no
/// more of it than is needed.
#[derive(Debug)]
pub(super) struct Surroundings {
    variables: ServeArgs,
    file: SettingsFile,
}

impl Surroundings {
    /// What is said here, with the settings file of that name or the usual one.
    pub(super) fn read(config: Option<&Path>) -> Result<Self, BadSettings> {
        // `serve` without flags has what its variables say.
        let variables = match Cli::try_parse_from(["rehearsal", "serve"]) {
            Ok(Cli { verb: Verb::Serve(args) }) => *args,
            Ok(_) => ServeArgs::default(),
            Err(error) => return Err(BadSettings(error.to_string())),
        };
        let file = SettingsFile::read(config.or(variables.config.config.as_deref()))?;
        Ok(Self { variables, file })
    }

    /// The server's data folder.
    pub(super) fn data(self) -> PathBuf {
        let in_file = self.file.keys.data.map(|data| data.value);
        self.variables.data.or(in_file).unwrap_or_else(|| DEFAULT_DATA.into())
    }

    /// Where a server keeps what it has: in a database, or in a folder. What the flags of a verb say of either goes first.
    pub(super) fn store(
        mut self,
        data: Option<PathBuf>,
        named: &DatabaseArgs,
    ) -> Result<(Option<DatabaseUrl>, PathBuf), BadSettings> {
        let keys = std::mem::take(&mut self.file.keys);
        let is_named = named.database_url.is_some() || named.database_url_file.is_some();
        let in_file = match &data {
            Some(_) if is_named => return Err(exclude("there are both a data folder and a database")),
            Some(_) => DatabaseKeys { url: None, url_file: None, authority: None },
            None => {
                DatabaseKeys { url: keys.database_url, url_file: keys.database_url_file, authority: keys.database_ca }
            }
        };
        let database = database(named, in_file, &self.file)?;
        let data = data.or_else(|| keys.data.map(|data| data.value)).unwrap_or_else(|| DEFAULT_DATA.into());
        Ok((database, data))
    }

    /// Where a server that is started here is reached from this machine.
    pub(super) fn url(self) -> Result<Url, BadSettings> {
        let keys = self.file.keys;
        let tls = self.variables.tls.or_else(|| keys.tls.map(|tls| tls.value)).unwrap_or(false);
        let listen = self.variables.listen.or_else(|| keys.listen.map(|listen| listen.value));
        let listen = listen.unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        url_of(&listen, tls).ok_or_else(|| {
            BadSettings(format!(
                "error: {listen} names no server that can be asked\n  fix: name its address with --url"
            ))
        })
    }
}

/// The address of whoever listens there, from the same machine. Port 0 is another one each time.
fn url_of(listen: &str, tls: bool) -> Option<Url> {
    let (host, port) = listen.rsplit_once(':')?;
    if port.parse::<u16>().ok()? == 0 {
        return None;
    }
    let host = match host {
        "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    Url::parse(&format!("{}://{host}:{port}", if tls { "https" } else { "http" })).ok()
}

fn exclude(what: &str) -> BadSettings {
    BadSettings(format!("error: {what}\n  fix: leave one of them out"))
}

/// An address is a host and a port; whether there is such a host shows when it is listened on.
fn check_address(listen: &Set<String>, file: &SettingsFile) -> Result<(), BadSettings> {
    let parts = listen.value.rsplit_once(':');
    if parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        return Ok(());
    }
    let message = format!("`{}` is no HOST:PORT", listen.value);
    Err(listen.refused(file, &message, Some("such as --listen 127.0.0.1:7070")))
}

/// An address that is called by HTTP.
fn web_address(url: Option<Set<Url>>, file: &SettingsFile) -> Result<Option<Set<Url>>, BadSettings> {
    match url {
        Some(url) if !["http", "https"].contains(&url.value.scheme()) => {
            let message = format!("{} can't be called", url.value);
            Err(url.refused(file, &message, Some("give an address that starts with http:// or https://")))
        }
        url => Ok(url),
    }
}

/// The addresses among the settings.
struct Urls {
    marketplace: Option<Url>,
    authority: Option<Url>,
    public_url: Option<Url>,
    landing_page: Option<Url>,
    webhook: Option<Url>,
}

impl Urls {
    fn of(args: &ServeArgs, keys: &mut Keys, file: &SettingsFile) -> Result<Self, BadSettings> {
        let url = |flag, given: &Option<Url>, in_file| web_address(Set::layered(flag, given.clone(), in_file), file);
        let marketplace = url("--marketplace", &args.marketplace, keys.marketplace.take())?;
        let authority = url("--authority", &args.authority, keys.authority.take())?;
        let public_url = url("--public-url", &args.public_url, keys.public_url.take())?;
        let landing_page = url("--landing-page", &args.landing_page, keys.landing_page.take())?;
        let webhook = url("--webhook", &args.webhook, keys.webhook.take())?;
        let has_tail = |url: &Url| url.fragment().is_some() || url.query().is_some();
        if let Some(url) = public_url.as_ref().filter(|url| has_tail(&url.value)) {
            let message = "paths are added to this address, so it can't hold a '?' or a '#'";
            return Err(url.refused(file, message, Some("leave the part after '?' or '#' out")));
        }
        if let Some(url) = landing_page.as_ref().filter(|url| url.value.fragment().is_some()) {
            let message = "a landing page URL can't hold a '#': customers could not reach it";
            return Err(url.refused(file, message, Some("leave the part after '#' out")));
        }
        if let Some(url) = &webhook
            && let Some(why) = url.value.host().and_then(|host| forbidden(&host))
        {
            return Err(url.refused(file, &why, Some("name a webhook of your own")));
        }
        let value = |url: Option<Set<Url>>| url.map(|url| url.value);
        Ok(Self {
            marketplace: value(marketplace),
            authority: value(authority),
            public_url: value(public_url),
            landing_page: value(landing_page),
            webhook: value(webhook),
        })
    }
}

/// Whoever gives a key of their own wants it to be asked for, wherever the server listens.
fn asks_for_keys(
    access: Option<&Set<AccessSetting>>,
    has_key: bool,
    file: &SettingsFile,
) -> Result<Option<bool>, BadSettings> {
    match access {
        Some(access) if access.value == AccessSetting::Open && has_key => {
            let message = "there is an admin key, and nobody would be asked for it";
            Err(access.refused(file, message, Some("leave one of them out")))
        }
        Some(access) => Ok(Some(access.value == AccessSetting::Keys)),
        None => Ok(has_key.then_some(true)),
    }
}

fn allow_hosts(
    given: &[HostName],
    in_file: Vec<serde_saphyr::Spanned<String>>,
    file: &SettingsFile,
) -> Result<Vec<HostName>, BadSettings> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let read = |name| Set::read("--allow-host", None, Some(name), file, |text| text.parse().map_err(refused_host));
    let names = in_file.into_iter().map(|name| Ok(read(name)?.map(|set| set.value)));
    names.filter_map(Result::transpose).collect()
}

/// What is said of it holds what to do already.
fn refused_host(bad: BadHostName) -> (String, Option<String>) {
    (bad.to_string(), None)
}

fn cache_mib(cache: Option<Set<u64>>, file: &SettingsFile) -> Result<u64, BadSettings> {
    match cache {
        Some(cache) if cache.value == 0 => {
            Err(cache.refused(file, "the store needs some memory", Some("give it 1 or more, or leave this out")))
        }
        Some(cache) => Ok(cache.value),
        None => Ok(SledOptions::default().cache_bytes >> 20),
    }
}

fn quotas(settings: &[QuotaSetting]) -> Result<Quotas, BadSettings> {
    let mut quotas = Quotas::default();
    for setting in settings {
        let before = match *setting {
            QuotaSetting::Documents(most) => quotas.documents.replace(most).map(|_| "documents"),
            QuotaSetting::RequestsPerSecond(most) => {
                quotas.requests_per_second.replace(most).map(|_| "requests-per-second")
            }
            QuotaSetting::DeliveriesPerMinute(most) => {
                quotas.deliveries_per_minute.replace(most).map(|_| "deliveries-per-minute")
            }
        };
        if let Some(kind) = before {
            return Err(BadSettings(format!("error: --quota: {kind} is given twice\n  fix: keep one of the two")));
        }
    }
    Ok(quotas)
}

/// A text and the file that may hold it instead, each set by a flag or the settings file.
struct Secret {
    /// What it is, for people.
    what: &'static str,
    text: Option<Set<String>>,
    file: Option<Set<PathBuf>>,
}

impl Secret {
    fn read(self, file: &SettingsFile) -> Result<Option<Set<String>>, BadSettings> {
        let what = self.what;
        match (self.text, self.file) {
            (Some(_), Some(_)) => Err(exclude(&format!("there are both {what} and a file with one"))),
            (Some(text), None) => Ok(Some(text.with(text.value.trim().to_owned()))),
            (None, Some(named)) => named.contents(file).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The key that opens everything, if one was named.
fn admin_key(
    AdminKeyArgs { admin_key, admin_key_file }: &AdminKeyArgs,
    in_file: Option<serde_saphyr::Spanned<String>>,
    file_in_file: Option<serde_saphyr::Spanned<PathBuf>>,
    file: &SettingsFile,
) -> Result<Option<String>, BadSettings> {
    let is_named = admin_key.is_some() || admin_key_file.is_some();
    let key = Secret {
        what: "an admin key",
        text: Set::layered("--admin-key", admin_key.clone(), in_file.filter(|_| !is_named)),
        file: Set::layered("--admin-key-file", admin_key_file.clone(), file_in_file.filter(|_| !is_named)),
    };
    match key.read(file)? {
        Some(key) if key.value.chars().count() < SHORTEST_OWN_KEY => {
            let message =
                format!("the admin key is shorter than {SHORTEST_OWN_KEY} characters, and could be tried out");
            Err(key.refused(file, &message, Some("take a longer one, such as that of 'openssl rand -base64 32'")))
        }
        key => Ok(key.map(|key| key.value)),
    }
}

/// The key that a server is asked with, if one was named.
pub(super) fn key_of(KeyArgs { key, key_file }: KeyArgs) -> Result<Option<String>, BadSettings> {
    let key = Secret {
        what: "a key",
        text: Set::layered("--key", key, None),
        file: Set::layered("--key-file", key_file, None),
    };
    Ok(key.read(&SettingsFile::default())?.map(|key| key.value))
}

/// What a key opens, as far as it says so: an operator's own key is any text.
pub(super) fn reach_of(key: Option<&str>) -> Reach {
    key.and_then(AccessKey::read).map_or(Reach::Everything, |key| key.reach)
}

/// What a settings file says of a database.
struct DatabaseKeys {
    url: Option<serde_saphyr::Spanned<String>>,
    url_file: Option<serde_saphyr::Spanned<PathBuf>>,
    authority: Option<serde_saphyr::Spanned<PathBuf>>,
}

/// The database that was named by a URL, or by a file that holds one.
fn database(
    DatabaseArgs { database_url, database_url_file, database_ca }: &DatabaseArgs,
    in_file: DatabaseKeys,
    file: &SettingsFile,
) -> Result<Option<DatabaseUrl>, BadSettings> {
    let is_named = database_url.is_some() || database_url_file.is_some();
    let url = Secret {
        what: "a database URL",
        text: Set::layered("--database-url", database_url.clone(), in_file.url.filter(|_| !is_named)),
        file: Set::layered("--database-url-file", database_url_file.clone(), in_file.url_file.filter(|_| !is_named)),
    };
    let authority = Set::layered("--database-ca", database_ca.clone(), in_file.authority);
    match (url.read(file)?, authority) {
        (None, None) => Ok(None),
        (None, Some(authority)) => {
            let fix = "name the database with --database-url, or leave this out";
            Err(authority.refused(file, "there is no database to connect to", Some(fix)))
        }
        (Some(url), None) => Ok(Some(DatabaseUrl::new(&url.value))),
        (Some(url), Some(authority)) => {
            Ok(Some(DatabaseUrl::new(&url.value).trusting(authority.contents(file)?.value)))
        }
    }
}

#[cfg(test)]
mod tests;
