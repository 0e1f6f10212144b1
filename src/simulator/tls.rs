//! A certificate authority made at start, and a certificate by it for this machine's loopback.
//!
//! The authority's key is forgotten at once: nothing else can ever be signed with it.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509Ref};

const VALID_DAYS: u32 = 30;

/// What is needed to accept TLS connections, and what clients need to trust them.
pub(super) struct Identity {
    /// Accepts connections.
    pub(super) acceptor: SslAcceptor,
    /// The authority's certificate for clients, PEM.
    pub(super) ca_pem: String,
}

/// Makes an authority and a certificate for 127.0.0.1, ::1 and localhost.
pub(super) fn make() -> Result<Identity, ErrorStack> {
    let (ca_key, server_key) = (new_key()?, new_key()?);
    let ca_name = name("ramstream simulated account CA")?;
    let mut ca = builder(&ca_name, &ca_name, &ca_key)?;
    ca.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
    ca.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    ca.sign(&ca_key, MessageDigest::sha256())?;
    let ca = ca.build();
    let certificate = server_certificate(&ca, &ca_key, &server_key)?;

    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    acceptor.set_private_key(&server_key)?;
    acceptor.set_certificate(&certificate)?;
    let ca_pem = String::from_utf8_lossy(&ca.to_pem()?).into_owned();
    Ok(Identity { acceptor: acceptor.build(), ca_pem })
}

fn server_certificate(ca: &X509Ref, ca_key: &PKeyRef<Private>, key: &PKeyRef<Private>) -> Result<X509, ErrorStack> {
    let subject = name("localhost")?;
    let mut certificate = builder(&subject, ca.subject_name(), key)?;
    certificate.append_extension(BasicConstraints::new().critical().build()?)?;
    certificate.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    certificate.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    let names = SubjectAlternativeName::new()
        .dns("localhost")
        .ip("127.0.0.1")
        .ip("::1")
        .build(&certificate.x509v3_context(Some(ca), None))?;
    certificate.append_extension(names)?;
    certificate.sign(ca_key, MessageDigest::sha256())?;
    Ok(certificate.build())
}

fn builder(
    subject: &openssl::x509::X509NameRef,
    issuer: &openssl::x509::X509NameRef,
    key: &PKeyRef<Private>,
) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(VALID_DAYS)?)?;
    Ok(builder)
}

fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(name.build())
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}
