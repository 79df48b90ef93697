//! TLS as a client: whom to trust, the name a certificate must have, and what went wrong, in words.
//! Reads files of certificates and opens no connection.

use crate::probe_file::{beginning, path};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use std::sync::Arc;
use vipd_ipc::slice::{SYSTEM_TRUST, TlsSlice, Trust};

/// A host's file has about 200 KiB.
const FILE_MAX: u64 = 4 << 20;

/// How connections are made; or why none can be.
pub(super) type Trusted = Result<Arc<ClientConfig>, String>;

/// Reads the certificates. A file that cannot be read fails the checks that need it.
pub(super) fn trusted(trust: &Trust) -> Trusted {
    let provider = Arc::new(ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anybody => Arc::new(Anybody(provider.clone())),
        Trust::System => by(system()?, &provider)?,
        Trust::File(file) => {
            let name = file.escape_ascii().to_string();
            let roots = read(path(file)).map_err(|why| format!("ca_file {name}: {why}"))?;
            by(roots, &provider)?
        }
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // Each check looks at the certificate anew.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn by(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    builder.build().map_err(|error| error.to_string())
}

fn system() -> Result<RootCertStore, String> {
    let mut why = String::new();
    for file in SYSTEM_TRUST {
        match read(file.as_ref()) {
            Ok(roots) => return Ok(roots),
            Err(error) if why.is_empty() => why = format!("{file}: {error}"),
            Err(_) => {}
        }
    }
    Err(format!("no certificates that this host trusts ({why}); write `ca_file`"))
}

fn read(file: &std::path::Path) -> Result<RootCertStore, String> {
    let text = beginning(file, FILE_MAX)?;
    let mut roots = RootCertStore::empty();
    let (good, _) = roots.add_parsable_certificates(
        CertificateDer::pem_slice_iter(&text).filter_map(|certificate| certificate.ok()),
    );
    if good == 0 { Err("no certificate in it".to_owned()) } else { Ok(roots) }
}

pub(super) fn connection(trusted: &Trusted, slice: &TlsSlice) -> Result<ClientConnection, String> {
    let config = trusted.as_ref().map_err(String::clone)?;
    let name = ServerName::try_from(slice.name.clone())
        .map_err(|_| format!("`{}` is no name that a certificate can have", slice.name))?;
    ClientConnection::new(config.clone(), name).map_err(|error| error.to_string())
}

/// Why there is no TLS, short and without what only a programmer understands.
#[expect(clippy::wildcard_enum_match_arm, reason = "a library's enums, which grow")]
pub(super) fn reason(error: &Error) -> String {
    use CertificateError as C;
    let text = match error {
        Error::InvalidCertificate(why) => match why {
            C::Expired | C::ExpiredContext { .. } => "the certificate has expired".to_owned(),
            C::NotValidYet | C::NotValidYetContext { .. } => {
                "the certificate is not valid yet".to_owned()
            }
            C::UnknownIssuer => "the certificate is signed by nobody that is trusted".to_owned(),
            C::NotValidForName | C::NotValidForNameContext { .. } => {
                "the certificate is for another name".to_owned()
            }
            C::BadSignature => "the certificate's signature is wrong".to_owned(),
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                "the certificate is that of an authority, which no server may use".to_owned()
            }
            other => format!("the certificate is not accepted: {other:?}"),
        },
        Error::AlertReceived(alert) => format!("the server refused TLS: {alert:?}"),
        Error::InvalidMessage(_) => "the server does not speak TLS".to_owned(),
        other => format!("TLS: {other}"),
    };
    text.escape_debug().to_string()
}

/// `verify off`: whoever answers is believed, as long as it has the key of the certificate it shows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
