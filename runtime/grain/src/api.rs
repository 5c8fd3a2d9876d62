//! What a grain can ask of the platform. Nothing of it is built yet but the refusal.
//!
//! An app tells by an exception of type *unimplemented* that a method is not there, and does without it. These answer
//! so for now:
//!
//! - `SandstormApi`: deprecatedPublish, deprecatedRegisterAction, shareCap, shareView, restore, drop, deleted, stayAwake,
//!   save, backgroundActivity, getIdentityId, schedule (real Sandstorm has the first four and `deleted` unimplemented too);
//! - `SessionContext`: getSharedPermissions, tieToUser, offer, request, fulfillRequest, close, openView, claimRequest,
//!   activity (real Sandstorm has the first two, close and openView unimplemented or without effect too);
//! - `HackSessionContext`: getPublicId, getUserAddress, all that is called obsolete, and `EmailSendPort`.

use granary_wire::email_capnp::email_send_port;
use granary_wire::grain_capnp::{sandstorm_api, session_context};
use granary_wire::hack_session_capnp::hack_session_context;

/// The bootstrap capability of each grain.
pub(crate) struct Api;

impl sandstorm_api::Server<capnp::any_pointer::Owned> for Api {}

/// The context of one session. It is of the older, wider type, which some apps cast it to.
pub(crate) struct Context;

impl session_context::Server for Context {}
impl email_send_port::Server for Context {}
impl hack_session_context::Server for Context {}
