//! What holds for any header field and any app's answer.

use granary_gateway::web::fields::{self, ETag, ETags, Expires, SetCookie};
use granary_gateway::web::fuzz;
use proptest::prelude::*;

/// Bytes that look like header fields more often than chance gives.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\"".to_vec()),
        Just(b"W/".to_vec()),
        Just(b",".to_vec()),
        Just(b";".to_vec()),
        Just(b"=".to_vec()),
        Just(b"q=0.5".to_vec()),
        Just(b"*".to_vec()),
        Just(b"\\".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"__Host-granary-".to_vec()),
        Just(b"Domain=granary.localhost".to_vec()),
        Just(b"x-sandstorm-app-".to_vec()),
        Just(b"cookie: ".to_vec()),
        Just(b"\nif-match: ".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..8),
        "[a-z/]{1,8}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn opaque() -> impl Strategy<Value = Vec<u8>> {
    "[!#-~äé ]{0,20}".prop_map(String::into_bytes)
}

proptest! {
    #[test]
    fn nothing_hostile_passes(data in field()) {
        fuzz::request_headers(&data);
        fuzz::field(&data);
        fuzz::set_cookie(&data);
        fuzz::response(&data);
        fuzz::response_texts(&data);
    }

    #[test]
    fn etags_written_are_read_back(tags in proptest::collection::vec((opaque(), any::<bool>()), 1..6)) {
        let tags: Vec<_> = tags.iter().map(|(value, weak)| ETag { value, weak: *weak }).collect();
        let headers: Vec<_> = tags.iter().map(|tag| fields::etag_header(*tag).expect("opaque values can be written")).collect();
        // In one field and in several.
        let joined = headers.iter().map(http::HeaderValue::as_bytes).collect::<Vec<_>>().join(&b", "[..]);
        prop_assert_eq!(fields::etags(std::iter::once(&joined[..])), Ok(Some(ETags::List(tags.clone()))));
        prop_assert_eq!(fields::etags(headers.iter().map(http::HeaderValue::as_bytes)), Ok(Some(ETags::List(tags))));
    }

    #[test]
    fn cookies_set_are_read_back(name in "[a-zA-Z0-9_-]{1,12}", value in "[!#-+./0-:<-~ ]{0,20}", path in "(/[a-z]{0,5})?") {
        let cookie = SetCookie {
            name: name.as_bytes(), value: value.as_bytes(), expires: Expires::After(5), path: path.as_bytes(),
            http_only: true, secure: true,
        };
        let header = cookie.header().expect("plain characters");
        let pair = header.as_bytes().split(|byte| *byte == b';').next().expect("a first part");
        let read: Vec<_> = fields::cookies(pair).collect();
        prop_assert_eq!(read, [(name.as_bytes(), value.trim().as_bytes())]);
    }

    #[test]
    fn weights_lie_between_nought_and_one(data in field()) {
        for entry in fields::weighted_list(&data) {
            prop_assert!((0.0..=1.0).contains(&entry.q));
            prop_assert!(!entry.value.is_empty());
        }
    }
}
