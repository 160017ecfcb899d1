//! A server, put together: the only place that names concrete stores and builds clock, core, publisher and faces.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use url::Url;

use super::publisher_host::{NoPublisher, PublisherAtWork, PublisherHost};
use crate::{
    app::{App, AppError, AppOptions, Courier, Outside},
    delivery::{HttpCourier, Webhooks},
    domain::{
        access::KeyDigest,
        catalogue::Catalogue,
        ids::{PublisherId, SandboxId},
        quotas::Quotas,
    },
    fixtures::{FixtureErrors, Fixtures, differences},
    http::{
        Access, AuthMode, Entrance, Faces, HostName, Hosts, Players,
        connections::{Patience, serve},
        routes,
    },
    publisher::{Publisher, PublisherOptions},
    sim::{
        clock::{OsClock, WallClock as _},
        entropy::{RequestIds, Seed},
    },
    store::{ConnectError, DatabaseUrl, MemoryStore, OpenError, PostgresStore, SledOptions, SledStore, Store},
    tls::{Authority, AuthorityError, TlsListener, authority::MICROSOFTS_HOSTS},
};

/// How long requests that are still being answered may delay a stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where to listen: `127.0.0.1:7070`; port 0 takes a free one.
    pub listen: String,
    /// The data folder; `None` keeps everything in memory.
    pub data: Option<PathBuf>,
    /// A database that everything is kept in instead.
    pub database: Option<DatabaseUrl>,
    /// Memory for the store's cache, in bytes.
    pub cache_bytes: u64,
    /// A folder of fixtures; `None` for the built-in ones.
    pub fixtures: Option<PathBuf>,
    /// Where randomness starts.
    pub seed: Seed,
    /// Whether a call without a token acts as a publisher.
    pub relaxed: bool,
    /// The publisher that it acts as; `None` for the first one.
    pub act_as: Option<PublisherId>,
    /// Whether control API, console and portal ask for a key; `None`: unless it listens on this machine alone.
    pub asks_for_keys: Option<bool>,
    /// A key that opens everything, besides those in the store.
    pub admin_key: Option<KeyDigest>,
    /// Names that it goes by, besides those that every server has and that of its public URL.
    pub allow_hosts: Vec<HostName>,
    /// What a sandbox may use, if nothing was set for it.
    pub quotas: Quotas,
    /// Which players are played.
    pub players: Players,
    /// The marketplace that the stand-in publisher calls; `None` for this server.
    pub marketplace: Option<Url>,
    /// The authority that the stand-in publisher gets its tokens from; `None` for this server.
    pub authority: Option<Url>,
    /// Where people and links reach this server; `None` for the address that it listens on.
    pub public_url: Option<Url>,
    /// A landing page that all personalized links lead to.
    pub landing_page: Option<Url>,
    /// Whether to speak HTTPS.
    pub tls: bool,
    /// A webhook that is told of the changes to all subscriptions, whatever their offers say.
    pub webhook: Option<Url>,
    /// How long clients may take.
    pub patience: Patience,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            data: None,
            database: None,
            cache_bytes: SledOptions::default().cache_bytes,
            fixtures: None,
            seed: Seed(1),
            relaxed: false,
            act_as: None,
            asks_for_keys: None,
            admin_key: None,
            allow_hosts: Vec::new(),
            quotas: Quotas::default(),
            players: Players::All,
            marketplace: None,
            authority: None,
            public_url: None,
            landing_page: None,
            webhook: None,
            tls: false,
            patience: Patience::default(),
        }
    }
}

/// Why a server did not start. `Display` is for a person, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address can't be listened on.
    #[error("can't listen on {address}: {reason}\n  fix: {fix}")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        reason: std::io::Error,
        /// What to do.
        fix: &'static str,
    },
    /// The data folder can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database can't be used.
    #[error(transparent)]
    Database(#[from] ConnectError),
    /// The fixtures are wrong.
    #[error(transparent)]
    Fixtures(#[from] FixtureErrors),
    /// The core did not come up.
    #[error("the store can't be used: {0}")]
    App(#[from] AppError),
    /// `--act-as` names nobody.
    #[error("there is no publisher {asked}\n  fix: use one of {known}")]
    UnknownPublisher {
        /// The publisher asked for.
        asked: PublisherId,
        /// Those that there are.
        known: String,
    },
    /// Beyond this machine, a key has to be asked for.
    #[error(
        "{address} can be reached from other machines, so control API, console and portal can't be left open\n  \
         fix: leave --access open out and give an admin key, or listen on 127.0.0.1"
    )]
    OpenToAll {
        /// The address.
        address: SocketAddr,
    },
    /// A key is asked for, and nobody has one.
    #[error(
        "control API, console and portal ask for a key, and there is none that opens everything\n  \
         fix: give one in REHEARSAL_ADMIN_KEY or --admin-key-file, such as that of 'openssl rand -base64 32'"
    )]
    NoKey,
    /// Names are given that nobody asks for.
    #[error(
        "control API, console and portal ask for a key, and whoever has one may call the server by any name\n  \
         fix: leave --allow-host out"
    )]
    HostsWithKeys,
    /// The HTTP client of the publisher can't be made.
    #[error("the stand-in publisher can't be started: {0}")]
    Publisher(String),
    /// The HTTP client that calls webhooks can't be made.
    #[error("webhooks can't be called: {0}")]
    Courier(String),
    /// There is no certificate to speak TLS with.
    #[error("HTTPS is not possible: {0}")]
    Tls(#[from] AuthorityError),
}

/// What a server consists of behind its entrance.
struct Loaded {
    base_url: String,
    unused_fixtures: Vec<String>,
    app: Arc<App>,
    store: Arc<dyn Store>,
    hosts: Hosts,
    routes: axum::Router,
}

/// A running server. Dropping it stops it; [`Server::stop`] waits until that is done.
#[derive(Debug)]
pub struct Server {
    /// Where it is reached: `http://127.0.0.1:7070`.
    pub base_url: String,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The certificate (PEM) of the authority that clients have to trust, if it speaks HTTPS.
    pub certificate: Option<String>,
    /// How the fixtures differ from those that the sandbox `default` was made with, which it keeps: a line each.
    pub unused_fixtures: Vec<String>,
    /// The core, for those who embed the server.
    pub app: Arc<App>,
    store: Arc<dyn Store>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// Starts a server, and answers when it is ready.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(options: ServerOptions) -> Result<Self, StartError> {
        let listener = listen(&options.listen).await?;
        let address = listener.local_addr().map_err(|reason| not_listening(&options.listen, reason))?;
        let entrance = Entrance::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (service, patience) = (entrance.clone(), options.patience);
        let stopped = async {
            let _sender_gone = stopped.await;
        };
        let authority = authority(&options)?;
        // Health checks are answered while the rest is being loaded.
        let serving = match &authority {
            None => tokio::spawn(serve(listener, service, patience, stopped)),
            Some(authority) => {
                let public = options.public_url.as_ref().and_then(Url::host_str).map(str::to_owned);
                let public = public.unwrap_or_else(|| address.ip().to_string());
                let allowed = options.allow_hosts.iter().map(ToString::to_string);
                let names: Vec<String> = allowed.chain([public]).collect();
                let listener = TlsListener::new(listener, authority.server(&names, OsClock.now())?)
                    .map_err(|reason| not_listening(&options.listen, reason))?;
                tokio::spawn(serve(listener, service, patience, stopped))
            }
        };
        let certificate = authority.map(|authority| authority.certificate().to_owned());
        match Self::load(&options, address, certificate.clone()).await {
            Ok(Loaded { base_url, unused_fixtures, app, store, hosts, routes }) => {
                entrance.open(routes, hosts, Arc::clone(&app));
                let stop = Some(stop);
                Ok(Self { base_url, address, certificate, unused_fixtures, app, store, stop, serving })
            }
            Err(error) => {
                serving.abort();
                Err(error)
            }
        }
    }

    async fn load(
        options: &ServerOptions,
        address: SocketAddr,
        certificate: Option<String>,
    ) -> Result<Loaded, StartError> {
        let catalogue = match &options.fixtures {
            Some(dir) => Fixtures::from_dir(dir)?,
            None => Fixtures::built_in()?,
        };
        let auth = auth_mode(options, &catalogue)?;
        let store = open_store(options.database.as_ref(), options.data.as_deref(), options.cache_bytes).await?;
        let wall = Arc::new(OsClock);
        let app = AppOptions {
            store: Arc::clone(&store),
            wall,
            catalogue: catalogue.clone(),
            seed: options.seed,
            quotas: options.quotas,
        };
        let app = App::open(app).await?;
        let default = app.sandbox(&SandboxId::default_sandbox())?;
        let unused_fixtures = differences(default.catalogue(), &catalogue);
        let own = own_url(address, certificate.is_some());
        let base_url = options.public_url.as_ref().map_or_else(|| own.clone(), |url| without_slash(url.as_str()));
        let access = access(options, address, &app).await?;
        let hosts = hosts(options, &access)?;
        let publisher = publisher(options, &app, &own, (&base_url, certificate))?;
        let faces = Arc::new(Faces {
            app: Arc::clone(&app),
            request_ids: RequestIds::default(),
            base_url: base_url.clone(),
            landing_page: options.landing_page.as_ref().map(ToString::to_string),
            auth,
            access,
        });
        let routes = routes(&faces, publisher, options.players);
        Ok(Loaded { base_url, unused_fixtures, app, store, hosts, routes })
    }

    /// Stops: finishes what is in flight, flushes, closes the store.
    ///
    /// # Errors
    /// [`AppError::Store`] when the last flush fails.
    pub async fn stop(mut self) -> Result<(), AppError> {
        self.app.let_followers_go();
        drop(self.stop.take());
        if tokio::time::timeout(STOP_PATIENCE, &mut self.serving).await.is_err() {
            tracing::info!("requests that were still being answered were broken off");
            self.serving.abort();
        }
        if let Err(error) = self.app.finish_told().await {
            tracing::warn!(%error, "the last calls are not in the journal");
        }
        Ok(self.store.close().await?)
    }
}

/// The store that was asked for.
pub(super) async fn open_store(
    database: Option<&DatabaseUrl>,
    data: Option<&Path>,
    cache_bytes: u64,
) -> Result<Arc<dyn Store>, StartError> {
    Ok(match (database, data) {
        (Some(database), _) => Arc::new(PostgresStore::connect(database).await?),
        (None, None) => Arc::new(MemoryStore::new()),
        (None, Some(data)) => Arc::new(SledStore::open(data, SledOptions { cache_bytes, ..SledOptions::default() })?),
    })
}

/// Always beyond this machine; on it, if somebody wants to.
fn asks_for_keys(wish: Option<bool>, address: SocketAddr) -> Result<bool, StartError> {
    match (wish, address.ip().is_loopback()) {
        (Some(false), false) => Err(StartError::OpenToAll { address }),
        (Some(wish), _) => Ok(wish),
        (None, is_local) => Ok(!is_local),
    }
}

/// Whether control API, console and portal ask for keys, and that there is one.
async fn access(options: &ServerOptions, address: SocketAddr, app: &App) -> Result<Access, StartError> {
    if !asks_for_keys(options.asks_for_keys, address)? {
        return Ok(Access::Open);
    }
    if options.admin_key.is_none() && app.operator_keys().await?.is_empty() {
        return Err(StartError::NoKey);
    }
    Ok(Access::Keys { own: options.admin_key.clone() })
}

/// The hosts that the server answers to.
fn hosts(options: &ServerOptions, access: &Access) -> Result<Hosts, StartError> {
    match access {
        Access::Keys { .. } if !options.allow_hosts.is_empty() => Err(StartError::HostsWithKeys),
        Access::Keys { .. } => Ok(Hosts::Any),
        Access::Open => Ok(Hosts::known(own_names(options))),
    }
}

/// The names that the server was told, and those that clients may be led here by.
fn own_names(options: &ServerOptions) -> Vec<HostName> {
    let listened = options.listen.rsplit_once(':').map(|(host, _)| host);
    let public = options.public_url.as_ref().and_then(Url::host_str);
    // An address is no name, and needs none.
    let named = listened.into_iter().chain(public).chain(MICROSOFTS_HOSTS).filter_map(|name| name.parse().ok());
    named.chain(options.allow_hosts.iter().cloned()).collect()
}

/// The authority that signs the server's certificate, if it speaks HTTPS. With everything in memory it lives for the run.
fn authority(options: &ServerOptions) -> Result<Option<Authority>, StartError> {
    let now = OsClock.now();
    Ok(match (options.tls, &options.data) {
        (false, _) => None,
        (true, Some(data)) => Some(Authority::of(data, now)?),
        (true, None) => Some(Authority::new(now)?),
    })
}

/// Where the server reaches itself.
fn own_url(mut address: SocketAddr, is_secure: bool) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("{}://{address}", if is_secure { "https" } else { "http" })
}

async fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|reason| not_listening(address, reason))
}

fn not_listening(address: &str, reason: std::io::Error) -> StartError {
    let fix = match reason.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or choose another port with --listen (port 0 takes a free one)"
        }
        std::io::ErrorKind::PermissionDenied => "choose a port above 1023 with --listen",
        _ => "give an address of this machine and a port, such as --listen 127.0.0.1:7070",
    };
    StartError::Listen { address: address.to_owned(), reason, fix }
}

fn auth_mode(options: &ServerOptions, catalogue: &Catalogue) -> Result<AuthMode, StartError> {
    let known = || catalogue.publishers.iter().map(|publisher| publisher.id.as_str()).collect::<Vec<_>>().join(", ");
    let publisher = match &options.act_as {
        Some(id) if catalogue.publisher(id).is_none() => {
            return Err(StartError::UnknownPublisher { asked: id.clone(), known: known() });
        }
        Some(id) => Some(id.clone()),
        None => catalogue.publishers.first().map(|publisher| publisher.id.clone()),
    };
    Ok(publisher.filter(|_| options.relaxed).map_or(AuthMode::Strict, AuthMode::Relaxed))
}

fn publisher(
    options: &ServerOptions,
    app: &Arc<App>,
    own: &str,
    (base_url, trusted): (&str, Option<String>),
) -> Result<Option<Arc<Publisher>>, StartError> {
    let url = |text: &str| Url::parse(text).map_err(|error| StartError::Publisher(error.to_string()));
    let stand_in = if options.players.has_publisher() { Some(url(own)?) } else { None };
    let webhooks = Webhooks {
        configured: options.webhook.clone(),
        stand_in,
        base_url: base_url.to_owned(),
        trusted: trusted.clone(),
    };
    let courier: Arc<dyn Courier> = Arc::new(HttpCourier::new(app, webhooks).map_err(StartError::Courier)?);
    if !options.players.has_publisher() {
        app.attend_timers(Outside { publisher: Arc::new(NoPublisher), courier });
        return Ok(None);
    }
    let publisher_options = PublisherOptions {
        marketplace: options.marketplace.clone().map_or_else(|| url(own), Ok)?,
        authority: options.authority.clone().map_or_else(|| url(own), Ok)?,
        sign_in: options.authority.clone().map_or_else(|| url(base_url), Ok)?,
        public_base: url(base_url)?,
        trusted,
    };
    let publisher = Publisher::new(PublisherHost::new(app), &publisher_options)
        .map_err(|error| StartError::Publisher(error.to_string()))?;
    let publisher = Arc::new(publisher);
    app.attend_timers(Outside { publisher: Arc::new(PublisherAtWork(Arc::clone(&publisher))), courier });
    Ok(Some(publisher))
}

fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_this_machine_keys_are_always_asked_for() {
        let table = [
            (None, "127.0.0.1:7070", Some(false)),
            (None, "127.8.0.1:7070", Some(false)),
            (None, "[::1]:7070", Some(false)),
            (Some(true), "127.0.0.1:7070", Some(true)),
            (Some(false), "127.0.0.1:7070", Some(false)),
            (None, "0.0.0.0:7070", Some(true)),
            (None, "[::]:7070", Some(true)),
            (Some(true), "192.168.1.2:7070", Some(true)),
            (Some(false), "192.168.1.2:7070", None),
            (Some(false), "0.0.0.0:7070", None),
        ];
        for (wish, address, expected) in table {
            assert_eq!(asks_for_keys(wish, address.parse().unwrap()).ok(), expected, "{wish:?} {address}");
        }
    }
}
