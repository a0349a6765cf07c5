//! Answers to requests.

use std::convert::Infallible;

use futures::{Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};

use super::kinds::KindOfObject;
use super::refusal::Refusal;
use super::request::Request;
use super::value::uid;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

pub(super) fn json_answer(code: u16, value: &Value) -> Response<Body> {
    whole(code, "application/json", value.to_string().into())
}

pub(super) fn refused(refusal: &Refusal) -> Response<Body> {
    json_answer(refusal.code, &refusal.status())
}

/// The answer of a server that serves nothing at a path.
pub(super) fn no_page() -> Response<Body> {
    whole(
        404,
        "text/plain; charset=utf-8",
        Bytes::from_static(b"404 page not found\n"),
    )
}

pub(super) fn text(text: impl Into<Bytes>) -> Response<Body> {
    whole(200, "text/plain", text.into())
}

/// An answer that goes on.
pub(super) fn lines(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let frames = lines.map(|line| Ok(Frame::data(line)));
    response(200, "application/json", StreamBody::new(frames).boxed_unsync())
}

fn whole(code: u16, content_type: &str, body: Bytes) -> Response<Body> {
    response(code, content_type, Full::new(body).boxed_unsync())
}

fn response(code: u16, content_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// An object as it is sent: whole, or its metadata alone.
pub(super) fn shown(request: &Request, object: &Value) -> Value {
    if request.wants_metadata() {
        return json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
        });
    }
    object.clone()
}

/// An object as an item of a list.
pub(super) fn shown_in_list(request: &Request, object: &Value) -> Value {
    let mut shown = shown(request, object);
    // The list says of which kind its items are; only those that are converted say so themselves.
    if let (false, Value::Object(fields)) = (request.wants_metadata(), &mut shown) {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    shown
}

/// The kind and version of a list.
pub(super) fn list_kind(request: &Request, kind: &KindOfObject) -> (String, String) {
    if request.wants_metadata() {
        ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
    } else {
        (format!("{}List", kind.kind), kind.api_version())
    }
}

/// The answer to a deletion after which nothing is left.
pub(super) fn success(kind: &KindOfObject, object: &Value) -> Value {
    let mut details = super::refusal::details(kind, super::value::name(object));
    details["uid"] = json!(uid(object));
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
