//! Makes and reads the CA, which can speak for Granary's two sites and nothing else, and leaves signed by it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::names::{PUBLISHED_SITE, SITE};
use crate::secret::random;

use super::TlsError;

const DAY: Duration = Duration::from_secs(24 * 3600);
const CERTIFICATE_START: &str = "-----BEGIN CERTIFICATE-----";
/// How long a CA lives.
pub(super) const CA_LIFE: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How long a leaf lives.
pub(super) const LEAF_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// A certificate with its key, as PEM texts and as what was read from them.
pub(super) struct Pair {
    pub(super) pem: String,
    pub(super) key_pem: zeroize::Zeroizing<String>,
    pub(super) der: CertificateDer<'static>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

impl Pair {
    fn new(pem: String, key_pem: String) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let (not_before, not_after) = validity(&der)?;
        Some(Self { pem, key_pem: key_pem.into(), der, not_before, not_after })
    }

    /// Reads `text()`. `None` when there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, TlsError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(TlsError::Damaged { path: path.to_owned() });
            }
            Err(source) => return Err(TlsError::Io { path: path.to_owned(), source }),
        };
        let pair = text.find(CERTIFICATE_START).map(|at| text.split_at(at));
        pair.and_then(|(key, certificate)| Self::new(certificate.to_owned(), key.to_owned()))
            .filter(Self::key_fits)
            .map(Some)
            .ok_or_else(|| TlsError::Damaged { path: path.to_owned() })
    }

    /// Key and certificate in one text, so that one rename replaces both.
    pub(super) fn text(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(format!("{}{}", *self.key_pem, self.pem))
    }

    /// A key read from its text.
    pub(super) fn key(&self) -> Result<KeyPair, rcgen::Error> {
        KeyPair::from_pem(&self.key_pem)
    }

    /// Whether this leaf speaks for `host` and for nothing else.
    pub(super) fn is_only_for(&self, host: &str) -> bool {
        let Ok((_, x509)) = X509Certificate::from_der(&self.der) else { return false };
        let Ok(Some(names)) = x509.subject_alternative_name() else { return false };
        matches!(names.value.general_names[..], [GeneralName::DNSName(name)] if name == host)
    }

    fn key_fits(&self) -> bool {
        let Ok(key) = self.key() else { return false };
        X509Certificate::from_der(&self.der)
            .is_ok_and(|(_, x509)| x509.public_key().subject_public_key.data.as_ref() == key.public_key_raw())
    }

    /// Whether this leaf carries the signature of `authority`.
    pub(super) fn is_signed_by(&self, authority: &Self) -> bool {
        let Ok((_, leaf)) = X509Certificate::from_der(&self.der) else { return false };
        let Ok((_, ca)) = X509Certificate::from_der(&authority.der) else { return false };
        leaf.issuer() == ca.subject() && leaf.verify_signature(Some(ca.public_key())).is_ok()
    }
}

/// A new CA: it may sign leaves for TLS servers below Granary's two sites, and no further CA.
pub(super) fn new_authority(now: SystemTime) -> Result<Pair, TlsError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name(&format!("Granary on this computer ({})", hex::encode(random::<4>())));
    params.serial_number = Some(serial());
    // A year back, so that a clock that was set forward when this ran and was mended later does no harm.
    params.not_before = date(now - 365 * DAY);
    params.not_after = date(now + CA_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(SITE.into()), GeneralSubtree::DnsName(PUBLISHED_SITE.into())],
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([0; 4], 0)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 0)),
        ],
    });
    let certificate = params.self_signed(&key)?;
    Pair::new(certificate.pem(), key.serialize_pem()).ok_or(rcgen::Error::CouldNotParseCertificate.into())
}

/// A new leaf with a key of its own for one host, signed by `authority` and never outliving it.
pub(super) fn new_leaf(authority: &Pair, host: &str, now: SystemTime) -> Result<Pair, TlsError> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let (from, until) = (now - DAY, (now + LEAF_LIFE).min(authority.not_after));
    let certificate = sign_leaf(authority, &key, host, from, until)?;
    Pair::new(certificate.pem(), key.serialize_pem()).ok_or(rcgen::Error::CouldNotParseCertificate.into())
}

/// A leaf for `host` with the key and the life of `like`.
pub(super) fn another_leaf(authority: &Pair, like: &Pair, host: &str) -> Result<rcgen::Certificate, TlsError> {
    sign_leaf(authority, &like.key()?, host, like.not_before, like.not_after)
}

fn sign_leaf(
    authority: &Pair,
    key: &KeyPair,
    host: &str,
    from: SystemTime,
    until: SystemTime,
) -> Result<rcgen::Certificate, TlsError> {
    let issuer = Issuer::from_ca_cert_der(&authority.der, authority.key()?)?;
    let mut params = CertificateParams::new([host.to_owned()])?;
    params.distinguished_name = name("Granary");
    params.serial_number = Some(serial());
    params.not_before = date(from);
    params.not_after = date(until);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params.signed_by(key, &issuer)?)
}

/// SHA-256 over the certificate, as hex.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    hex::encode(Sha256::digest(der))
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Granary");
    name.push(DnType::CommonName, common);
    name
}

/// 127 random bits, positive, as RFC 5280 wants.
fn serial() -> SerialNumber {
    let mut bytes: [u8; 16] = random();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// To whole seconds: X.509 has no finer ones.
fn date(at: SystemTime) -> OffsetDateTime {
    let date = OffsetDateTime::from(at);
    date.replace_nanosecond(0).unwrap_or(date)
}

fn validity(der: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let (_, x509) = X509Certificate::from_der(der).ok()?;
    let validity = x509.validity();
    Some((validity.not_before.to_datetime().into(), validity.not_after.to_datetime().into()))
}
