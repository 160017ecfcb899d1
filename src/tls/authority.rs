//! The local certificate authority: made once, kept in the data folder, asked for a server certificate at each start.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};

use crate::domain::time::Timestamp;

/// The folder in the data folder, and the files in it.
pub const FOLDER: &str = "tls";
const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca-key.pem";

/// Hosts that clients have built in; whoever leads them here by name gets a certificate that fits.
pub const MICROSOFTS_HOSTS: [&str; 4] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "marketplaceapi.microsoft.com",
    "api.partnercenter.microsoft.com",
];
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Years that the authority is good for, and days that a server certificate is: some clients take none that is good for
/// longer than 825 days (Apple), or 398 (browsers, of public authorities).
const AUTHORITY_YEARS: i32 = 20;
const SERVER_DAYS: i32 = 397;

/// What is wrong with the authority's files.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file can't be read or written.
    #[error("{} can't be used", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key or a certificate could not be made or read.
    #[error("the certificate authority in {} is damaged ({why}): move the folder away to have a new one made", folder.display())]
    Damaged {
        /// Its folder.
        folder: PathBuf,
        /// What was found.
        why: String,
    },
    /// There is none.
    #[error("there is no certificate authority in {}", folder.display())]
    None {
        /// The folder where it would be.
        folder: PathBuf,
    },
    /// TLS itself could not be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
}

/// An authority with its key.
pub struct Authority {
    certificate: String,
    key: KeyPair,
}

/// Shows nothing of the key.
impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority that nobody else has.
    ///
    /// # Errors
    /// [`AuthorityError::Tls`] when no key can be made.
    pub fn new(now: Timestamp) -> Result<Self, AuthorityError> {
        let failed = |error: rcgen::Error| AuthorityError::Tls(error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = authority_params(now).self_signed(&key).map_err(failed)?.pem();
        Ok(Self { certificate, key })
    }

    /// The authority of a data folder; made and kept there if it has none. Only its owner can read the key.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn of(data: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        match Self::open(data) {
            Err(AuthorityError::None { folder }) => {
                let authority = Self::new(now)?;
                let file = |path: &Path, source| AuthorityError::File { path: path.to_owned(), source };
                fs::create_dir_all(&folder).map_err(|error| file(&folder, error))?;
                let (key, certificate) = (folder.join(KEY), folder.join(CERTIFICATE));
                write_for_the_owner(&key, &authority.key.serialize_pem()).map_err(|error| file(&key, error))?;
                // Last, because it is what tells that there is an authority.
                fs::write(&certificate, &authority.certificate).map_err(|error| file(&certificate, error))?;
                Ok(authority)
            }
            opened => opened,
        }
    }

    /// The authority that a data folder has.
    ///
    /// # Errors
    /// [`AuthorityError::None`] if it has none, and the others.
    pub fn open(data: &Path) -> Result<Self, AuthorityError> {
        let folder = data.join(FOLDER);
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => AuthorityError::None { folder: folder.clone() },
                _ => AuthorityError::File { path, source },
            })
        };
        let certificate = read(CERTIFICATE)?;
        let damaged = |why: String| AuthorityError::Damaged { folder: folder.clone(), why };
        let key = KeyPair::from_pem(&read(KEY)?).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { certificate, key })
    }

    /// Where the certificate of a data folder's authority is.
    #[must_use]
    pub fn certificate_path(data: &Path) -> PathBuf {
        data.join(FOLDER).join(CERTIFICATE)
    }

    /// The certificate, PEM: what clients have to trust.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What a server needs to speak TLS: a fresh certificate for this machine, for Microsoft's hosts, and for more names or
    /// addresses.
    ///
    /// # Errors
    /// [`AuthorityError::Tls`] when a name can't be one.
    pub fn server(&self, more: &[String], now: Timestamp) -> Result<Arc<ServerConfig>, AuthorityError> {
        let failed = |error: &dyn std::fmt::Display| AuthorityError::Tls(error.to_string());
        let names = OWN_NAMES
            .into_iter()
            .chain(MICROSOFTS_HOSTS)
            .chain(more.iter().map(String::as_str).filter(|name| is_new(name)));
        let names: Vec<String> = names.map(str::to_owned).collect();
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let mut params = CertificateParams::new(names).map_err(|error| failed(&error))?;
        params.distinguished_name = named("Rehearsal server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let ((from_year, from_month, from_day), (year, month, day)) = (days_from(now, -1), days_from(now, SERVER_DAYS));
        params.not_before = date_time_ymd(from_year, from_month, from_day);
        params.not_after = date_time_ymd(year, month, day);
        let issuer = Issuer::new(authority_params(now), &self.key);
        let certificate = params.signed_by(&key, &issuer).map_err(|error| failed(&error))?;
        let private = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private.into())
            .map_err(|error| failed(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn is_new(name: &str) -> bool {
    let is_known = OWN_NAMES.contains(&name) || MICROSOFTS_HOSTS.contains(&name);
    // "Any address" is none.
    !is_known && !name.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

fn authority_params(now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Rehearsal local certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let (year, month, day) = days_from(now, -1);
    params.not_before = date_time_ymd(year, month, day);
    params.not_after = date_time_ymd(year.saturating_add(AUTHORITY_YEARS), 1, 1);
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::OrganizationName, "Rehearsal");
    names.push(DnType::CommonName, name);
    names
}

/// Year, month and day so many days from now.
fn days_from(now: Timestamp, days: i32) -> (i32, u8, u8) {
    let date = now.plus_millis(i64::from(days).saturating_mul(24 * 60 * 60 * 1000)).date();
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    (i32::from(date.year()), part(date.month()), part(date.day()))
}

fn write_for_the_owner(path: &Path, text: &str) -> io::Result<()> {
    use io::Write as _;

    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
