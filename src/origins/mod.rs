//! Which field of the configuration a place in the objects comes from.

mod path;

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::Value;

use self::path::{Step, at, matched, name_of, position, show, steps};
use crate::config::{DEFAULT_PRIMARY, FIELDS, FieldPlace, PRIMARY, TEMPLATE};
use crate::resources::flyte::flyte_name;

/// The name of the configuration as a whole in messages.
pub const WHOLE: &str = "DataServiceConfig";

/// The name of the namespace in messages, wherever it is set.
pub const NAMESPACE: &str = "Namespace";

/// Tells where in a configuration the parts of a service's objects come from.
#[derive(Debug, Clone)]
pub struct Origins {
    config: Value,
    stateful_set: Value,
    own: usize,
}

/// A place of a field that fits a place of an object.
struct Candidate {
    field: Vec<Step>,
    entry: Entry,
    /// The rest of the path in the field.
    rest: Vec<Step>,
    /// How many steps of the place it covers.
    covered: usize,
}

/// Which part of a field.
enum Entry {
    All,
    Named(String),
    /// The element of the objects' list, and its index there.
    Element(Value, usize),
}

impl Origins {
    /// Of a configuration, as it came, and the `StatefulSet` that was made from it.
    #[must_use]
    pub fn new(config: &Value, stateful_set: &StatefulSet) -> Self {
        let name = stateful_set.metadata.name.as_deref().unwrap_or_default();
        let pod = stateful_set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let own = pod.and_then(|pod| pod.containers.iter().position(|container| container.name == name));
        Self {
            config: config.clone(),
            // A StatefulSet always serializes.
            stateful_set: serde_json::to_value(stateful_set).unwrap_or_default(),
            own: own.unwrap_or_default(),
        }
    }

    /// The path of the field that a place of an object comes from, such as `Requests.cpu` for
    /// `spec.template.spec.containers[0].resources.requests[cpu]` of the `StatefulSet`.
    #[must_use]
    pub fn field(&self, kind: &str, path: &str) -> String {
        let mut place = steps(path);
        if kind == "Pod" {
            self.of_pod(&mut place);
        }
        let kind = if kind == "Pod" { "StatefulSet" } else { kind };
        if place.len() > 2
            && show(&place[..2]) == "spec.template"
            && ["labels", "annotations"].iter().any(|key| place[2].is(key))
        {
            // So the API server calls them where it checks a template.
            place.insert(2, Step::Key("metadata".to_owned()));
        }
        let candidates = FIELDS.iter().flat_map(|field| {
            let places = field.places.iter();
            places.filter_map(|of_field| self.candidate(kind, &place, field.name, of_field))
        });
        let mut candidates: Vec<_> = candidates.collect();
        // The one that covers most is the one that the place comes from.
        let most = candidates
            .iter()
            .map(|candidate| candidate.covered)
            .max()
            .unwrap_or_default();
        candidates.retain(|candidate| candidate.covered == most);
        if let Some(field) = candidates.iter().find_map(|candidate| self.said(candidate)) {
            return field;
        }
        let template = (kind == "StatefulSet").then(|| self.in_template(&place)).flatten();
        let said = |(_, covered): &(String, usize)| !candidates.is_empty() && most <= *covered;
        if let Some((path, _)) = template.as_ref().filter(|template| said(template)) {
            return path.clone();
        }
        // A value that nobody has set is a default of ours, which the field replaces.
        let default = candidates.iter().find(|candidate| {
            let known = |root: &Step| root.is(NAMESPACE) || FIELDS.iter().any(|field| root.is(field.name));
            let known = candidate.field.first().is_some_and(known);
            known && !matches!(candidate.entry, Entry::Element(..))
        });
        match (default, template) {
            (Some(candidate), _) => candidate.path(None),
            (None, Some((path, _))) => path,
            (None, None) if place.is_empty() => WHOLE.to_owned(),
            (None, None) => format!("{kind}.{}", show(&place)),
        }
    }

    /// The path of the field that an amount comes from, as quotas call it: `requests.cpu`, `cpu`, `limits.memory`,
    /// `pods`.
    #[must_use]
    pub fn of_amount(&self, resource: &str) -> String {
        let own = format!("spec.template.spec.containers[{}].resources", self.own);
        let place = match resource.split_once('.') {
            _ if resource == "pods" || resource == "count/pods" => "spec.replicas".to_owned(),
            _ if resource.ends_with("requests.storage") => {
                "spec.volumeClaimTemplates[0].spec.resources.requests[storage]".to_owned()
            }
            _ if resource.ends_with("persistentvolumeclaims") => "spec.volumeClaimTemplates".to_owned(),
            Some(("limits", resource)) => format!("{own}.limits[{resource}]"),
            Some(("requests", resource)) => format!("{own}.requests[{resource}]"),
            _ if ["cpu", "memory", "ephemeral-storage"].contains(&resource) => format!("{own}.requests[{resource}]"),
            // Every service has exactly one of the other objects.
            _ => return NAMESPACE.to_owned(),
        };
        self.field("StatefulSet", &place)
    }

    /// The place in the template that a place in a pod comes from.
    fn of_pod(&self, place: &mut Vec<Step>) {
        let claims = self.stateful_set.pointer("/spec/volumeClaimTemplates");
        let claims = claims.and_then(Value::as_array).map_or(0, Vec::len);
        let volume = place.get(2).and_then(Step::index);
        match (show(&place[..place.len().min(2)]).as_str(), volume) {
            ("metadata.name" | "metadata.namespace", _) => {}
            // The volumes of the claim templates come first.
            ("spec.volumes", Some(index)) if index < claims => {
                place.splice(0..2, steps("spec.volumeClaimTemplates"));
            }
            ("spec.volumes", Some(index)) => {
                place[2] = Step::At((index - claims).to_string());
                place.splice(0..0, steps("spec.template"));
            }
            _ => {
                place.splice(0..0, steps("spec.template"));
            }
        }
    }

    fn candidate(&self, kind: &str, place: &[Step], field: &str, of_field: &FieldPlace) -> Option<Candidate> {
        let (of, pattern) = match of_field.path.split_once('/') {
            Some(parts) => parts,
            None if of_field.path.starts_with("metadata.") => (kind, of_field.path),
            None => ("StatefulSet", of_field.path),
        };
        let own = format!("spec.template.spec.containers[{}].", self.own);
        let pattern = steps(&pattern.replace("own.", &own).replace("pod.", "spec.template.spec."));
        let element = matched(&pattern, place).filter(|_| of == kind)?;
        let covered = pattern.len();
        let rest = place[covered..].to_vec();
        let (entry, rest) = if let Some(tail) = of_field.part.strip_prefix("[]") {
            let index = element.and_then(|end| place[end].index())?;
            let made = at(&self.stateful_set, &place[..=element?]).cloned().unwrap_or_default();
            let rest = [steps(tail.trim_start_matches('.')), rest].concat();
            (Entry::Element(made, index), rest)
        } else if of_field.part == "{}" {
            (Entry::Named(self.key(&place[..=element?])), Vec::new())
        } else {
            (Entry::All, if element.is_some() { Vec::new() } else { rest })
        };
        Some(Candidate {
            field: steps(field),
            entry,
            rest,
            covered,
        })
    }

    /// The name that an element goes by in a dictionary: its own, or the resource's in Flyte's words.
    fn key(&self, place: &[Step]) -> String {
        let element = at(&self.stateful_set, place).filter(|element| element.is_object());
        let name = element.and_then(name_of);
        let last = place.last().map(|step| flyte_name(step.key()).to_owned());
        name.map(str::to_owned).or(last).unwrap_or_default()
    }

    /// The path of a field that the configuration sets.
    fn said(&self, candidate: &Candidate) -> Option<String> {
        let value = at(&self.config, &candidate.field).filter(|value| !value.is_null())?;
        match &candidate.entry {
            Entry::All => Some(candidate.path(None)),
            Entry::Named(name) => value
                .get(name)
                .filter(|value| !value.is_null())
                .map(|_| candidate.path(None)),
            Entry::Element(made, index) => {
                let list = value.as_array()?;
                if show(&candidate.field) == "Secrets" {
                    let index = list.iter().position(|secret| is_of(made, secret))?;
                    return Some(show(&[&candidate.field[..], &[Step::At(index.to_string())]].concat()));
                }
                let index = position(list, made, *index)?;
                let path = candidate.path(Some(index));
                let plain = !list[index].is_object();
                // Such as a name that stands for an object with that name.
                Some(if plain {
                    show(&[&candidate.field[..], &[Step::At(index.to_string())]].concat())
                } else {
                    path
                })
            }
        }
    }

    /// The place in `PodTemplate` that corresponds to a place in the `StatefulSet`, and how far it is given there.
    fn in_template(&self, place: &[Step]) -> Option<(String, usize)> {
        let mut path = vec![Step::Key(TEMPLATE.to_owned())];
        let mut made = self.stateful_set.pointer("/spec/template");
        let mut given = self.config.get(TEMPLATE);
        let primary = given.and_then(|given| given.get(PRIMARY)).and_then(Value::as_str);
        let primary = Value::from(primary.unwrap_or(DEFAULT_PRIMARY));
        let mut covered = 2;
        if place.len() < 2 || show(&place[..2]) != "spec.template" {
            return None;
        }
        for (depth, step) in place.iter().enumerate().skip(2) {
            made = made.and_then(|made| at(made, std::slice::from_ref(step)));
            let list = given.and_then(Value::as_array);
            let step = match (list, step.index()) {
                (Some(list), Some(index)) => {
                    let mut made = made.cloned().unwrap_or_default();
                    if place[..depth].last().is_some_and(|step| step.is("containers")) && index == self.own {
                        made["name"] = primary.clone();
                    }
                    position(list, &made, index).map_or_else(|| step.clone(), |index| Step::At(index.to_string()))
                }
                _ => step.clone(),
            };
            given = given.and_then(|given| at(given, std::slice::from_ref(&step)));
            if given.is_some() {
                covered = depth + 1;
            }
            path.push(step);
        }
        // A field of the configuration has taken its place.
        let replaced = given.is_some_and(|given| given.is_string() && Some(given) != made);
        Some((show(&path), if replaced { 0 } else { covered }))
    }
}

impl Candidate {
    /// The path of the field; of an element of a list with its index there.
    fn path(&self, index: Option<usize>) -> String {
        let mut path = self.field.clone();
        path.extend(match &self.entry {
            Entry::All => None,
            Entry::Named(name) => Some(Step::Key(name.clone())),
            Entry::Element(_, made) => Some(Step::At(index.unwrap_or(*made).to_string())),
        });
        path.extend(self.rest.iter().cloned());
        show(&path)
    }
}

/// Whether a variable or a volume was made for one of flytekit's secrets, whose group is the Secret's name.
fn is_of(made: &Value, secret: &Value) -> bool {
    let names = ["/valueFrom/secretKeyRef/name", "/secret/secretName"];
    let name = names.iter().find_map(|place| made.pointer(place));
    let key = made.pointer("/valueFrom/secretKeyRef/key");
    name.is_some_and(|name| secret.get("group") == Some(name)) && key.is_none_or(|key| secret.get("key") == Some(key))
}

#[cfg(test)]
mod tests;
