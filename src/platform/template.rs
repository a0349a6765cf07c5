//! A namespace that is named by the project and the domain of an execution, in Flyte's syntax of
//! `namespace_mapping.template`.

use std::fmt;

use super::sources::Sources;
use crate::error::{Error, Result};
use crate::identity::execution::{Execution, Run};
use crate::identity::names::check_namespace;
use crate::text::{did_you_mean, shorten};

const VARIABLES: [&str; 2] = ["project", "domain"];

/// The name of a namespace, or a template of it such as `{{ project }}-{{ domain }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Project,
    Domain,
}

impl Template {
    /// Reads a name or a template.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] that names `path`, where it can give no name of a namespace.
    pub(super) fn parse(path: &str, text: &str) -> Result<Self> {
        let parts = parts(path, text)?;
        let template = Self {
            text: text.to_owned(),
            parts,
        };
        // The shortest values that there can be.
        check_namespace(&template.filled("x", "x")).map_err(|_| {
            let words = if template.is_template() {
                "can give no name of a namespace: besides {{ project }} and {{ domain }}, use lower-case letters, digits and \
                 hyphens."
            } else {
                "cannot be the name of a namespace."
            };
            Error::invalid(path, format!("is {}, which {words}", shorten(text)))
        })?;
        Ok(template)
    }

    /// Whether it has a variable.
    fn is_template(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    /// The name, unless it is a template.
    pub(super) fn name(&self) -> Option<&str> {
        (!self.is_template()).then_some(self.text.as_str())
    }

    /// The name for a run. `path` is the setting that has the template.
    ///
    /// # Errors
    /// [`Error::InvalidSpec`] for a run without a project and a domain, and for those that give no name of a namespace.
    pub(super) fn fill(&self, path: &str, sources: &Sources, run: &Run) -> Result<String> {
        if !self.is_template() {
            return Ok(self.text.clone());
        }
        let source = sources.suffix(path);
        let Run::Flyte(Execution { project, domain, .. }) = run else {
            return Err(self.unfilled(path, &source));
        };
        if project.is_empty() || domain.is_empty() {
            return Err(self.unfilled(path, &source));
        }
        let name = self.filled(project, domain);
        match check_namespace(&name) {
            Ok(()) => Ok(name),
            Err(_) => Err(Error::invalid(
                path,
                format!(
                    "is the template {self}, which gives {} for project {} and domain {}. That cannot be the name of a \
                     namespace, which has at most 63 lower-case letters, digits and hyphens{source}. Set Namespace in the \
                     configuration, or change the template.",
                    shorten(&name),
                    shorten(project),
                    shorten(domain)
                ),
            )),
        }
    }

    fn unfilled(&self, path: &str, source: &str) -> Error {
        let words = format!(
            "is the template {self}, which only an execution of Flyte fills, and this call has none{source}. Pass the \
             namespace (`--namespace`, or `namespace=` in Python), or set Namespace in the configuration."
        );
        Error::invalid(path, words)
    }

    fn filled(&self, project: &str, domain: &str) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Project => project,
            Part::Domain => domain,
        });
        parts.collect()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shorten(&self.text))
    }
}

fn parts(path: &str, text: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        let Some((variable, after)) = inside.split_once("}}") else {
            let words = format!("is {}, whose {{{{ has no }}}}.", shorten(text));
            return Err(Error::invalid(path, words));
        };
        parts.push(Part::Text(before.to_owned()));
        parts.push(match variable.trim() {
            "project" => Part::Project,
            "domain" => Part::Domain,
            unknown => {
                let near = did_you_mean(unknown, VARIABLES);
                let words = format!("has the unknown variable {}{near}", shorten(unknown));
                return Err(Error::invalid(path, words));
            }
        });
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn run(project: &str, domain: &str) -> Run {
        Run::Flyte(Execution {
            project: project.to_owned(),
            domain: domain.to_owned(),
            name: "f1".to_owned(),
            node_id: None,
        })
    }

    fn fill(template: &str, run: &Run) -> Result<String> {
        let sources = Sources::from(BTreeMap::from([(
            "namespace".to_owned(),
            "/etc/settings.yaml, line 1".to_owned(),
        )]));
        Template::parse("namespace", template)?.fill("namespace", &sources, run)
    }

    #[test]
    fn project_and_domain_are_filled_in_with_or_without_spaces() {
        let run = run("shop", "development");
        for (template, name) in [
            ("flyte", "flyte"),
            ("{{ project }}-{{ domain }}", "shop-development"),
            ("{{project}}-{{domain}}", "shop-development"),
            ("svc-{{  domain }}", "svc-development"),
            ("{{ project }}", "shop"),
        ] {
            assert_eq!(fill(template, &run).expect(template), name);
        }
        assert_eq!(fill("flyte", &Run::from("a local run")).expect("no template"), "flyte");
    }

    #[test]
    fn a_template_that_can_give_no_namespace_is_refused() {
        for (template, words) in [
            (
                "{{ projct }}",
                "namespace has the unknown variable \"projct\"; did you mean `project`?",
            ),
            (
                "{{ main }}-x",
                "namespace has the unknown variable \"main\"; did you mean `domain`?",
            ),
            ("{{ }}", "namespace has the unknown variable"),
            ("{{ project", "namespace is \"{{ project\", whose {{ has no }}."),
            (
                "{{ project }}_{{ domain }}",
                "namespace is \"{{ project }}_{{ domain }}\", which can give no name",
            ),
            ("{{ project }}-", "namespace is"),
            (
                "project }}",
                "namespace is \"project }}\", which cannot be the name of a namespace.",
            ),
        ] {
            let error = Template::parse("namespace", template).expect_err(template).to_string();
            assert!(error.starts_with(words), "{error}");
        }
        let long = format!("{}{{{{ project }}}}", "x".repeat(63));
        Template::parse("namespace", &long).expect_err("too long");
    }

    #[test]
    fn a_call_without_an_execution_fills_no_template() {
        for run in [Run::from("a local run"), run("", "development"), run("shop", "")] {
            let error = fill("{{ project }}-{{ domain }}", &run)
                .expect_err("no execution")
                .to_string();
            assert!(
                error.contains("this call has none: /etc/settings.yaml, line 1. Pass the"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_project_that_gives_no_namespace_is_named() {
        for project in ["Shop_1", &"x".repeat(60)] {
            let error = fill("{{ project }}-{{ domain }}", &run(project, "development")).expect_err(project);
            assert!(
                error.to_string().contains("cannot be the name of a namespace"),
                "{error}"
            );
        }
    }
}
