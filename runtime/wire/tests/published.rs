//! Interface ids and method ordinals agree with those of the published crate `sandstorm`, which nobody here wrote.
//!
//! That crate derives most ids from names and parents, as the original does, where ours are written out. Both sides' clients
//! are made to call every method of every interface, and what they would send is compared.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use capnp::MessageSize;
use capnp::any_pointer;
use capnp::capability::{FromClientHook, Promise, Request};
use capnp::private::capability::{ClientHook, ParamsHook, ResultsHook};
use capnp::traits::{HasStructSize, HasTypeId};

/// The two crates under the same names.
mod ours {
    pub(crate) use granary_wire::http_bridge_capnp as sandstorm_http_bridge_capnp;
    pub(crate) use granary_wire::*;
}
use sandstorm as theirs;

/// An interface's id, and for each of its methods the interface and the ordinal that a call carries.
type Calls = (u64, Vec<(u64, u16)>);

/// A capability that notes what is called on it.
struct Recorder {
    calls: Rc<RefCell<Vec<(u64, u16)>>>,
    nothing: Box<dyn ClientHook>,
}

impl ClientHook for Recorder {
    fn add_ref(&self) -> Box<dyn ClientHook> {
        Box::new(Self { calls: self.calls.clone(), nothing: self.nothing.add_ref() })
    }

    fn new_call(
        &self,
        interface: u64,
        method: u16,
        size: Option<MessageSize>,
    ) -> Request<any_pointer::Owned, any_pointer::Owned> {
        self.calls.borrow_mut().push((interface, method));
        self.nothing.new_call(interface, method, size)
    }

    fn call(&self, _: u64, _: u16, _: Box<dyn ParamsHook>, _: Box<dyn ResultsHook>) -> Promise<(), capnp::Error> {
        Promise::err(capnp::Error::unimplemented("nothing is passed on".to_owned()))
    }

    fn get_brand(&self) -> usize {
        0
    }

    fn get_ptr(&self) -> usize {
        Rc::as_ptr(&self.calls) as usize
    }

    fn get_resolved(&self) -> Option<Box<dyn ClientHook>> {
        None
    }

    fn when_more_resolved(&self) -> Option<Promise<Box<dyn ClientHook>, capnp::Error>> {
        None
    }

    fn when_resolved(&self) -> Promise<(), capnp::Error> {
        Promise::ok(())
    }
}

/// What a client sends when it calls the given methods.
fn record<C: FromClientHook + HasTypeId>(call: impl Fn(&C)) -> Calls {
    let calls = Rc::new(RefCell::new(Vec::new()));
    let nothing = capnp_rpc::new_broken_cap(capnp::Error::failed("nobody is there".to_owned())).hook;
    call(&C::new(Box::new(Recorder { calls: calls.clone(), nothing })));
    (C::TYPE_ID, calls.take())
}

/// Calls the methods on both crates' clients. Gives the id and the count of methods of each interface.
macro_rules! compare {
    ($($file:ident :: $($path:ident)::+ $(<$of:ty>)? : $($method:ident),*;)*) => {
        BTreeMap::from([$({
            let ours = record::<ours::$file::$($path)::+::Client$(<$of>)?>(|client| { let _ = client; $(drop(client.$method());)* });
            let theirs = record::<theirs::$file::$($path)::+::Client$(<$of>)?>(|client| { let _ = client; $(drop(client.$method());)* });
            assert_eq!(ours, theirs, "{} (ours, theirs)", concat!(stringify!($file), $("::", stringify!($path)),+));
            (ours.0, ours.1.len())
        },)*])
    };
}

/// Interfaces that the crate lacks.
const NOT_PUBLISHED: [(u64, &str); 15] = [
    (0xe14c_1f53_2115_9b8f, "HackSessionContext"),
    (0xc3b5_ced7_344b_04a6, "HackEmailSession"),
    (0xc8cb_212f_cd9f_5691, "Persistent"),
    (0xc38c_edd7_7cbe_d5b4, "SystemPersistent"),
    (0xcdda_9d14_36d7_d206, "SystemPersistent.RevocationObserver"),
    (0xc22c_e229_c18c_0a02, "PersistentHandle"),
    (0xdbbd_cec8_587d_d355, "PersistentOngoingNotification"),
    (0xa5b3_2156_60e0_38f2, "PersistentIpNetwork"),
    (0xcf43_ebe6_a5a6_f1b4, "PersistentIpInterface"),
    (0x826f_7187_e23c_37c9, "PersistentUiView"),
    (0xaaec_b6e5_c137_fd7a, "PersistentIdentity"),
    (0xd76b_b618_2f0a_ece3, "PersistentEmailVerifier"),
    (0xe536_db3e_ed32_4f9b, "PersistentVerifiedEmail"),
    (0xaca1_efb8_eb6c_d18a, "PersistentApiSession"),
    (0xb71e_3891_5c2a_2afc, "BridgeHttpSession"),
];

#[test]
fn interfaces_and_methods_are_those_of_the_published_crate() {
    let compared = compare! {
    util_capnp::handle: ping_request;
    util_capnp::byte_stream: write_request, done_request, expect_size_request;
    util_capnp::blob: get_size_request, write_to_request, get_slice_request;
    util_capnp::assignable<any_pointer::Owned>: get_request, as_getter_request, as_setter_request;
    util_capnp::assignable::getter<any_pointer::Owned>: get_request, subscribe_request;
    util_capnp::assignable::setter<any_pointer::Owned>: set_request;
    util_capnp::static_asset: get_url_request;
    identity_capnp::identity: get_profile_request;
    activity_capnp::notification_target: add_ongoing_request;
    activity_capnp::ongoing_notification: cancel_request;
    grain_capnp::sandstorm_api<any_pointer::Owned>: deprecated_publish_request, deprecated_register_action_request, share_cap_request, share_view_request, restore_request, drop_request, deleted_request, stay_awake_request, save_request, background_activity_request, get_identity_id_request, schedule_request;
    grain_capnp::scheduled_job::callback: run_request;
    grain_capnp::ui_view: get_view_info_request, new_session_request, new_request_session_request, new_offer_session_request;
    grain_capnp::ui_session:;
    grain_capnp::session_context: get_shared_permissions_request, tie_to_user_request, offer_request, request_request, fulfill_request_request, close_request, open_view_request, claim_request_request, activity_request;
    grain_capnp::sharing_link: get_petname_request;
    grain_capnp::view_sharing_link: get_role_assignment_request;
    grain_capnp::app_persistent<any_pointer::Owned>: save_request;
    grain_capnp::main_view<any_pointer::Owned>: restore_request, drop_request;
    web_session_capnp::web_session: get_request, post_request, open_web_socket_request, put_request, delete_request, post_streaming_request, put_streaming_request, propfind_request, proppatch_request, mkcol_request, copy_request, move_request, lock_request, unlock_request, acl_request, report_request, options_request, patch_request;
    web_session_capnp::web_session::request_stream: get_response_request;
    web_session_capnp::web_session::web_socket_stream: send_bytes_request;
    api_session_capnp::api_session:;
    email_capnp::email_send_port: send_request, hint_address_request;
    email_capnp::verified_email:;
    email_capnp::verified_email_send_port:;
    email_capnp::email_verifier: get_id_request, verify_email_request;
    email_capnp::email_agent: send_request, add_receiver_request;
    ip_capnp::ip_network: get_remote_host_request, get_remote_host_by_name_request;
    ip_capnp::ip_interface: listen_tcp_request, listen_udp_request;
    ip_capnp::ip_remote_host: get_tcp_port_request, get_udp_port_request;
    ip_capnp::tcp_port: connect_request;
    ip_capnp::udp_port: send_request;
    web_publishing_capnp::web_site: get_url_request, get_entities_request, get_not_found_entities_request, upload_blob_request, get_subsite_request, list_resources_request;
    sandstorm_http_bridge_capnp::sandstorm_http_bridge: get_sandstorm_api_request, get_session_context_request, get_saved_identity_request, save_identity_request, get_session_request_request, get_session_offer_request;
    sandstorm_http_bridge_capnp::app_hooks<any_pointer::Owned>: get_view_info_request, restore_request, drop_request;
    };

    // Nothing may be forgotten above: the table has every interface with all its methods.
    let mut table = BTreeMap::new();
    for line in include_str!("layout.tsv").lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let id = columns[0].strip_prefix("0x").and_then(|id| u64::from_str_radix(id, 16).ok());
        match (id, columns.get(1..)) {
            (Some(id), Some(["interface", name, ..])) => _ = table.insert(id, (*name, 0)),
            (Some(id), Some(["method", ..])) => table.get_mut(&id).expect("an interface precedes its methods").1 += 1,
            _ => {}
        }
    }
    for (id, name) in NOT_PUBLISHED {
        assert_eq!(table.remove(&id).map(|(name, _)| name), Some(name), "an interface said not to be published");
    }
    for (id, (name, methods)) in table {
        assert_eq!(compared.get(&id), Some(&methods), "methods of {name} that are compared above (left)");
    }
}

macro_rules! compare_structs {
    ($($file:ident :: $($path:ident)::+;)*) => {
        $({
            use ours::$file::$($path)::+ as ours;
            use theirs::$file::$($path)::+ as theirs;
            let name = concat!(stringify!($file), $("::", stringify!($path)),+);
            assert_eq!(ours::Reader::TYPE_ID, theirs::Reader::TYPE_ID, "id of {name} (ours, theirs)");
            let (ours, theirs) = (ours::Builder::STRUCT_SIZE, theirs::Builder::STRUCT_SIZE);
            assert_eq!((ours.data, ours.pointers), (theirs.data, theirs.pointers), "size of {name} (ours, theirs)");
        })*
    };
}

#[test]
fn structs_have_the_ids_and_sizes_of_the_published_crate() {
    compare_structs! {
        util_capnp::key_value;
        util_capnp::localized_text;
        util_capnp::localized_text::localization;
        powerbox_capnp::powerbox_descriptor;
        powerbox_capnp::powerbox_descriptor::tag;
        powerbox_capnp::powerbox_display_info;
        identity_capnp::identity::powerbox_tag;
        identity_capnp::profile;
        identity_capnp::user_info;
        activity_capnp::activity_event;
        activity_capnp::activity_event::thread_info;
        activity_capnp::activity_event::user;
        activity_capnp::activity_type_def;
        activity_capnp::notification_display_info;
        grain_capnp::scheduled_job;
        grain_capnp::ui_view::view_info;
        grain_capnp::ui_view::powerbox_tag;
        grain_capnp::permission_def;
        grain_capnp::role_def;
        grain_capnp::view_sharing_link::role_assignment;
        grain_capnp::grain_info;
        grain_capnp::grain_info::user;
        web_session_capnp::http_status_descriptor;
        web_session_capnp::web_session::params;
        web_session_capnp::web_session::context;
        web_session_capnp::web_session::context::header;
        web_session_capnp::web_session::post_content;
        web_session_capnp::web_session::put_content;
        web_session_capnp::web_session::e_tag;
        web_session_capnp::web_session::cookie;
        web_session_capnp::web_session::accepted_type;
        web_session_capnp::web_session::accepted_encoding;
        web_session_capnp::web_session::response;
        web_session_capnp::web_session::response::header;
        web_session_capnp::web_session::response::error_body;
        web_session_capnp::web_session::cache_policy;
        web_session_capnp::web_session::options;
        api_session_capnp::api_session::params;
        api_session_capnp::api_session::powerbox_tag;
        api_session_capnp::api_session::powerbox_tag::o_auth_scope;
        email_capnp::email_address;
        email_capnp::email_attachment;
        email_capnp::email_message;
        email_capnp::email_send_port::powerbox_tag;
        email_capnp::verified_email::powerbox_tag;
        email_capnp::verified_email_send_port::powerbox_tag;
        ip_capnp::ip_address;
        ip_capnp::ip_port_powerbox_metadata;
        web_publishing_capnp::web_site::entity;
    }
}
