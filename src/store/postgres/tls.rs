//! Whether the connection to the database is encrypted, and whom the server has to be vouched for by.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::{Config, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::open::ConnectError;

/// What connects as the configuration says: over TLS if an authority (PEM) was given, or with `sslmode=require`, which
/// takes the authorities that the machine trusts. Never over TLS that is not checked, and never without if it was asked for.
pub(super) fn connector(config: &mut Config, authority: Option<&str>) -> Result<MakeRustlsConnect, ConnectError> {
    let failed = |error: &dyn std::fmt::Display| ConnectError::Authority(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?;
    let trusting = match (authority, config.get_ssl_mode()) {
        (Some(pem), _) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(certificate.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
            }
            if roots.is_empty() {
                return Err(failed(&"there is no certificate in it"));
            }
            config.ssl_mode(SslMode::Require);
            builder.with_root_certificates(roots)
        }
        (None, SslMode::Require) => builder.with_platform_verifier().map_err(|error| failed(&error))?,
        // Whoever does not ask for it gets none: a certificate that nobody checks is worth nothing.
        (None, _) => {
            config.ssl_mode(SslMode::Disable);
            builder.with_root_certificates(RootCertStore::empty())
        }
    };
    Ok(MakeRustlsConnect::new(trusting.with_no_client_auth()))
}
