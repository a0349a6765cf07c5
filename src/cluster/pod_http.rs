//! An HTTP request to a pod itself, past the API server.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::{Request, Uri};
use hyper::body::Body as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::Body;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many bytes an answer may have.
const MOST: usize = 64 * 1024;

/// Gets a path of an address, such as `10.0.0.7:40000`, and returns the body.
///
/// # Errors
/// Why there is no answer, as the end of a sentence about the pod.
pub async fn get(address: &str, path: &str) -> Result<Vec<u8>, String> {
    let uri: Uri = format!("http://{address}{path}")
        .parse()
        .map_err(|error| format!("has no usable address: {error}"))?;
    match timeout(PATIENCE, ask(uri)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("does not answer within {} s", PATIENCE.as_secs())),
    }
}

/// The cause, such as `Connection refused`: what is around it only names the layers of the client.
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

async fn ask(uri: Uri) -> Result<Vec<u8>, String> {
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = Request::get(uri).header("Accept", "application/json");
    let request = request
        .body(Body::empty())
        .map_err(|error| format!("cannot be asked: {error}"))?;
    let response = client
        .request(request)
        .await
        .map_err(|error| format!("cannot be reached: {}", innermost(&error)))?;
    if !response.status().is_success() {
        return Err(format!("answers with HTTP status {}", response.status().as_u16()));
    }
    let mut body = response.into_body();
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| format!("ends its answer halfway: {error}"))?;
        all.extend(frame.into_data().unwrap_or_default());
        if all.len() > MOST {
            return Err(format!("answers with more than {MOST} bytes"));
        }
    }
    Ok(all)
}
