//! TLS for every client in the process: https to an L1 and to a node, wss to its events.
//!
//! The HTTP client is built without cryptography of its own and asks for the process's. Certificates are judged by the system's
//! trust store; `SSL_CERT_FILE` names another one.

/// Makes `ring` the process's cryptography unless another one is set already. To be called before the first client is built, any
/// number of times.
pub fn ready() {
    // An error says that somebody was first, and either will do.
    drop(rustls::crypto::ring::default_provider().install_default());
}
