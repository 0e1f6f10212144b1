//! An Alibaba Cloud account behind real HTTP and HTTPS, for demonstrations, tests and load.
//!
//! Promises: clients by other hands accept it. It verifies both of Alibaba Cloud's signatures, nonces and clocks; pages,
//! page sizes, defaults, error codes, statuses and bodies are those of the services; read and write operations work on
//! one consistent account. What is not known of the real services is decided on the side of caution and said where it is
//! decided. It does not evaluate the account's policies (whoever has a verified key may do everything, unless the control
//! address sets a policy for all), and it answers in JSON where the oldest clients could ask for XML.
//!
//! | file | what is there |
//! |---|---|
//! | `account`, `entities`, `keys`, `table`, `draft`, `ids`, [`seed`] | the account's data, how it is found, changed and made up |
//! | `request`, `parameters`, `signature`, `authentication` | who calls what with which parameters |
//! | `operations`, `page`, `reply`, `error` | what the services do and how they word it |
//! | `policy`, `issuing`, `metadata` | what callers may do, temporary keys, what stands beside an ECS instance |
//! | [`throttle`], `faults`, `clock` | what goes wrong, on purpose |
//! | `service`, `answer` | from a request to its answer |
//! | `truth` | the log of every mutation and every request |
//! | [`control`], `editing` | the control address, with its requests |
//! | `server`, `tls` | connections |
//! | `in_process` | the same without connections, for the deterministic simulation |

mod account;
mod answer;
mod authentication;
mod clock;
pub mod control;
mod draft;
mod editing;
mod entities;
mod error;
mod faults;
mod ids;
pub(crate) mod intake;
#[cfg(feature = "simulation")]
pub mod in_process;
mod issuing;
mod keys;
mod metadata;
mod operations;
mod page;
mod parameters;
mod policy;
mod reply;
mod request;
pub mod seed;
mod server;
mod service;
mod settings;
mod signature;
mod table;
pub mod throttle;
mod tls;
mod truth;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use std::{fs, io};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::account::Account;
use self::authentication::{Identity, Key, Keys};
use self::clock::Clock;
use self::faults::Faults;
use self::keys::{id_key, name_key};
use self::service::Simulator;
use self::throttle::{Limits, Throttle};
use self::truth::Truth;
use crate::ambient;
use crate::secret::Secret;

/// What to simulate, and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The services' address for plain HTTP; port 0 takes any.
    pub http: SocketAddr,
    /// The services' address for HTTPS; none without it.
    pub https: Option<SocketAddr>,
    /// The control address.
    pub control: SocketAddr,
    /// The address of what stands beside an ECS instance: the metadata service, a credentials URI; none without it.
    pub metadata: Option<SocketAddr>,
    /// The account that is made up, unless [`Settings::account_file`] exists.
    pub size: seed::Size,
    /// Where the account is loaded from if the file exists, and saved to at the end and on request.
    pub account_file: Option<PathBuf>,
    /// The account's own key; made up if absent.
    pub access_key_id: Option<String>,
    /// Its secret; made up if absent.
    pub access_key_secret: Option<Secret>,
    /// The user, by name or id, whose key it is; the root account's if absent (which may not assume roles).
    pub key_owner: Option<String>,
    /// How much later every answer comes.
    pub latency: Duration,
    /// When calls are throttled.
    pub limits: Limits,
    /// How far the account's clock is ahead of the machine's as the truth log begins, in seconds.
    pub clock_offset_seconds: i32,
    /// Where the truth log is appended to.
    pub truth_log: Option<PathBuf>,
    /// Where the certificate authority for HTTPS is written to, PEM.
    pub ca_out: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            http: any_port,
            https: None,
            control: any_port,
            metadata: None,
            size: seed::Size::default(),
            account_file: None,
            access_key_id: None,
            access_key_secret: None,
            key_owner: None,
            latency: Duration::ZERO,
            limits: Limits::default(),
            clock_offset_seconds: 0,
            truth_log: None,
            ca_out: None,
        }
    }
}

/// A simulated account that runs until this is dropped or shut down.
#[derive(Debug)]
pub struct Running {
    /// The services' address for plain HTTP.
    pub http: SocketAddr,
    /// The services' address for HTTPS.
    pub https: Option<SocketAddr>,
    /// The control address.
    pub control: SocketAddr,
    /// The address of what stands beside an ECS instance.
    pub metadata: Option<SocketAddr>,
    /// What clients need to trust the HTTPS address, PEM.
    pub ca_pem: Option<String>,
    /// The account's own key.
    pub access_key_id: String,
    /// Its secret.
    pub access_key_secret: Secret,
    /// Sixteen digits.
    pub account_id: String,
    simulator: Arc<Simulator>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts a simulated account; its addresses accept connections when this returns.
///
/// # Errors
/// An address is taken, a file cannot be read or written, the account file is not one, or the size is too large.
pub async fn start(settings: Settings) -> io::Result<Running> {
    let account = load_or_seed(&settings)?;
    let account_id = account.account_id.clone();
    let (access_key_id, key) = own_key(&settings, &account)?;
    let access_key_secret = key.secret.clone();
    let simulator = Arc::new(simulator(&settings, account)?);
    simulator.keys.add(access_key_id.clone(), key);

    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let http = bind("HTTP", settings.http).await?;
    let control = bind("control", settings.control).await?;
    let (http_address, control_address) = (http.local_addr()?, control.local_addr()?);
    tasks.spawn(server::listen(http, None, Arc::clone(&simulator), stop.clone()));
    tasks.spawn(serve(control, control::routes(Arc::clone(&simulator)), stop.clone()));
    let mut running = Running {
        http: http_address,
        https: None,
        control: control_address,
        metadata: None,
        ca_pem: None,
        access_key_id,
        access_key_secret,
        account_id,
        simulator,
        stop,
        tasks,
    };
    if let Some(address) = settings.https {
        running.start_https(address, settings.ca_out.as_deref()).await?;
    }
    if let Some(address) = settings.metadata {
        running.start_metadata(address).await?;
    }
    running.tasks.close();
    Ok(running)
}

impl Running {
    async fn start_https(&mut self, address: SocketAddr, ca_out: Option<&Path>) -> io::Result<()> {
        let identity = tls::make()?;
        if let Some(path) = ca_out {
            fs::write(path, &identity.ca_pem).map_err(|error| named(path, &error))?;
        }
        let listener = bind("HTTPS", address).await?;
        self.https = Some(listener.local_addr()?);
        self.ca_pem = Some(identity.ca_pem);
        let (simulator, stop) = (Arc::clone(&self.simulator), self.stop.clone());
        self.tasks.spawn(server::listen(listener, Some(identity.acceptor), simulator, stop));
        Ok(())
    }

    async fn start_metadata(&mut self, address: SocketAddr) -> io::Result<()> {
        let listener = bind("metadata", address).await?;
        self.metadata = Some(listener.local_addr()?);
        let routes = metadata::routes(Arc::clone(&self.simulator));
        self.tasks.spawn(serve(listener, routes, self.stop.clone()));
        Ok(())
    }

    /// Ends every connection, then writes the account to its file, if it has one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn shutdown(self) -> io::Result<()> {
        self.stop.cancel();
        self.tasks.wait().await;
        self.simulator.save().map(|_| ())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn load_or_seed(settings: &Settings) -> io::Result<Account> {
    match &settings.account_file {
        Some(path) if path.exists() => Account::load(path),
        _ => seed::account(&settings.size).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)),
    }
}

fn own_key(settings: &Settings, account: &Account) -> io::Result<(String, Key)> {
    let identity = match &settings.key_owner {
        None => Identity::Root,
        Some(owner) => {
            let user = account.users.get(&name_key(owner)).or_else(|| account.users.get(&id_key(owner)));
            let missing = || io::Error::new(io::ErrorKind::NotFound, format!("key owner: there is no user {owner}"));
            Identity::User(user.ok_or_else(missing)?.user_id.clone())
        }
    };
    let access_key_id = settings.access_key_id.clone().unwrap_or_else(|| format!("LTAI5t{}", ambient::text(18)));
    let secret = settings.access_key_secret.clone().unwrap_or_else(|| Secret::new(ambient::text(30)));
    Ok((access_key_id, Key { secret, identity, session: None }))
}

fn simulator(settings: &Settings, account: Account) -> io::Result<Simulator> {
    simulator_with(settings, account, Truth::open(settings.truth_log.as_deref())?)
}

fn simulator_with(settings: &Settings, account: Account, truth: Truth) -> io::Result<Simulator> {
    let latency_ms = u64::try_from(settings.latency.as_millis()).unwrap_or(u64::MAX);
    let clock = Clock::default();
    clock.set(i64::from(settings.clock_offset_seconds) * 1000, false);
    truth.began(clock.now(), &account)?;
    Ok(Simulator {
        account: RwLock::new(Arc::new(account)),
        account_file: settings.account_file.clone(),
        clock,
        keys: Keys::default(),
        policy: Mutex::default(),
        throttle: Throttle::new(settings.limits.clone(), settings.size.seed),
        faults: Faults::new(settings.size.seed),
        truth,
        latency_ms: AtomicU64::new(latency_ms),
        largest_page: AtomicU32::new(u32::MAX),
        short_pages: AtomicU64::new(0),
        calls: Mutex::default(),
    })
}

async fn bind(what: &str, address: SocketAddr) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| io::Error::new(error.kind(), format!("{what} address {address}: {error}")))
}

async fn serve(listener: TcpListener, routes: axum::Router, stop: CancellationToken) {
    let served = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "an address ended");
    }
}

/// An error that says which file it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Locks a mutex; what it guards is whole after a panic too, for it is changed in single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
