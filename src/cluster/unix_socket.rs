//! The client of a cluster that answers at a Unix socket.

use std::path::Path;

use http::Uri;
use kube::{Client, Config};

use super::transport::over;

/// Makes a client. The socket is connected to by its requests.
#[cfg(unix)]
pub(super) fn client(socket: &Path) -> Result<Client, kube::Error> {
    use hyper_util::rt::TokioIo;
    use tokio::net::UnixStream;

    let socket = socket.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    // The address is that of no server: each connection goes to the socket.
    over(&Config::new(Uri::from_static("http://localhost")), connector)
}

/// There is none without Unix sockets.
#[cfg(not(unix))]
pub(super) fn client(_: &Path) -> Result<Client, kube::Error> {
    Err(kube::Error::Service("this system has no Unix sockets".into()))
}
