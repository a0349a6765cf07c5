//! Which slices a Service has.

use std::sync::Arc;

use serde_json::{Value, json};

use super::slices::writes;
use super::*;

fn service(spec: Value) -> Service {
    let mut of = json!({
        "selector": {"app": "foo"}, "clusterIP": "None", "ipFamilies": ["IPv4"],
        "ports": [{"name": "grpc", "port": 80, "targetPort": "grpc", "protocol": "TCP"}],
    });
    if let (Value::Object(of), Value::Object(spec)) = (&mut of, spec) {
        of.extend(spec);
    }
    let metadata = json!({"name": "foo", "namespace": "n", "uid": "service", "labels": {"team": "a"}});
    serde_json::from_value(json!({"metadata": metadata, "spec": of})).unwrap()
}

fn pod(ordinal: usize, ready: bool) -> Arc<Pod> {
    let name = format!("foo-{ordinal}");
    let port = json!({"name": "grpc", "containerPort": 40000});
    let address = format!("127.77.0.{}", ordinal + 1);
    let ready = if ready { "True" } else { "False" };
    let pod = json!({
        "metadata": {"name": name, "namespace": "n", "uid": format!("u{ordinal}"), "labels": {"app": "foo"}},
        "spec": {
            "containers": [{"name": "c", "ports": [port]}], "hostname": name, "subdomain": "foo", "nodeName": "local",
        },
        "status": {
            "phase": "Running", "podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": ready}],
        },
    });
    Arc::new(serde_json::from_value(pod).unwrap())
}

/// The slices after these writes, as the API server names them.
fn after(writes: Vec<Write>) -> Vec<Arc<EndpointSlice>> {
    let slices = writes
        .into_iter()
        .enumerate()
        .filter_map(|(number, write)| match write {
            Write::Create(mut slice) => {
                slice.metadata.name = Some(format!("foo-{number}"));
                Some(Arc::new(*slice))
            }
            Write::Replace(slice) => Some(Arc::new(*slice)),
            Write::Delete(_) => None,
        });
    slices.collect()
}

/// The addresses, with those that are not ready in brackets.
fn addresses(slice: &EndpointSlice) -> Vec<String> {
    let endpoints = slice.endpoints.iter().flatten();
    let shown = endpoints.map(|endpoint| match endpoint.conditions.as_ref().unwrap().ready {
        Some(true) => endpoint.addresses[0].clone(),
        _ => format!("({})", endpoint.addresses[0]),
    });
    shown.collect()
}

#[test]
fn an_endpoint_has_the_name_and_the_conditions_of_its_pod() {
    let slices = after(writes(&service(json!({})), &[pod(0, true), pod(1, false)], &[]));
    let slice = serde_json::to_value(&*slices[0]).unwrap();
    let endpoint = json!({
        "addresses": ["127.77.0.1"], "conditions": {"ready": true, "serving": true, "terminating": false},
        "hostname": "foo-0", "nodeName": "local",
        "targetRef": {"kind": "Pod", "namespace": "n", "name": "foo-0", "uid": "u0"},
    });
    assert_eq!(slice["endpoints"][0], endpoint);
    assert_eq!(
        slice["ports"],
        json!([{"name": "grpc", "port": 40000, "protocol": "TCP"}])
    );
    assert_eq!(slice["addressType"], "IPv4");
    let labels = json!({
        "team": "a", "service.kubernetes.io/headless": "", "kubernetes.io/service-name": "foo",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    });
    assert_eq!(slice["metadata"]["labels"], labels);
    assert_eq!(addresses(&slices[0]), ["127.77.0.1", "(127.77.0.2)"]);
    let published = after(writes(
        &service(json!({"publishNotReadyAddresses": true})),
        &[pod(1, false)],
        &[],
    ));
    assert_eq!(addresses(&published[0]), ["127.77.0.2"]);
}

#[test]
fn a_pod_that_goes_is_not_ready_and_one_that_has_ended_is_no_endpoint() {
    let mut leaving = (*pod(0, true)).clone();
    leaving.metadata.deletion_timestamp = serde_json::from_value(json!("1970-01-01T00:00:00Z")).unwrap();
    let mut ended = (*pod(1, true)).clone();
    ended.status.as_mut().unwrap().phase = Some("Failed".to_owned());
    let slices = after(writes(&service(json!({})), &[Arc::new(leaving), Arc::new(ended)], &[]));
    assert_eq!(addresses(&slices[0]), ["(127.77.0.1)"]);
    let conditions = slices[0].endpoints.as_ref().unwrap()[0].conditions.clone().unwrap();
    assert_eq!((conditions.serving, conditions.terminating), (Some(true), Some(true)));
}

#[test]
fn slices_are_written_only_if_something_changes() {
    let service = service(json!({}));
    let empty = after(writes(&service, &[], &[]));
    assert_eq!(empty.len(), 1, "a slice without endpoints");
    assert_eq!(writes(&service, &[], &empty), []);
    let both = [pod(0, true), pod(1, true)];
    let written = writes(&service, &both, &empty);
    assert!(
        matches!(written.as_slice(), [Write::Replace(_)]),
        "the empty one is used: {written:?}"
    );
    let slices = after(written);
    assert_eq!(writes(&service, &both, &slices), []);
    let changed = after(writes(&service, &[pod(0, false), pod(1, true)], &slices));
    assert_eq!(addresses(&changed[0]), ["(127.77.0.1)", "127.77.0.2"]);
    let last = writes(&service, &[], &changed);
    assert!(
        matches!(last.as_slice(), [Write::Replace(slice)] if addresses(slice).is_empty()),
        "{last:?}"
    );
}

#[test]
fn slices_have_at_most_a_hundred_endpoints_and_keep_those_they_have() {
    let service = service(json!({}));
    let pods: Vec<_> = (0..150).map(|ordinal| pod(ordinal, true)).collect();
    let slices = after(writes(&service, &pods, &[]));
    let sizes = |slices: &[Arc<EndpointSlice>]| slices.iter().map(|slice| addresses(slice).len()).collect::<Vec<_>>();
    assert_eq!(sizes(&slices), [100, 50]);
    assert_eq!(writes(&service, &pods, &slices), []);
    let fewer = writes(&service, &pods[1..], &slices);
    let changed = fewer.iter().filter(|write| matches!(write, Write::Replace(_))).count();
    assert_eq!((fewer.len(), changed), (1, 1), "only the slice that had it changes");
}

#[test]
fn the_slice_of_an_earlier_service_of_the_name_goes() {
    let mut earlier = (*after(writes(&service(json!({})), &[pod(0, true)], &[]))[0]).clone();
    earlier.metadata.owner_references.as_mut().unwrap()[0].uid = "earlier".to_owned();
    let writes = writes(&service(json!({})), &[pod(0, true)], &[Arc::new(earlier)]);
    assert!(
        matches!(writes.as_slice(), [Write::Create(_), Write::Delete(_)]),
        "{writes:?}"
    );
}
