//! Who calls: an access token, verified fully, leads to a publisher and its sandbox.
//!
//! A token's signature is checked once; what it stood for is remembered for the token's life. Its times are checked on
//! every call, because they are the sandbox's and the sandbox's clock can be moved.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, Weak},
};

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};

use super::{
    GRAPH_RESOURCE, LEGACY_MARKETPLACE_RESOURCE, MARKETPLACE_RESOURCE, PARTNER_CENTER_RESOURCE, issuer, issuer_v2,
    token::Claims,
};
use crate::{
    app::{App, AppOwner, Sandbox},
    domain::{
        ids::{ClientId, ObjectId, PartnerId, PublisherId},
        partner::Role,
        rules::PartnerCenterAudience,
    },
};

/// Tokens remembered; beyond it all are forgotten, which costs one more check each.
const REMEMBERED: usize = 10_000;
/// No token of ours comes near this length.
const LONGEST_TOKEN: usize = 8192;

/// A publisher that has shown who it is.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its sandbox.
    pub sandbox: Arc<Sandbox>,
    /// The publisher.
    pub publisher: PublisherId,
}

/// A CSP partner that has shown who it is.
#[derive(Debug, Clone)]
pub struct PartnerCaller {
    /// Its sandbox.
    pub sandbox: Arc<Sandbox>,
    /// The partner.
    pub partner: PartnerId,
    /// The app that calls.
    pub app: ClientId,
    /// The person for whom the app acts, and the role; `None` if the app acts for itself.
    pub user: Option<(ObjectId, Role)>,
}

/// Why a token is not accepted. The API does not tell, the journal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// There is none.
    #[error("the request has no Authorization header")]
    Missing,
    /// The scheme word is not `Bearer` (issue:MicrosoftDocs/azure-docs#33588).
    #[error("the Authorization header does not start with the word Bearer")]
    NotBearer,
    /// It is not a JWT.
    #[error("the token is not a JWT")]
    Malformed,
    /// It is not signed with RS256.
    #[error("the token is not signed with RS256")]
    WrongAlgorithm,
    /// Its key id is none of ours.
    #[error("the token's key id is not one of this identity's keys")]
    UnknownKey,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// It is for another API.
    #[error("the token is for another API")]
    WrongAudience,
    /// It is for the old graph, which Partner Center took as its own until 2025.
    #[error("the token is for graph.windows.net; Partner Center takes it no more")]
    GraphAudience,
    /// Its issuer is not its tenant's.
    #[error("the token's issuer is not its tenant")]
    WrongIssuer,
    /// Its app is not registered, or was registered in a sandbox that is gone.
    #[error("the token's app is not registered in its tenant")]
    UnknownApp,
    /// The person that it is about does not work for the partner.
    #[error("the token is about somebody who does not work for the partner")]
    UnknownUser,
    /// It has expired, on the sandbox's clock.
    #[error("the token has expired on the sandbox's clock")]
    Expired,
    /// It is not valid yet, on the sandbox's clock.
    #[error("the token is not valid yet on the sandbox's clock")]
    NotYetValid,
}

/// Tokens whose signature has been checked.
#[derive(Debug, Default)]
pub(in crate::app) struct CheckedTokens(RwLock<BTreeMap<Box<[u8]>, Checked>>);

#[derive(Debug, Clone)]
struct Checked {
    sandbox: Weak<Sandbox>,
    owner: AppOwner,
    app: ClientId,
    /// Which API it is for.
    audience: Audience,
    /// The person for whom the app acts.
    user: Option<ObjectId>,
    not_before: i64,
    expires_on: i64,
}

/// The APIs that tokens are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Marketplace,
    PartnerCenter,
    Graph,
}

impl App {
    /// The publisher that sent an `Authorization` header to the marketplace.
    ///
    /// # Errors
    /// The [`TokenFault`] for which the token is not accepted.
    pub async fn caller(&self, authorization: Option<&[u8]>) -> Result<Caller, TokenFault> {
        let (sandbox, checked) = self.checked(authorization).await?;
        match (checked.audience, checked.owner) {
            (Audience::Marketplace, AppOwner::Publisher(publisher)) => Ok(Caller { sandbox, publisher }),
            (Audience::Marketplace, AppOwner::Partner(_)) => Err(TokenFault::UnknownApp),
            (Audience::PartnerCenter | Audience::Graph, _) => Err(TokenFault::WrongAudience),
        }
    }

    /// The CSP partner that sent an `Authorization` header to Partner Center.
    ///
    /// # Errors
    /// The [`TokenFault`] for which the token is not accepted.
    pub async fn partner_caller(&self, authorization: Option<&[u8]>) -> Result<PartnerCaller, TokenFault> {
        let (sandbox, checked) = self.checked(authorization).await?;
        match (checked.audience, sandbox.rules().partner_center_audience) {
            (Audience::PartnerCenter, _) | (Audience::Graph, PartnerCenterAudience::Graph) => {}
            (Audience::Graph, PartnerCenterAudience::PartnerCenter) => return Err(TokenFault::GraphAudience),
            (Audience::Marketplace, _) => return Err(TokenFault::WrongAudience),
        }
        let AppOwner::Partner(partner) = checked.owner else { return Err(TokenFault::UnknownApp) };
        let user = match checked.user {
            None => None,
            Some(user) => {
                let of = sandbox.catalogue().partner(&partner).and_then(|partner| partner.member(user));
                Some((user, of.ok_or(TokenFault::UnknownUser)?.1))
            }
        };
        Ok(PartnerCaller { sandbox, partner, app: checked.app, user })
    }

    /// What a token stands for, if it is valid now. Its key and its app may be another server's, made a moment ago.
    async fn checked(&self, authorization: Option<&[u8]>) -> Result<(Arc<Sandbox>, Checked), TokenFault> {
        let mut read = self.read(authorization);
        let is_known = match &read {
            Ok((sandbox, _)) => sandbox.keeps_up().await,
            Err(fault) => !matches!(fault, TokenFault::UnknownKey | TokenFault::UnknownApp),
        };
        if !is_known && self.look_around().await {
            read = self.read(authorization);
            if let Ok((sandbox, _)) = &read {
                sandbox.keeps_up().await;
            }
        }
        let (sandbox, checked) = read?;
        let now = sandbox.now().as_seconds();
        if now >= checked.expires_on {
            return Err(TokenFault::Expired);
        }
        if now < checked.not_before {
            return Err(TokenFault::NotYetValid);
        }
        Ok((sandbox, checked))
    }

    /// What a token stands for, whether or not it is its time.
    fn read(&self, authorization: Option<&[u8]>) -> Result<(Arc<Sandbox>, Checked), TokenFault> {
        let authorization = authorization.ok_or(TokenFault::Missing)?;
        let mut words = authorization.splitn(2, |&byte| byte == b' ');
        let is_bearer = words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"));
        let token = words.next().filter(|_| is_bearer).ok_or(TokenFault::NotBearer)?.trim_ascii();
        // A sandbox made anew with the same seed gives out the same tokens: what was remembered of the old one is void.
        let remembered = self.checked_tokens().get(token).filter(|checked| checked.sandbox.strong_count() > 0);
        let checked = match remembered {
            Some(checked) => checked,
            None => self.check(std::str::from_utf8(token).map_err(|_| TokenFault::Malformed)?)?,
        };
        let sandbox = checked.sandbox.upgrade().ok_or(TokenFault::UnknownApp)?;
        Ok((sandbox, checked))
    }

    fn check(&self, token: &str) -> Result<Checked, TokenFault> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenFault::Malformed);
        }
        let header = decode_header(token).map_err(|_| TokenFault::Malformed)?;
        if header.alg != Algorithm::RS256 {
            return Err(TokenFault::WrongAlgorithm);
        }
        let key = header.kid.as_deref().and_then(|id| self.signing_keys().find(id)).ok_or(TokenFault::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::RS256);
        // The library would compare with the machine's clock; the sandbox's counts.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        validation.set_audience(&[
            MARKETPLACE_RESOURCE,
            LEGACY_MARKETPLACE_RESOURCE,
            PARTNER_CENTER_RESOURCE,
            GRAPH_RESOURCE,
        ]);
        let claims = decode::<Claims>(token, &key.public, &validation).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenFault::BadSignature,
            jsonwebtoken::errors::ErrorKind::InvalidAudience => TokenFault::WrongAudience,
            _ => TokenFault::Malformed,
        })?;
        let claims = claims.claims;
        if claims.iss != issuer(claims.tid) && claims.iss != issuer_v2(claims.tid) {
            return Err(TokenFault::WrongIssuer);
        }
        let app = claims.appid.or(claims.azp).ok_or(TokenFault::UnknownApp)?;
        let is_persons = claims.scp.is_some();
        let registered = self
            .registered_app(app)
            .filter(|registered| registered.app.tenant_id == claims.tid)
            .ok_or(TokenFault::UnknownApp)?;
        let checked = Checked {
            sandbox: Arc::downgrade(&registered.sandbox),
            owner: registered.owner,
            app,
            audience: match claims.aud.as_str() {
                PARTNER_CENTER_RESOURCE => Audience::PartnerCenter,
                GRAPH_RESOURCE => Audience::Graph,
                _ => Audience::Marketplace,
            },
            user: if is_persons { Some(claims.oid.ok_or(TokenFault::UnknownUser)?) } else { None },
            not_before: claims.nbf,
            expires_on: claims.exp,
        };
        self.checked_tokens().remember(token, checked.clone());
        Ok(checked)
    }
}

impl CheckedTokens {
    fn get(&self, token: &[u8]) -> Option<Checked> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// Forgets the tokens of a sandbox that is being deleted, though somebody may still hold it.
    pub(in crate::app) fn forget(&self, sandbox: &Arc<Sandbox>) {
        let gone = Arc::downgrade(sandbox);
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, checked| !Weak::ptr_eq(&checked.sandbox, &gone));
    }

    fn remember(&self, token: &str, checked: Checked) {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= REMEMBERED {
            tokens.clear();
        }
        tokens.insert(token.as_bytes().into(), checked);
    }
}
