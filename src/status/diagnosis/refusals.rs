//! The events on a `StatefulSet` that report that it may not create a pod or a claim now. Events stay for an hour,
//! whatever has changed since.

use k8s_openapi::jiff::Timestamp;

use super::super::facts::EventFacts;

/// The newest refusal of each object that was to be made: an earlier one may have had another cause.
pub(super) fn newest(events: &[EventFacts]) -> Vec<&EventFacts> {
    let mut newest: Vec<&EventFacts> = Vec::new();
    for event in events.iter().filter(|event| is_refusal(event)) {
        match newest.iter_mut().find(|known| what(known) == what(event)) {
            Some(known) if known.last <= event.last => *known = event,
            Some(_) => {}
            None => newest.push(event),
        }
    }
    newest
}

/// Since when an object is refused: Kubernetes counts an event that it repeats from the first time, and the object may
/// have been made in between.
pub(super) fn since(refusal: &EventFacts, events: &[EventFacts]) -> Option<Timestamp> {
    let made = events.iter().filter(|event| {
        event.kind == "StatefulSet"
            && event.uid == refusal.uid
            && event.reason == "SuccessfulCreate"
            && what(event) == what(refusal)
    });
    refusal.first.max(made.filter_map(|event| event.last).max())
}

fn is_refusal(event: &EventFacts) -> bool {
    event.kind == "StatefulSet" && event.reason == "FailedCreate"
}

/// `create Pod foo-0 in StatefulSet foo` of `create Pod foo-0 in StatefulSet foo failed error: ...` and `...
/// successful`.
fn what(event: &EventFacts) -> &str {
    let message = &event.message;
    let end = message.find(" failed").or_else(|| message.find(" success"));
    end.map_or(message, |end| &message[..end])
}
