//! The certificates: what the CA may speak for, how they renew themselves, and that curl agrees.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension, X509Certificate};

use granary_gateway::Limits;

use crate::fixture::{BOUND, Hand, Running};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn the_authority_speaks_for_two_sites_and_nothing_else() {
    let running = Running::start();
    let der = CertificateDer::from_pem_file(running.ca()).unwrap();
    let (_, ca) = X509Certificate::from_der(&der).unwrap();
    let basic = ca.basic_constraints().unwrap().unwrap();
    assert!(basic.critical && basic.value.ca && basic.value.path_len_constraint == Some(0));
    let usage = ca.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign() && !usage.value.digital_signature());
    let extended = ca.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && !extended.client_auth && !extended.code_signing && !extended.any);
    let constraints = ca
        .extensions()
        .iter()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::NameConstraints(constraints) => Some((extension.critical, constraints)),
            _ => None,
        })
        .expect("name constraints");
    assert!(constraints.0, "critical: whoever does not understand them refuses the CA");
    let names = |subtrees: &Option<Vec<x509_parser::extensions::GeneralSubtree<'_>>>| {
        let names = subtrees.iter().flatten().map(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => (*name).to_owned(),
            GeneralName::IPAddress(bytes) => hex::encode(bytes),
            other => panic!("{other:?}"),
        });
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&constraints.1.permitted_subtrees), ["granary.localhost", "granary-sites.localhost"]);
    assert_eq!(names(&constraints.1.excluded_subtrees), ["0".repeat(16), "0".repeat(64)]);
}

#[tokio::test]
async fn keys_are_private_and_a_restart_keeps_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let running = Running::start();
    let port = running.port();
    let leaf = running.gateway.leaf_pem("granary.localhost").unwrap();
    let folder = running.stop().await;
    let tls = folder.path().join("tls");
    assert_eq!(std::fs::metadata(&tls).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["ca.key", "ca.pem", "leaf.key", "leaf.pem"] {
        assert_eq!(std::fs::metadata(tls.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert!(!std::fs::read_to_string(tls.join("ca.pem")).unwrap().contains("PRIVATE"));

    let authority = std::fs::read(tls.join("ca.pem")).unwrap();
    let again = Running::in_folder(Arc::clone(&folder), port, Hand::now(), Limits::default());
    assert_eq!(std::fs::read(tls.join("ca.pem")).unwrap(), authority);
    assert_eq!(again.gateway.leaf_pem("granary.localhost").unwrap(), leaf);
    drop(again.stop().await);

    // A damaged leaf is replaced; a damaged authority is told of, for browsers trust it.
    std::fs::write(tls.join("leaf.key"), "nonsense").unwrap();
    let again = Running::in_folder(Arc::clone(&folder), port, Hand::now(), Limits::default());
    assert_ne!(again.gateway.leaf_pem("granary.localhost").unwrap(), leaf);
    drop(again.stop().await);
    std::fs::write(tls.join("ca.key"), "nonsense").unwrap();
    let vat = granary_wire::vat::Vat::start().unwrap();
    let config = granary_gateway::GatewayConfig::new(folder.path(), 0, vat);
    let error = granary_gateway::Gateway::new(config).expect_err("damaged").to_string();
    assert!(error.contains("ca.key") && error.contains("trust install"), "{error}");
}

#[tokio::test]
async fn each_host_has_a_certificate_that_speaks_for_no_other() {
    let running = Running::start();
    let (one, _) = running.session("g", "/", None);
    let (two, _) = running.session("g", "/", None);
    let bare = |host: &str| host.split(':').next().unwrap().to_owned();
    let hosts = ["granary.localhost".to_owned(), bare(&one), bare(&two), "x.granary-sites.localhost".to_owned()];
    let mut shown = Vec::new();
    for host in &hosts {
        let stream = running.client().connect(host, "h2").await.unwrap();
        let der = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        let (_, leaf) = X509Certificate::from_der(&der).unwrap();
        let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
        // What this rests on: a browser sends requests for a second host over a connection whose certificate names it too.
        assert_eq!(names[..], [GeneralName::DNSName(host)], "{host}");
        let pem = running.gateway.leaf_pem(host).unwrap();
        assert_eq!(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec(), der, "{host}");
        let again = running.client().connect(host, "h2").await.unwrap();
        assert_eq!(again.get_ref().1.peer_certificates().unwrap()[0].to_vec(), der, "{host} keeps it");
        shown.push((host, der));
    }
    // Two certificates of one issuer never share a serial number: browsers refuse such a pair.
    let serial = |der: &[u8]| X509Certificate::from_der(der).unwrap().1.raw_serial_as_string();
    let serials: std::collections::BTreeSet<_> = shown.iter().map(|(_, der)| serial(der)).collect();
    assert_eq!(serials.len(), hosts.len());
    // Whoever asks for something else is shown the shell's, and refuses it.
    for host in ["example.com", "a.b.granary.localhost", "localhost"] {
        assert!(running.client().connect(host, "h2").await.is_err(), "{host}");
    }
}

#[tokio::test]
async fn a_leaf_that_speaks_for_several_hosts_is_replaced() {
    let running = Running::start();
    let ca_key = running.ca().with_file_name("ca.key");
    let folder = running.stop().await;
    // As earlier versions made it.
    let wide = wide_leaf(&ca_key);
    let path = folder.path().join("tls/leaf.key");
    std::fs::write(&path, &wide).unwrap();
    let again = Running::in_folder(folder, 0, Hand::now(), Limits::default());
    assert_ne!(std::fs::read_to_string(&path).unwrap(), wide);
    served_leaf(&again).await;
}

#[tokio::test]
async fn the_leaf_renews_itself_while_serving() {
    let running = Running::start();
    let hosts = ["granary.localhost", "x.granary.localhost"];
    let before = [served_leaf_of(&running, hosts[0]).await, served_leaf_of(&running, hosts[1]).await];
    running.hand.forward(61 * DAY);
    for (host, before) in hosts.iter().zip(before) {
        let renewed = async {
            // The handshake that finds the leaf due makes it be renewed; a later one gets the new one.
            while served_leaf_of(&running, host).await == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(BOUND, renewed).await.expect("renewed");
    }
    assert!(running.gateway.health().is_empty(), "{:?}", running.gateway.health());
}

#[tokio::test]
async fn the_next_authority_is_made_early_and_takes_over_late() {
    let hand = Hand::now();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let start = |hand: &Hand| Running::in_folder(Arc::clone(&folder), 0, hand.clone(), Limits::default());
    let read = |name: &str| std::fs::read(folder.path().join("tls").join(name)).ok();
    drop(start(&hand).stop().await);
    let first = read("ca.pem").unwrap();

    hand.forward(3650 * DAY - 100 * DAY);
    let running = start(&hand);
    let entry = running.gateway.health().into_iter().find(|entry| entry.code == "certificate-authority-ends");
    assert!(entry.is_some_and(|entry| !entry.ok && entry.remedy.contains("granary trust install")));
    assert_eq!(running.gateway.certificates().len(), 2);
    drop(running.stop().await);
    assert_eq!(read("ca.pem").unwrap(), first, "browsers trust this one, so it serves on");
    let next = read("next-ca.pem").expect("the next one waits");

    hand.forward(80 * DAY);
    let running = start(&hand);
    assert_eq!(running.gateway.certificates().len(), 1);
    assert!(running.gateway.health().is_empty());
    drop(running.stop().await);
    assert_eq!(read("ca.pem").unwrap(), next);
    assert_eq!(read("next-ca.pem"), None);
}

#[tokio::test]
async fn a_second_connection_resumes_the_first_ones_session() {
    let running = Running::start();
    let client = running.client();
    client.get(&running.shell(), "/", &[]).await;
    let mut stream = client.connect("granary.localhost", "http/1.1").await.unwrap();
    stream.write_all(b"x").await.unwrap();
    assert_eq!(stream.get_ref().1.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
    let mut old = crate::fixture::tls(&running.ca());
    old.enable_early_data = true;
    assert!(client.connect_with(old, "granary.localhost").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_accepts_granarys_names_and_no_others_of_this_authority() {
    let running = Running::start();
    let accepts = |ca: &Path, host: &str, port: u16| {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert"])
            .arg(ca)
            .args(["--resolve", &format!("{host}:{port}:127.0.0.1"), &format!("https://{host}:{port}/")])
            .output()
            .expect("curl is installed (apt install curl)");
        match output.status.code() {
            Some(0) => true,
            Some(60) => false,
            _ => panic!("{host}: {output:?}"),
        }
    };
    for host in
        ["granary.localhost", "ui-0123456789abcdef0123456789abcdef.granary.localhost", "x.granary-sites.localhost"]
    {
        assert!(accepts(&running.ca(), host, running.port()), "{host}");
    }
    for (host, expected) in LEAVES {
        let witness = Witness::start(&running.ca().with_file_name("ca.key"), host).await;
        assert_eq!(accepts(&running.ca(), host, witness.port), *expected, "{host}");
    }
}

async fn served_leaf(running: &Running) -> Vec<u8> {
    served_leaf_of(running, "granary.localhost").await
}

async fn served_leaf_of(running: &Running, host: &str) -> Vec<u8> {
    let stream = running.client().connect(host, "http/1.1").await;
    // Resumption shows the certificate of the first connection; each client here is a new one.
    let stream = match stream {
        Ok(stream) => stream,
        // The client's own clock does not move, so a leaf from the future is not valid yet for it.
        Err(error) => return error.to_string().into_bytes(),
    };
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// Names that leaves of the CA are made for, and whether anybody may accept them.
pub const LEAVES: &[(&str, bool)] = &[("sub.granary.localhost", true), ("example.com", false), ("127.0.0.1", false)];

/// What a client did with a leaf that it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Asked,
    Refused,
}

/// A TLS server that shows a leaf for `name`, signed by a CA whose key was stolen, and tells what clients make of it.
pub struct Witness {
    pub port: u16,
    pub verdicts: mpsc::UnboundedReceiver<Verdict>,
}

impl Witness {
    pub async fn start(ca_key: &Path, name: &str) -> Self {
        let (chain, key) = stolen_leaf(ca_key, name);
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, verdicts) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, tell) = (acceptor.clone(), tell.clone());
                tokio::spawn(async move {
                    let verdict = match acceptor.accept(tcp).await {
                        Ok(mut stream) => {
                            let mut buffer = [0; 1024];
                            match stream.read(&mut buffer).await {
                                Ok(length) if length > 0 => {
                                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                                    let _ = stream.write_all(answer).await;
                                    let _ = stream.shutdown().await;
                                    Verdict::Asked
                                }
                                // TLS 1.3: the client's alert comes after the server's handshake is done.
                                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Verdict::Refused,
                                _ => return,
                            }
                        }
                        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Verdict::Refused,
                        Err(_) => return,
                    };
                    let _ = tell.send(verdict);
                });
            }
        });
        Self { port, verdicts }
    }
}

/// A leaf, with its key, for the shell and all that is below it.
fn wide_leaf(ca_key: &Path) -> String {
    let text = std::fs::read_to_string(ca_key).unwrap();
    let ca = CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
    let issuer = Issuer::from_ca_cert_der(&ca, KeyPair::from_pem(&text).unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["granary.localhost".to_owned(), "*.granary.localhost".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 80 * DAY).into();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    format!("{}{}", key.serialize_pem(), leaf.pem())
}

fn stolen_leaf(ca_key: &Path, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let text = std::fs::read_to_string(ca_key).unwrap();
    let ca = CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
    let issuer = Issuer::from_ca_cert_der(&ca, KeyPair::from_pem(&text).unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 30 * DAY).into();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&key, &issuer).unwrap();
    (vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
}
