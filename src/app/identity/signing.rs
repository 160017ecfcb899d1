//! The keys that sign access tokens. Made once for a store and kept in it, because RSA keys can't be seeded.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{Jwk, ThumbprintHash},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::{
        AppError,
        desk::{decode, encode},
        keys,
    },
    store::{Changeset, CommitError, Expectation, Store},
};

/// Keys published at a time: more than one, so that a client that keeps the first it sees is found out.
const KEYS: usize = 2;

/// Keys that stay published after a rotation: tokens of the last one are still good for an hour.
const PUBLISHED: usize = 3;

/// Keys that are kept. What an older one has signed stays good here, on every server and after a restart, however often
/// keys are rotated in a token's hour.
const KEPT: usize = 24;

/// The signing keys of a store, the one that signs first.
#[derive(Debug)]
pub struct SigningKeys(RwLock<Arc<[Arc<SigningKey>]>>);

/// A key pair with its id.
pub(super) struct SigningKey {
    pub(super) id: String,
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
    /// The private key again: PKCS#8, PEM.
    pub(super) pem: String,
    jwk: Jwk,
}

/// Shows nothing of the private key.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys as they are stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredKeys {
    /// PKCS#8, PEM.
    private_keys: Vec<String>,
}

impl SigningKeys {
    /// The keys of a store; made and kept if it has none.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails, [`AppError::Unreadable`] when the stored keys are damaged.
    pub async fn of(store: &dyn Store) -> Result<Self, AppError> {
        let key = keys::signing_keys();
        loop {
            if let Some(document) = store.get(&key).await? {
                return Ok(Self(RwLock::new(read(&decode(&key, &document.bytes)?)?)));
            }
            let private_keys = make_keys(KEYS).await?;
            let mut changeset = Changeset::default();
            changeset.expect(key.clone(), Expectation::Absent);
            changeset.put(key.clone(), encode(&key, &StoredKeys { private_keys })?);
            match store.commit(changeset).await {
                // Another process may have been first: then its keys count.
                Ok(()) | Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
    }

    /// Reads the keys again, which another server may have changed.
    ///
    /// # Errors
    /// As [`SigningKeys::of`].
    pub async fn look_again(&self, store: &dyn Store) -> Result<(), AppError> {
        let key = keys::signing_keys();
        let document = store.get(&key).await?.ok_or_else(|| damaged("they are missing"))?;
        let stored: StoredKeys = decode(&key, &document.bytes)?;
        let is_known = self.all().iter().map(|key| &key.pem).eq(&stored.private_keys);
        if !is_known {
            *self.0.write().unwrap_or_else(PoisonError::into_inner) = read(&stored)?;
        }
        Ok(())
    }

    /// Makes a new key, which signs from now on. The older ones stay published for a while.
    ///
    /// # Errors
    /// [`AppError::Store`] when the store fails.
    pub async fn rotate(&self, store: &dyn Store) -> Result<(), AppError> {
        let key = keys::signing_keys();
        let made = make_keys(1).await?;
        loop {
            let document = store.get(&key).await?.ok_or_else(|| damaged("they are missing"))?;
            let stored: StoredKeys = decode(&key, &document.bytes)?;
            let private_keys = made.iter().cloned().chain(stored.private_keys).take(KEPT).collect();
            let stored = StoredKeys { private_keys };
            let mut changeset = Changeset::default();
            changeset.expect(key.clone(), Expectation::At(document.version));
            changeset.put(key.clone(), encode(&key, &stored)?);
            match store.commit(changeset).await {
                Ok(()) => {
                    *self.0.write().unwrap_or_else(PoisonError::into_inner) = read(&stored)?;
                    return Ok(());
                }
                // Somebody else has rotated: ours goes on top of theirs.
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
    }

    /// The key that signs now.
    pub(super) fn current(&self) -> Option<Arc<SigningKey>> {
        self.all().first().cloned()
    }

    /// The key of an id.
    pub(super) fn find(&self, id: &str) -> Option<Arc<SigningKey>> {
        self.all().iter().find(|key| key.id == id).cloned()
    }

    /// The public half of each key that is published, the one that signs first.
    #[must_use]
    pub fn public(&self) -> Vec<PublicKey> {
        self.all().iter().take(PUBLISHED).filter_map(|key| key.public_half()).collect()
    }

    fn all(&self) -> Arc<[Arc<SigningKey>]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SigningKey {
    fn read(pem: &str) -> Result<Self, jsonwebtoken::errors::Error> {
        let private = EncodingKey::from_rsa_pem(pem.as_bytes())?;
        let jwk = Jwk::from_encoding_key(&private, Algorithm::RS256)?;
        let public = DecodingKey::from_jwk(&jwk)?;
        let id = jwk.thumbprint(ThumbprintHash::SHA256)?;
        Ok(Self { id, private, public, pem: pem.to_owned(), jwk })
    }

    fn public_half(&self) -> Option<PublicKey> {
        match &self.jwk.algorithm {
            jsonwebtoken::jwk::AlgorithmParameters::RSA(rsa) => {
                Some(PublicKey { id: self.id.clone(), modulus: rsa.n.clone(), exponent: rsa.e.clone() })
            }
            _ => None,
        }
    }
}

/// The public half of a key, as a key document shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id.
    pub id: String,
    /// Modulus, base64url.
    pub modulus: String,
    /// Exponent, base64url.
    pub exponent: String,
}

fn read(stored: &StoredKeys) -> Result<Arc<[Arc<SigningKey>]>, AppError> {
    let read: Result<_, _> = stored.private_keys.iter().map(|pem| SigningKey::read(pem).map(Arc::new)).collect();
    read.map_err(|error| damaged(&error.to_string()))
}

/// New keys; each takes a while.
async fn make_keys(count: usize) -> Result<Vec<String>, AppError> {
    let made = tokio::task::spawn_blocking(move || (0..count).map(|_| make_key()).collect::<Option<_>>()).await;
    made.map_err(|error| damaged(&error.to_string()))?.ok_or_else(|| damaged("no RSA key could be made"))
}

fn make_key() -> Option<String> {
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?;
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    Some(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")))
}

fn damaged(reason: &str) -> AppError {
    AppError::Unreadable { key: keys::signing_keys().to_string(), reason: reason.to_owned() }
}
