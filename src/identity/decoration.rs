//! The labels and annotations that Flyte hands over for an execution, as Kubernetes takes them.
//!
//! A user who starts an execution can add any, and flyteadmin does not check them. They decorate the objects, so none
//! of them keeps a service from being created: what Kubernetes would refuse is made valid or left out, with a warning.
//! (What the configuration says of labels is checked when the task is registered.)

use std::collections::BTreeMap;

use super::labels::{
    ANNOTATIONS_LIMIT, APP_LABEL, INSTANCE_LABEL, MANAGED_BY_LABEL, is_key, is_label_value, is_own_annotation,
};
use super::owner::Caller;
use crate::text::shorten;

/// Labels or annotations.
type Strings = BTreeMap<String, String>;

/// The longest value of a label, in bytes.
const LABEL_LIMIT: usize = 63;

/// The labels and annotations that Flyte passes for an execution, as Kubernetes accepts them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoration {
    /// Its labels.
    pub labels: Strings,
    /// Its annotations.
    pub annotations: Strings,
    /// The labels and annotations that were corrected or left out, a sentence for each.
    pub warnings: Vec<String>,
}

impl Caller {
    /// The same with labels and annotations that Kubernetes takes, and what was changed for that. `configured` are the
    /// annotations of the configuration.
    #[must_use]
    pub fn decorated(self, configured: &Strings) -> (Self, Vec<String>) {
        let (has_labels, has_annotations) = (self.labels.is_some(), self.annotations.is_some());
        let (labels, annotations) = (self.labels.unwrap_or_default(), self.annotations.unwrap_or_default());
        let decoration = Decoration::new(labels, annotations, configured);
        let caller = Self {
            labels: has_labels.then_some(decoration.labels),
            annotations: has_annotations.then_some(decoration.annotations),
            ..self
        };
        (caller, decoration.warnings)
    }
}

impl Decoration {
    /// Makes labels and annotations valid. `configured` are the annotations of the configuration, which come first
    /// where there is not enough room for all.
    #[must_use]
    pub fn new(labels: Strings, annotations: Strings, configured: &Strings) -> Self {
        let mut decoration = Self::default();
        for (key, value) in labels {
            decoration.add_label(key, value);
        }
        for (key, value) in annotations {
            decoration.add_annotation(key, value);
        }
        decoration.make_room(configured);
        decoration
    }

    fn add_label(&mut self, key: String, value: String) {
        let reason = if !is_key(&key) {
            Some("its key is not valid in Kubernetes")
        } else if [INSTANCE_LABEL, APP_LABEL, MANAGED_BY_LABEL].contains(&key.as_str()) {
            Some("the plugin sets that label itself")
        } else {
            None
        };
        if let Some(reason) = reason {
            return self.leave_out("Label", &key, reason);
        }
        let valid = if is_label_value(&value) {
            value
        } else {
            let valid = label_value(&value);
            self.warnings.push(format!(
                "Label {key} of the execution is {}, which is not a valid label value in Kubernetes; it is written as \
                 {valid:?}.",
                shorten(&value)
            ));
            valid
        };
        self.labels.insert(key, valid);
    }

    fn add_annotation(&mut self, key: String, value: String) {
        if !is_key(&key) {
            return self.leave_out("Annotation", &key, "its key is not valid in Kubernetes");
        }
        if is_own_annotation(&key) {
            return self.leave_out("Annotation", &key, "the plugin keeps its own notes under that prefix");
        }
        self.annotations.insert(key, value);
    }

    /// Leaves out the largest annotations until all that an object has are small enough together.
    fn make_room(&mut self, configured: &Strings) {
        let size = |(key, value): (&String, &String)| key.len() + value.len();
        let of_configuration: usize = configured.iter().map(size).sum();
        loop {
            let total = of_configuration + self.annotations.iter().map(size).sum::<usize>();
            let largest = self.annotations.iter().max_by_key(|annotation| size(*annotation));
            let Some((key, _)) = largest.filter(|_| total > ANNOTATIONS_LIMIT) else {
                return;
            };
            let key = key.clone();
            self.annotations.remove(&key);
            self.leave_out(
                "Annotation",
                &key,
                "the annotations together are too large for Kubernetes",
            );
        }
    }

    fn leave_out(&mut self, what: &str, key: &str, reason: &str) {
        let key = shorten(key);
        self.warnings
            .push(format!("{what} {key} of the execution is left out: {reason}."));
    }
}

/// A text as the value of a label, by the rules by which Flyte makes its own labels valid (flytepropeller,
/// `SanitizeLabelValue`): in lower case, with a hyphen for whatever is not a letter, a digit or a hyphen.
fn label_value(text: &str) -> String {
    let mut value = String::new();
    let mut replaced = false;
    for character in text.to_lowercase().chars() {
        let keeps = character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        if keeps || !replaced {
            value.push(if keeps { character } else { '-' });
        }
        replaced = !keeps;
    }
    value.truncate(LABEL_LIMIT);
    value.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(pairs: &[(&str, &str)]) -> Strings {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_label_value_that_kubernetes_refuses_is_made_valid_as_flyte_does() {
        let long = "x".repeat(70);
        for (given, written) in [
            ("someone@example.com", "someone-example-com"),
            ("Data Team (EU)", "data-team-eu"),
            ("--edge--", "edge"),
            ("@@@", ""),
            ("größe", "gr-e"),
            (long.as_str(), &long[..63]),
        ] {
            let decoration = Decoration::new(strings(&[("owner", given)]), Strings::new(), &Strings::new());
            assert_eq!(decoration.labels, strings(&[("owner", written)]), "{given}");
            assert!(is_label_value(written));
            assert_eq!(decoration.warnings.len(), 1, "{:?}", decoration.warnings);
        }
    }

    #[test]
    fn the_warning_names_the_label_its_value_and_where_it_comes_from() {
        let labels = strings(&[("owner", "someone@example.com")]);
        let decoration = Decoration::new(labels, Strings::new(), &Strings::new());
        assert_eq!(
            decoration.warnings,
            [
                "Label owner of the execution is \"someone@example.com\", which is not a valid label value in Kubernetes; it \
                 is written as \"someone-example-com\"."
            ]
        );
    }

    #[test]
    fn valid_values_stay_unchanged() {
        let labels = strings(&[
            ("execution-id", "f1"),
            ("example.com/team", "Graph_Team.v2"),
            ("empty", ""),
        ]);
        let annotations = strings(&[("team", "anything @ all"), ("example.com/note", "ä")]);
        let decoration = Decoration::new(labels.clone(), annotations.clone(), &Strings::new());
        assert_eq!((decoration.labels, decoration.annotations), (labels, annotations));
        assert!(decoration.warnings.is_empty());
    }

    #[test]
    fn keys_that_kubernetes_refuses_and_the_plugins_own_are_left_out() {
        let labels = strings(&[
            ("a b", "x"),
            ("/x", "x"),
            ("app", "mine"),
            (MANAGED_BY_LABEL, "me"),
            ("ok", "x"),
        ]);
        let annotations = strings(&[
            ("a@b", "x"),
            ("k8sdataservice.flyte.org/delete-after", "2020"),
            ("ok", "x"),
        ]);
        let decoration = Decoration::new(labels, annotations, &Strings::new());
        assert_eq!(decoration.labels, strings(&[("ok", "x")]));
        assert_eq!(decoration.annotations, strings(&[("ok", "x")]));
        assert_eq!(decoration.warnings.len(), 6, "{:?}", decoration.warnings);
    }

    #[test]
    fn annotations_that_are_too_large_together_leave_out_the_largest() {
        let large = "x".repeat(ANNOTATIONS_LIMIT / 2);
        let annotations = strings(&[("a", &large), ("b", &large[1..]), ("c", "small")]);
        let decoration = Decoration::new(Strings::new(), annotations.clone(), &Strings::new());
        assert_eq!(decoration.annotations.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(decoration.warnings.len(), 1, "{:?}", decoration.warnings);
        let configured = strings(&[("d", &large)]);
        let decoration = Decoration::new(Strings::new(), annotations, &configured);
        assert_eq!(decoration.annotations.keys().collect::<Vec<_>>(), ["c"]);
    }
}
