//! Which host a request is for: one Host header, the same as the target's authority, and nothing else counts.

use http::header::HOST;
use http::uri::{PathAndQuery, Scheme, Uri};
use http::{Method, Request, StatusCode, Version};

/// Why a request is for nobody; plain text for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadTarget(pub(crate) StatusCode, pub(crate) &'static str);

const BAD: StatusCode = StatusCode::BAD_REQUEST;

/// The authority a request is for. Afterwards its target is a path, whatever form it came in.
pub(crate) fn authority<B>(request: &mut Request<B>) -> Result<String, BadTarget> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => {
            Some(host.to_str().map_err(|_| BadTarget(BAD, "The Host header is not understood."))?.to_owned())
        }
        (Some(_), Some(_)) => return Err(BadTarget(BAD, "This request names two hosts.")),
    };
    let is_h2 = request.version() == Version::HTTP_2;
    // A WebSocket over HTTP/2 is a CONNECT that names its protocol (RFC 8441); any other asks for a proxy.
    let is_websocket = is_h2 && request.extensions().get::<hyper::ext::Protocol>().is_some();
    if *request.method() == Method::CONNECT && !is_websocket {
        return Err(BadTarget(StatusCode::METHOD_NOT_ALLOWED, "Granary is no proxy."));
    }
    let uri = request.uri();
    if uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTPS) {
        return Err(BadTarget(BAD, "Granary answers https only."));
    }
    let named = uri.authority().map(|authority| authority.as_str().to_owned());
    let authority = match (named, host) {
        (Some(named), Some(host)) if named != host => {
            return Err(BadTarget(BAD, "The Host header and the request's target differ."));
        }
        // HTTP/1.1 wants the header in any case.
        (Some(_), None) if !is_h2 => return Err(BadTarget(BAD, "The Host header is missing.")),
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err(BadTarget(BAD, "The Host header is missing.")),
    };
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    if !path.as_str().starts_with('/') {
        return Err(BadTarget(BAD, "The request's target is not a path."));
    }
    *request.uri_mut() = Uri::from(path);
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, method: &str, target: &str, hosts: &[&str], expected: Result<(&str, &str), u16>) {
        let mut request = Request::builder().version(version).method(method).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let mut request = request.body(()).unwrap();
        let found = authority(&mut request);
        let found = found.as_deref().map(|a| (a, request.uri().to_string())).map_err(|bad| bad.0.as_u16());
        let expected = expected.map(|(a, path)| (a, path.to_owned()));
        assert_eq!(found, expected, "{version:?} {method} {target} {hosts:?}");
    }

    #[test]
    fn host_and_target_agree() {
        let (h1, h2) = (Version::HTTP_11, Version::HTTP_2);
        check(h1, "GET", "/x?y", &["a:1"], Ok(("a:1", "/x?y")));
        check(h1, "GET", "/x", &[], Err(400));
        check(h1, "GET", "/x", &["a:1", "a:1"], Err(400));
        check(h1, "GET", "https://a:1/x?y", &["a:1"], Ok(("a:1", "/x?y")));
        check(h1, "GET", "https://a:1", &["a:1"], Ok(("a:1", "/")));
        check(h1, "GET", "https://a:1/x", &["b:1"], Err(400));
        check(h1, "GET", "https://a:1/x", &[], Err(400));
        check(h1, "GET", "http://a:1/x", &["a:1"], Err(400));
        check(h1, "CONNECT", "a:1", &["a:1"], Err(405));
        check(h1, "OPTIONS", "*", &["a:1"], Err(400));
        check(h2, "GET", "https://a:1/x", &[], Ok(("a:1", "/x")));
        check(h2, "GET", "https://a:1/x", &["a:1"], Ok(("a:1", "/x")));
        check(h2, "GET", "https://a:1/x", &["b:1"], Err(400));
        check(h2, "GET", "https://a:1/x", &["a:1", "a:1"], Err(400));
        check(h2, "GET", "http://a:1/x", &[], Err(400));
        check(h2, "CONNECT", "a:1", &[], Err(405));
    }
}
