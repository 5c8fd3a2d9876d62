//! TLS, host names, the owner's login and UI sessions: everything between a browser and a grain's `WebSession`.
//!
//! How the appliance uses it:
//!
//! ```ignore
//! // Binds 127.0.0.1 and [::1], reads or makes the certificates and the logins. Does not serve yet. Needs a tokio runtime.
//! let gateway = Gateway::new(GatewayConfig::new(data_dir, port, vat))?;
//! gateway.port();          // u16: the one that was free; store it and tell it
//! gateway.origin();        // &str: "https://granary.localhost:6443"
//! let logins = gateway.logins();      // Logins: Clone + Send + Sync
//! let sessions = gateway.sessions();  // Sessions: Clone + Send + Sync
//! logins.url("/grain/abc");           // String: https://granary.localhost:6443/login#<code>, 60 s, once
//! logins.code();                      // String: the bare code (opens "/")
//! // POST /api/v1/login {code} -> {secret, path}; POST /api/v1/login/restore (header X-Granary-Secret, when only the
//! // cookie was lost) -> {}; POST /api/v1/logout: all three are the gateway's own, the shell router must not have them.
//! // A request that reaches the shell router below /api/ passed the guard and carries the extension `LoginId`.
//! let url = sessions.create(NewSession { opener, grain: "grain id".into(), path: "/".into(), login: Some(login_id) });
//! url.init_url; url.host;             // String, String
//! sessions.revoke(&Revoke::Grain("grain id".into()));   // also Revoke::{Host, Login, All}; ends requests and WebSockets too
//! sessions.subscribe();               // broadcast::Receiver<SessionEvent>: a page's session cookie was lost
//! // With `windows: true`: a window of the desktop; a login and a proxy of its own, both gone when it is dropped.
//! let window = gateway.window(Reach::Grain("grain id".into()));
//! gateway.health();                   // Vec<HealthEntry { code, title, severity, ok, text, remedy }> (serde, camelCase)
//! gateway.certificates();             // Vec<PathBuf>: CA files, for `trust`
//! gateway.serve(shell_router, shutdown_future).await;   // until the shutdown future ends
//! // The CLI: trust::{install, remove, status}(&TrustOptions) -> Vec<StoreReport>; browser::open(&url, &OpenOptions).
//! ```

mod clock;
mod cookies;
mod fetch;
mod gateway;
mod health;
mod host;
mod listen;
mod names;
mod owner;
mod pages;
mod policy;
mod proxy;
mod recover;
mod reply;
mod secret;
mod session;
mod tls;

pub mod browser;
#[doc(hidden)]
pub mod fuzz;
pub mod trust;

pub mod web;

pub use clock::Clock;
pub use gateway::{Gateway, GatewayConfig, GatewayError};
pub use health::{HealthEntry, Severity};
pub use listen::{BindError, Limits, PeerError, Peers};
pub use names::{Names, PUBLISHED_SITE, SITE};
pub use owner::{LoginId, Logins, LoginsError, Reach};
pub use proxy::Window;
pub use session::{NewSession, Revoke, SessionEvent, SessionUrl, Sessions};
pub use tls::TlsError;
pub use web::body;
