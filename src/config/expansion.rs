//! References between variables, `$(NAME)`, which Kubernetes expands where the variable that is meant stands earlier in
//! the list, and leaves as they are where it does not.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::EnvVar;

/// The names that a value refers to, as the kubelet reads it (`k8s.io/kubernetes/third_party/forked/golang/expansion`):
/// `$$` stands for `$`, so that `$$(NAME)` is no reference.
fn references(value: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = value;
    while let Some(dollar) = rest.find('$') {
        rest = &rest[dollar + 1..];
        if let Some(escaped) = rest.strip_prefix('$') {
            rest = escaped;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            names.push(name);
            rest = after;
        }
    }
    names
}

/// Sorts variables so that each stands after those that it refers to. Otherwise their order stays.
///
/// References between two variables whose order is `fixed` do not count, nor does one of a variable to itself, which
/// means a variable of `envFrom`.
///
/// # Errors
/// The names along a circle of references, the first of them once more at the end.
pub(crate) fn sort(variables: Vec<EnvVar>, fixed: impl Fn(&EnvVar) -> bool) -> Result<Vec<EnvVar>, Vec<String>> {
    let order = {
        let mut search = Search {
            variables: &variables,
            places: variables
                .iter()
                .zip(0..)
                .map(|(variable, place)| (variable.name.as_str(), place))
                .collect(),
            fixed: variables.iter().map(fixed).collect(),
            visits: vec![Visit::Ahead; variables.len()],
            path: Vec::new(),
            order: Vec::with_capacity(variables.len()),
        };
        for index in 0..variables.len() {
            search.visit(index)?;
        }
        search.order
    };
    let mut variables: Vec<_> = variables.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|index| variables[index].take()).collect())
}

/// Whether a variable refers to itself.
pub(super) fn refers_to_itself(variable: &EnvVar) -> bool {
    let value = variable.value.as_deref().unwrap_or_default();
    references(value).contains(&variable.name.as_str())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Ahead,
    Begun,
    Done,
}

/// A search for what each variable refers to, depth first.
struct Search<'a> {
    variables: &'a [EnvVar],
    places: HashMap<&'a str, usize>,
    fixed: Vec<bool>,
    visits: Vec<Visit>,
    /// The variables whose visits have begun, with what they refer to that is still ahead.
    path: Vec<(usize, Vec<usize>)>,
    order: Vec<usize>,
}

impl Search<'_> {
    /// Visits a variable and all that it depends on. Without recursion, since a configuration may be a long chain.
    fn visit(&mut self, start: usize) -> Result<(), Vec<String>> {
        self.begin(start);
        while let Some((index, ahead)) = self.path.last_mut() {
            let index = *index;
            match ahead.pop() {
                Some(next) if self.visits[next] == Visit::Begun => return Err(self.circle(next)),
                Some(next) => self.begin(next),
                None => {
                    self.path.pop();
                    self.visits[index] = Visit::Done;
                    self.order.push(index);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, index: usize) {
        if self.visits[index] != Visit::Ahead {
            return;
        }
        self.visits[index] = Visit::Begun;
        let mut ahead = self.referred(index);
        ahead.reverse();
        self.path.push((index, ahead));
    }

    fn referred(&self, index: usize) -> Vec<usize> {
        let value = self.variables[index].value.as_deref().unwrap_or_default();
        let position = |name: &str| self.places.get(name).copied();
        references(value)
            .into_iter()
            .filter_map(position)
            .filter(|other| *other != index && !(self.fixed[index] && self.fixed[*other]))
            .collect()
    }

    fn circle(&self, back: usize) -> Vec<String> {
        let begun = self.path.iter().map(|(index, _)| *index);
        begun
            .skip_while(|index| *index != back)
            .chain([back])
            .map(|index| self.variables[index].name.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(all: &[(&str, &str)]) -> Vec<EnvVar> {
        all.iter()
            .map(|(name, value)| EnvVar {
                name: (*name).to_owned(),
                value: Some((*value).to_owned()),
                value_from: None,
            })
            .collect()
    }

    fn sorted(all: &[(&str, &str)]) -> String {
        match sort(variables(all), |_| false) {
            Ok(sorted) => sorted.into_iter().map(|variable| variable.name).collect(),
            Err(circle) => circle.join(" -> "),
        }
    }

    #[test]
    fn references_are_read_as_the_kubelet_reads_them() {
        for (value, names) in [
            ("", &[][..]),
            ("$(A)", &["A"]),
            ("x$(A)y$(B)z", &["A", "B"]),
            ("$$(A)", &[]),
            ("$$$(A)", &["A"]),
            ("$$$$(A)", &[]),
            ("$(A", &[]),
            ("$A ${A} $", &[]),
            ("$(A$(B))", &["A$(B"]),
            ("$()", &[""]),
            ("é$(A)é", &["A"]),
        ] {
            assert_eq!(references(value), names, "{value}");
        }
    }

    #[test]
    fn referenced_variables_come_first_and_the_order_of_others_stays() {
        assert_eq!(sorted(&[("C", "1"), ("A", "2"), ("B", "3")]), "CAB");
        assert_eq!(sorted(&[("A", "$(Z)"), ("B", "1"), ("Z", "2")]), "ZAB");
        assert_eq!(
            sorted(&[("A", "$(B)"), ("B", "$(C)"), ("C", "$(D)"), ("D", "1")]),
            "DCBA"
        );
        assert_eq!(
            sorted(&[("A", "$(Y)$(X)"), ("X", "$(Z)"), ("Y", ""), ("Z", "")]),
            "YZXA"
        );
        assert_eq!(sorted(&[("A", "$$(Z) $(NO)"), ("B", "$(A)"), ("Z", "$(A)")]), "ABZ");
        assert_eq!(sorted(&[("A", "$(A):1"), ("B", "")]), "AB", "it may be in envFrom");
    }

    #[test]
    fn a_circle_has_a_path() {
        assert_eq!(sorted(&[("A", "$(B)"), ("B", "$(A)")]), "A -> B -> A");
        assert_eq!(
            sorted(&[("A", "$(B)"), ("B", "$(C)"), ("C", "$(D)"), ("D", "$(B)")]),
            "B -> C -> D -> B"
        );
    }

    #[test]
    fn an_order_that_a_user_chose_stays_between_those_it_was_chosen_for() {
        let all = variables(&[("A", "$(B) $(Z)"), ("B", "$(A)"), ("Z", "1")]);
        let sorted = sort(all, |variable| variable.name != "Z").expect("no circle");
        assert_eq!(sorted.into_iter().map(|each| each.name).collect::<String>(), "ZAB");
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let chain: Vec<_> = (0..3000)
            .map(|n| (format!("V{n:05}"), format!("$(V{:05})", n + 1)))
            .collect();
        let pairs: Vec<_> = chain
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let sorted = sort(variables(&pairs), |_| false).expect("no circle");
        assert_eq!(sorted[0].name, "V02999");
    }
}
