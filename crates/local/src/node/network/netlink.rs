//! Requests to the kernel about the links of a namespace.

use std::io;

use futures::TryStreamExt;
use rtnetlink::{Error, Handle};

/// Asks in the namespace of this thread, which must not be one of an asynchronous runtime.
pub(super) fn ask<T>(ask: impl AsyncFnOnce(&Handle) -> Result<T, Error>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        ask(&handle).await.map_err(|error| match error {
            Error::NetlinkError(message) => message.to_io(),
            error => io::Error::other(error),
        })
    })
}

/// The number of a link; an error if there is no such link.
pub(super) async fn index(handle: &Handle, name: &str) -> Result<u32, Error> {
    let mut found = handle.link().get().match_name(name).execute();
    let link = found.try_next().await?.ok_or(Error::RequestFailed)?;
    Ok(link.header.index)
}

/// Whether the kernel has answered with this error.
pub(super) fn is(error: &Error, errno: rustix::io::Errno) -> bool {
    matches!(error, Error::NetlinkError(message) if message.raw_code() == -errno.raw_os_error())
}
