//! The keys that sign access tokens. Made once for a store and kept in it, because RSA keys can't be seeded.

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

/// The signing keys of a store.
#[derive(Debug)]
pub struct SigningKeys(Vec<SigningKey>);

/// A key pair with its id.
pub(super) struct SigningKey {
    pub(super) id: String,
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
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
                let stored: StoredKeys = decode(&key, &document.bytes)?;
                let read: Result<Vec<_>, _> = stored.private_keys.iter().map(|pem| SigningKey::read(pem)).collect();
                return read.map(Self).map_err(|error| damaged(&error.to_string()));
            }
            let private_keys = tokio::task::spawn_blocking(|| (0..KEYS).map(|_| make_key()).collect())
                .await
                .map_err(|error| damaged(&error.to_string()))?;
            let private_keys: Option<Vec<String>> = private_keys;
            let private_keys = private_keys.ok_or_else(|| damaged("no RSA key could be made"))?;
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

    /// The key that signs now.
    pub(super) fn current(&self) -> Option<&SigningKey> {
        self.0.first()
    }

    /// The key of an id.
    pub(super) fn find(&self, id: &str) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Key id, modulus and exponent of each key, as a key document shows them.
    pub fn public_parts(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().filter_map(|key| match &key.jwk.algorithm {
            jsonwebtoken::jwk::AlgorithmParameters::RSA(rsa) => Some((key.id.as_str(), rsa.n.as_str(), rsa.e.as_str())),
            _ => None,
        })
    }
}

impl SigningKey {
    fn read(pem: &str) -> Result<Self, jsonwebtoken::errors::Error> {
        let private = EncodingKey::from_rsa_pem(pem.as_bytes())?;
        let jwk = Jwk::from_encoding_key(&private, Algorithm::RS256)?;
        let public = DecodingKey::from_jwk(&jwk)?;
        let id = jwk.thumbprint(ThumbprintHash::SHA256)?;
        Ok(Self { id, private, public, jwk })
    }
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
