//! Credentials that come and go: those of a program, and the token in a file. They are fetched when a request needs
//! them, once for all requests, and again when they expire or when the API server does not take them any more.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, StatusCode};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::client::{Body, ClientBuilder};
use kube::config::ExecConfig;
use kube::{Client, Config};
use tower::{BoxError, service_fn};

use super::Unauthenticated;
use super::fault::{UNAUTHORIZED, Unreachable};
use super::flights::Flights;
use super::origin::Origin;
use super::program::{self, Credential};
use super::proxy::Proxy;
use super::redaction::{client_problem, file_problem};
use super::transport;
use super::unreachable::rejected_certificate;
use crate::panic::catch_panic_sync;
use crate::swallowed::LastCause;

/// How long a token from a file is used before the file is read again, as all clients of Kubernetes do.
const RELOAD: Duration = Duration::from_secs(50);

/// How long before a program's credential expires another one is fetched.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a credential is kept at least, and a failure believed, whatever the API server makes of it.
const PAUSE: Duration = Duration::from_secs(1);

/// Where credentials come from.
pub(super) enum Source {
    Program(Box<ExecConfig>),
    TokenFile(PathBuf),
}

/// The credentials of a client.
pub(super) struct Credentials {
    source: Source,
    origin: Arc<Origin>,
    /// The configuration without credentials, for a client with another certificate.
    config: Config,
    proxy: Option<Proxy>,
    /// The client without credentials.
    bare: Client,
    state: Mutex<State>,
    fetches: Flights<(), Result<Ready, String>>,
}

#[derive(Default)]
struct State {
    ready: Option<Ready>,
    failed: Option<(Instant, String)>,
    is_fetching: bool,
    /// Why one could not be renewed, which is logged.
    trouble: LastCause,
}

/// A credential, and a client that can send it.
#[derive(Clone)]
struct Ready {
    client: Client,
    header: Option<HeaderValue>,
    fetched: Instant,
    /// When another one should be fetched.
    stale: Option<Timestamp>,
    /// When it ends.
    expires: Option<Timestamp>,
    /// The API server has refused it.
    is_refused: bool,
}

impl Credentials {
    /// Makes the credentials of a client. Nothing is fetched before a request needs it.
    pub(super) fn new(
        source: Source,
        origin: Arc<Origin>,
        config: Config,
        proxy: Option<Proxy>,
    ) -> Result<Arc<Self>, kube::Error> {
        Ok(Arc::new(Self {
            source,
            origin,
            bare: transport::client(config.clone(), proxy.as_ref())?,
            config,
            proxy,
            state: Mutex::default(),
            fetches: Flights::default(),
        }))
    }

    /// A client whose requests have the credentials.
    pub(super) fn client(self: &Arc<Self>) -> Client {
        let credentials = Arc::clone(self);
        let service = service_fn(move |mut request: Request<Body>| {
            let credentials = Arc::clone(&credentials);
            async move {
                let ready = credentials.ready().await?;
                if let Some(header) = ready.header {
                    request.headers_mut().insert(AUTHORIZATION, header);
                }
                let response = match ready.client.send(request).await {
                    Ok(response) => response,
                    Err(error) => {
                        let Some(why) = rejected_certificate(&error) else {
                            return Err(error.into());
                        };
                        credentials.refuse(ready.fetched);
                        return Err(credentials.outdated(&why).into());
                    }
                };
                if response.status() == StatusCode::UNAUTHORIZED {
                    credentials.refuse(ready.fetched);
                    let is_json = |kind: &HeaderValue| kind.as_bytes().starts_with(b"application/json");
                    // Anything else is the page of a proxy.
                    if response.headers().get(CONTENT_TYPE).is_some_and(is_json) {
                        return Err(credentials.outdated(UNAUTHORIZED).into());
                    }
                }
                Ok::<_, BoxError>(response)
            }
        });
        ClientBuilder::new(service, self.config.default_namespace.clone()).build()
    }

    /// The API server rejects what these credentials were, and others are fetched.
    fn outdated(&self, why: &str) -> Unreachable {
        let subject = self.subject();
        Unreachable(format!(
            "the API server rejects the credential of {subject} ({why}), which is fetched again. If the error stays, renew \
             what it is made from, for example by a new login"
        ))
    }

    /// The program or file that a request waits for at the moment, if that is not the API server.
    pub(super) fn waits_for(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = state.is_fetching && state.ready.as_ref().is_none_or(|ready| !ready.is_usable());
        let what = match self.source {
            Source::Program(_) => "has not ended yet",
            Source::TokenFile(_) => "has not been read yet",
        };
        waits.then(|| format!("{} {what}", self.subject()))
    }

    /// Waits for a program that may ask the person at this terminal for a login.
    pub(super) async fn log_in(self: &Arc<Self>) {
        if matches!(&self.source, Source::Program(program) if program::is_interactive(program)) {
            // The first request reports the fault.
            let _ = self.ready().await;
        }
    }

    fn subject(&self) -> String {
        match &self.source {
            Source::Program(program) => format!(
                "the credential program {} of {}",
                program::name(program),
                self.origin.user_of_kubeconfig()
            ),
            Source::TokenFile(file) => format!(
                "the token file {} of {}",
                file.display(),
                self.origin.user_of_kubeconfig()
            ),
        }
    }

    async fn ready(self: &Arc<Self>) -> Result<Ready, Unauthenticated> {
        let (known, failed) = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let failed = state.failed.clone().filter(|(when, _)| when.elapsed() < PAUSE);
            (state.ready.clone().filter(Ready::is_usable), failed)
        };
        match (known, failed) {
            (Some(ready), failed) => {
                if ready.is_stale() && failed.is_none() {
                    // The present credentials are still valid.
                    drop(self.fetches.begin(&(), self.fetch()));
                }
                Ok(ready)
            }
            (None, Some((_, problem))) => Err(Unauthenticated(problem)),
            (None, None) => {
                let fetched = self.fetches.join((), self.fetch()).await;
                let bug = || Err(format!("{} has met a bug in the plugin", self.subject()));
                fetched.unwrap_or_else(bug).map_err(Unauthenticated)
            }
        }
    }

    /// The API server does not take a credential: it has been revoked, or has ended early.
    fn refuse(&self, fetched: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ready) = state.ready.as_mut().filter(|ready| ready.fetched == fetched) {
            ready.is_refused = fetched.elapsed() >= PAUSE;
        }
    }

    /// The work of fetching a credential, which blocks.
    fn fetch(self: &Arc<Self>) -> impl FnOnce() -> Result<Ready, String> + Send + 'static {
        let credentials = Arc::clone(self);
        move || {
            let set_fetching = |fetching| {
                let mut state = credentials.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.is_fetching = fetching;
            };
            set_fetching(true);
            let fetched = catch_panic_sync(|| Ok(credentials.fetch_now()));
            set_fetching(false);
            let fetched = fetched.unwrap_or_else(|bug| Err(bug.to_string()));
            let mut state = credentials.state.lock().unwrap_or_else(PoisonError::into_inner);
            match &fetched {
                Ok(ready) => {
                    state.ready = Some(ready.clone());
                    state.failed = None;
                }
                Err(problem) => state.failed = Some((Instant::now(), problem.clone())),
            }
            // A token file that is gone for a moment: its last token may serve still.
            let old = state.ready.clone();
            let is_new = match &fetched {
                Ok(_) => {
                    state.trouble.clear();
                    false
                }
                // Without an old one, the callers that wait get the error.
                Err(problem) => old.as_ref().is_some_and(|old| !old.is_refused) && state.trouble.is_new(problem),
            };
            drop(state);
            if let (Err(cause), true) = (&fetched, is_new) {
                tracing::warn!(
                    cause,
                    "A credential cannot be renewed, and the one before is used as long as it serves: {cause}"
                );
            }
            match (&credentials.source, &fetched, old) {
                (Source::TokenFile(_), Err(_), Some(old)) if !old.is_refused => Ok(old),
                _ => fetched,
            }
        }
    }

    fn fetch_now(&self) -> Result<Ready, String> {
        let (credential, stale) = match &self.source {
            Source::Program(program) => {
                let credential = program::run(program).map_err(|problem| format!("{} {problem}", self.subject()))?;
                let stale = credential.expires.and_then(|expires| expires.checked_sub(MARGIN).ok());
                (credential, stale)
            }
            Source::TokenFile(file) => {
                let token = std::fs::read_to_string(file)
                    .map_err(|error| format!("{} {}", self.subject(), file_problem(&error)))?;
                let token = Some(token.trim().to_owned());
                let credential = Credential {
                    token,
                    ..Credential::default()
                };
                (credential, Timestamp::now().checked_add(RELOAD).ok())
            }
        };
        let header = credential.token.map(|token| bearer(&token)).transpose().map_err(|()| {
            format!(
                "{} gave a token that no HTTP header can have, such as one with a line break inside",
                self.subject()
            )
        })?;
        let client = match credential.certificate {
            None => self.bare.clone(),
            Some((certificate, key)) => self.with_certificate(&certificate, &key)?,
        };
        Ok(Ready {
            client,
            header,
            fetched: Instant::now(),
            stale,
            expires: credential.expires,
            is_refused: false,
        })
    }

    fn with_certificate(&self, certificate: &str, key: &str) -> Result<Client, String> {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;

        let mut config = self.config.clone();
        config.auth_info.client_certificate = None;
        config.auth_info.client_key = None;
        config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
        config.auth_info.client_key_data = Some(STANDARD.encode(key).into());
        transport::client(config, self.proxy.as_ref()).map_err(|error| {
            format!(
                "{} gave a certificate that cannot be used: {}",
                self.subject(),
                client_problem(&error)
            )
        })
    }
}

impl Ready {
    fn is_usable(&self) -> bool {
        !self.is_refused && self.expires.is_none_or(|expires| Timestamp::now() < expires)
    }

    fn is_stale(&self) -> bool {
        self.stale.is_some_and(|stale| Timestamp::now() >= stale) && self.fetched.elapsed() >= PAUSE
    }
}

fn bearer(token: &str) -> Result<HeaderValue, ()> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| ())?;
    value.set_sensitive(true);
    Ok(value)
}
