//! What Granary says to apps, and how: types generated from `schemas/`, message framing, and the thread all RPC runs on.

pub mod framing;
pub mod vat;

pub use capnp;
pub use capnp_rpc;

macro_rules! generated {
    ($($(#[$doc:meta])* $module:ident,)*) => {
        $(
            #[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::unimplemented)]
            $(#[$doc])*
            pub mod $module {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($module), ".rs"));
            }
        )*
    };
}

generated! {
    /// Generated from `schemas/util.capnp`: texts, handles, byte streams, blobs, assignable values.
    util_capnp,
    /// Generated from `schemas/powerbox.capnp`: how a capability is described and asked for.
    powerbox_capnp,
    /// Generated from `schemas/identity.capnp`: who a user is, as far as an app may know.
    identity_capnp,
    /// Generated from `schemas/activity.capnp`: events, notifications, subscriptions.
    activity_capnp,
    /// Generated from `schemas/grain.capnp`: what an app and the platform offer each other.
    grain_capnp,
    /// Generated from `schemas/web-session.capnp`: HTTP as method calls.
    web_session_capnp,
    /// Generated from `schemas/api-session.capnp`: HTTP for programs instead of browsers.
    api_session_capnp,
    /// Generated from `schemas/email.capnp`: messages, ports to send them, proofs of address.
    email_capnp,
    /// Generated from `schemas/ip.capnp`: raw network access as capabilities.
    ip_capnp,
    /// Generated from `schemas/hack-session.capnp`: older calls that apps still make on their session's context.
    hack_session_capnp,
    /// Generated from `schemas/web-publishing.capnp`: a web site that is written through capabilities.
    web_publishing_capnp,
    /// Generated from `schemas/package.capnp`: what is inside a `.spk`.
    package_capnp,
    /// Generated from `schemas/http-bridge.capnp`: what an app that speaks plain HTTP may ask of its bridge.
    http_bridge_capnp,
    /// Generated from `schemas/persistence.capnp`: saving, owning and revoking references; never shown to apps.
    persistence_capnp,
}
