//! What shows that a notice to a partner's program is genuine: a signature over its body, and the certificate of the key
//! (docs:partner-center-webhooks).

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, crypto};
use rcgen::{CertificateParams, DistinguishedName, DnType, date_time_ymd};

use super::signing::SigningKey;
use crate::app::App;

/// A signature, and where to find the certificate that it is checked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeSignature {
    /// RSA with SHA-256 over the body, base64.
    pub text: String,
    /// The name of the certificate.
    pub certificate: String,
}

impl App {
    /// Signs the body of a notice; `None` if nothing can be signed.
    #[must_use]
    pub fn sign_notice(&self, body: &[u8]) -> Option<NoticeSignature> {
        let key = self.signing_keys().current()?;
        // The one that signs tokens signs this too, and writes it as tokens have it.
        let text = crypto::sign(body, &key.private, Algorithm::RS256).ok()?;
        let text = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(NoticeSignature { text: STANDARD.encode(text), certificate: name_of(&key) })
    }

    /// The certificate (DER) of a name.
    #[must_use]
    pub fn notice_certificate(&self, name: &str) -> Option<Vec<u8>> {
        let keys = self.signing_keys();
        let key = keys.public().iter().filter_map(|key| keys.find(&key.id)).find(|key| name_of(key) == name)?;
        let pair = rcgen::KeyPair::from_pem(&key.pem).ok()?;
        let mut params = CertificateParams::default();
        let mut names = DistinguishedName::new();
        names.push(DnType::OrganizationName, "Rehearsal");
        names.push(DnType::CommonName, "Rehearsal Partner Center notifications");
        params.distinguished_name = names;
        // A sandbox's clock may stand anywhere, and the certificate of a key is always the same.
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2200, 1, 1);
        params.serial_number = Some(vec![1].into());
        Some(params.self_signed(&pair).ok()?.der().to_vec())
    }
}

/// The key's id in letters of one case: paths are read so.
fn name_of(key: &SigningKey) -> String {
    key.id.bytes().take(16).map(|byte| format!("{byte:02x}")).collect()
}
