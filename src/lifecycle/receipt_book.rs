//! The `ConfigMap` with the receipts of the services that have ended in a namespace, for as long as Events do not last.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Event};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::end_event::REASON;
use super::retry::{Backoff, Deadline, Step, retry};
use crate::cluster::{Api, Fault};
use crate::error::Result;
use crate::identity::labels::{MANAGED_BY, MANAGED_BY_LABEL, RECEIPT_ANNOTATION};

/// The name of the `ConfigMap`.
const NAME: &str = "k8sdataservice-receipts";

/// How many bytes the receipts have together at most: Kubernetes stores 1 MiB.
const MOST_BYTES: usize = 900 * 1024;

/// The consequence of a receipt that cannot be kept.
const LOST: &str = "the receipt of a service that has ended is not kept";

/// Keeps a receipt under a key that sorts by time, and only the last `keep` of the namespace. A failure is logged, and
/// matters to nobody else.
pub async fn keep_receipt<A: Api>(
    api: &A,
    namespace: &str,
    (key, receipt): (&str, &str),
    keep: usize,
    deadline: Deadline,
) {
    let step = |verb| Step::new::<ConfigMap>(verb, namespace, NAME).optional();
    let mut backoff = Backoff::new();
    loop {
        let there = match retry(deadline, &step("get"), || api.read::<ConfigMap>(namespace, NAME)).await {
            Ok(Ok(there)) => there,
            Ok(Err(fault)) => return step("get").swallow(LOST, &fault),
            Err(error) => return step("get").swallow(LOST, &error),
        };
        let (verb, written) = match there {
            // Made empty first: an apply that makes it could drop what another one has just made.
            None => ("create", api.create(&book(namespace, None)).await.map(|_| false)),
            Some(there) => {
                let mut changed = book(namespace, Some(&there));
                changed.data = Some(with(there.data.unwrap_or_default(), key, receipt, keep));
                ("patch", api.apply(&changed).await.map(|_| true))
            }
        };
        match written {
            Ok(true) => return,
            Ok(false) | Err(Fault::AlreadyExists | Fault::Changed | Fault::Transient { .. }) => {}
            Err(fault) => return step(verb).swallow(LOST, &fault),
        }
        if !backoff.wait(deadline, None).await {
            return step(verb).swallow(LOST, &"it could not be written in time");
        }
    }
}

/// The receipts of a namespace, or of all where it is empty: those that are kept, and those of Events that still exist,
/// as JSON.
///
/// # Errors
/// As [`delete`](super::delete()), where the account may read neither.
pub async fn receipts<A: Api>(api: &A, namespace: &str, deadline: Deadline) -> Result<Vec<String>> {
    let (books, events) = (
        Step::new::<ConfigMap>("list", namespace, NAME).optional(),
        Step::new::<Event>("list", namespace, "").optional(),
    );
    let ours = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
    let fields = format!("metadata.name={NAME}");
    let kept = retry(deadline, &books, || api.list::<ConfigMap>(namespace, &ours, &fields)).await?;
    let fields = format!("reason={REASON}");
    let recent = retry(deadline, &events, || api.list::<Event>(namespace, &ours, &fields)).await?;
    let (kept, recent) = match (kept, recent) {
        (Err(fault), Err(_)) => return Err(books.failed(fault)),
        (kept, recent) => (
            kept.unwrap_or_else(|fault| unseen(&books, &fault)),
            recent.unwrap_or_else(|fault| unseen(&events, &fault)),
        ),
    };
    let of_books = kept
        .into_iter()
        .filter(|book| book.metadata.name.as_deref() == Some(NAME));
    let of_events = recent
        .into_iter()
        .filter(|event| event.reason.as_deref() == Some(REASON));
    let of_books = of_books.flat_map(|book| book.data.unwrap_or_default().into_values());
    let of_events = of_events.filter_map(|event| event.metadata.annotations?.remove(RECEIPT_ANNOTATION));
    Ok(of_books.chain(of_events).collect())
}

/// Nothing, since it cannot be read, which is logged.
fn unseen<T>(step: &Step, fault: &Fault) -> Vec<T> {
    step.swallow("its receipts are not shown", fault);
    Vec::new()
}

fn book(namespace: &str, there: Option<&ConfigMap>) -> ConfigMap {
    let there = there.map(|there| &there.metadata);
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: Some(namespace.to_owned()),
            uid: there.and_then(|there| there.uid.clone()),
            resource_version: there.and_then(|there| there.resource_version.clone()),
            labels: Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

/// The receipts with one more, and without the oldest that are too many.
fn with(mut all: BTreeMap<String, String>, key: &str, receipt: &str, keep: usize) -> BTreeMap<String, String> {
    all.insert(key.to_owned(), receipt.to_owned());
    let bytes = |all: &BTreeMap<String, String>| all.iter().map(|(key, text)| key.len() + text.len()).sum::<usize>();
    while all.len() > keep.max(1) || (all.len() > 1 && bytes(&all) > MOST_BYTES) {
        all.pop_first();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_receipts_make_way() {
        let all = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), "{}".to_owned())).collect();
        let keys = |all: BTreeMap<String, String>| all.into_keys().collect::<Vec<_>>();
        assert_eq!(keys(with(all(&["1", "2", "3"]), "4", "{}", 3)), ["2", "3", "4"]);
        assert_eq!(keys(with(all(&["1", "2"]), "2", "{}", 3)), ["1", "2"]);
        let large = "x".repeat(MOST_BYTES - 6);
        assert_eq!(keys(with(all(&["1", "2", "3"]), "4", &large, 9)), ["3", "4"]);
        assert_eq!(keys(with(all(&["1"]), "2", &"x".repeat(MOST_BYTES + 1), 9)), ["2"]);
    }
}
