//! Notices on the wire: body, signature, and where its certificate is.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{HttpCourier, without_secrets};
use crate::{
    app::{AppError, Attempted, Sandbox},
    domain::{
        notice::{Notice, Registration},
        webhook::Sent,
    },
    wire::partner_center::NoticeBody,
};

impl HttpCourier {
    pub(super) async fn notified(&self, sandbox: &Sandbox, notice: &Notice, to: &Registration) -> Attempted {
        let body = match self.body_of(sandbox, notice).await {
            Ok(body) => body,
            Err(error) => {
                let sent = Sent::Unanswered { url: to.url.clone(), why: error.to_string(), latency_micros: 0 };
                return Attempted { sent, body: String::new() };
            }
        };
        let shown = Url::parse(&to.url).map_or_else(|_| to.url.clone(), |url| without_secrets(&url));
        let sent = self.timed(shown, self.post_notice(sandbox, to, &body)).await;
        Attempted { sent, body }
    }

    async fn body_of(&self, sandbox: &Sandbox, notice: &Notice) -> Result<String, AppError> {
        let record = sandbox.record_of(notice).await?;
        let partner = sandbox.catalogue().partner(&notice.partner);
        let body = NoticeBody::of(notice, record.as_ref(), partner, &self.webhooks.base_url);
        // Only a map with keys that are no text could not be written.
        Ok(serde_json::to_string(&body).unwrap_or_default())
    }

    async fn post_notice(
        &self,
        sandbox: &Sandbox,
        to: &Registration,
        body: &str,
    ) -> Result<(u16, Option<String>), String> {
        let url = Url::parse(&to.url).map_err(|error| error.to_string())?;
        let app = self.app.upgrade().ok_or("the server is stopping")?;
        let signature = app.sign_notice(body.as_bytes()).ok_or("nothing could be signed")?;
        let value = |text: String| HeaderValue::try_from(text).map_err(|error| error.to_string());
        let (name, text) = if to.signature_in_own_header {
            (HeaderName::from_static("x-ms-signature"), signature.text)
        } else {
            (AUTHORIZATION, format!("Signature {}", signature.text))
        };
        let certificate = format!("{}/webhooks/v1/certificates/{}.cer", self.webhooks.base_url, signature.certificate);
        let headers = HeaderMap::from_iter([
            (name, value(text)?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static("x-ms-certificate-url"), value(certificate)?),
            (HeaderName::from_static("x-ms-signature-algorithm"), HeaderValue::from_static("rsa-sha256")),
        ]);
        let http = self.outside_client(sandbox).await?;
        self.post(&http, url, headers, body.to_owned()).await
    }
}
