//! The client of a cluster that answers at a Unix socket.

use std::path::Path;

use http::Uri;
use kube::{Client, Config};

use super::transport::over;

/// Makes a client. The socket is connected to by its requests.
#[cfg(unix)]
pub(super) fn client(socket: &Path) -> Result<Client, kube::Error> {
    use std::io::ErrorKind;

    use hyper_util::rt::TokioIo;
    use tokio::net::UnixStream;

    use super::fault::Ended;

    let socket = socket.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move {
            let connected = UnixStream::connect(socket).await;
            connected.map(TokioIo::new).map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => tower::BoxError::from(Ended),
                _ => error.into(),
            })
        }
    });
    // The address is that of no server: each connection goes to the socket.
    over(&Config::new(Uri::from_static("http://localhost")), connector)
}

/// There is none without Unix sockets.
#[cfg(not(unix))]
pub(super) fn client(_: &Path) -> Result<Client, kube::Error> {
    Err(kube::Error::Service("this system has no Unix sockets".into()))
}
