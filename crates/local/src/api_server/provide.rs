//! Objects that a server has from the beginning.

use std::sync::Arc;

use serde_json::Value;

use super::kinds::KindId;
use super::refusal::Refusal;
use super::store::Store;
use super::update::Writer;
use super::value::{namespace as namespace_of, text};
use super::{ApiServer, create, lock};

/// An object that is in every namespace.
pub(super) type Everywhere = Arc<Vec<(KindId, Value)>>;

impl ApiServer {
    /// Makes an object, and the namespace that it names. One without a namespace is made in each, also in those that
    /// come later.
    ///
    /// # Errors
    ///
    /// Why the server does not take it, in Kubernetes's words.
    pub fn provide(&self, object: Value) -> Result<(), String> {
        let mut store = lock(&self.store);
        let (version, name) = (
            text(&object, "/apiVersion").to_owned(),
            text(&object, "/kind").to_owned(),
        );
        for (field, value) in [("apiVersion", &version), ("kind", &name)] {
            if value.is_empty() {
                return Err(format!("{field} is missing"));
            }
        }
        let Some(id) = store.kinds.of_owner(&version, &name) else {
            return Err(format!("a local cluster has no kind {name} of {version}"));
        };
        let namespace = namespace_of(&object).to_owned();
        if !store.kinds.get(id).namespaced || !namespace.is_empty() {
            if !namespace.is_empty() {
                create::namespace(&mut store, &namespace);
            }
            return provide(&mut store, id, &namespace, object);
        }
        for namespace in store.namespaces() {
            provide(&mut store, id, &namespace, object.clone())?;
        }
        Arc::make_mut(&mut store.everywhere).push((id, object));
        Ok(())
    }
}

/// Makes the objects that every namespace has.
pub(super) fn in_namespace(store: &mut Store, namespace: &str) {
    let everywhere = Arc::clone(&store.everywhere);
    for (id, object) in everywhere.iter() {
        // It was valid in the first namespace.
        if let Err(problem) = provide(store, *id, namespace, object.clone()) {
            tracing::warn!("An object of every namespace is not in {namespace}: {problem}.");
        }
    }
}

fn provide(store: &mut Store, id: KindId, namespace: &str, object: Value) -> Result<(), String> {
    let writer = Writer {
        manager: "k8sdataservice-local".to_owned(),
        applies: false,
        subresource: String::new(),
        dry_run: false,
    };
    let made = create::make(store, id, namespace, object, &writer);
    made.map(drop).map_err(|refusal: Refusal| refusal.message().to_owned())
}
