//! Which parts of the pods come from `PodTemplate`, noted on the `StatefulSet`: what explains a fault later names the field to
//! correct, and has only the objects.

use k8s_openapi::api::core::v1::Container;

use crate::spec::DataServiceSpec;

/// The note, such as `initContainers/fetch containers/* own/livenessProbe`: the containers of the template in order, where `*`
/// is the service's own, and what no field says of that one. `None` where the fields say everything.
pub(super) fn template_note(spec: &DataServiceSpec, name: &str) -> Option<String> {
    let pod = spec.pod_template.as_ref()?.for_service(name).spec?;
    let first = pod.init_containers.iter().flatten();
    let first = first.map(|container| format!("initContainers/{}", container.name));
    let beside = pod.containers.iter().map(|container| {
        let name = Some(container.name.as_str()).filter(|own| *own != name).unwrap_or("*");
        format!("containers/{name}")
    });
    let own = pod.containers.iter().find(|container| container.name == name);
    let own = own.map(|own| keys(own, spec)).unwrap_or_default();
    let own = own.into_iter().map(|key| format!("own/{key}"));
    let words: Vec<String> = first.chain(beside).chain(own).collect();
    let says_nothing = words.is_empty() || words == ["containers/*"];
    (!says_nothing).then(|| words.join(" "))
}

/// The keys of the service's own container that the template says, and no field.
fn keys(given: &Container, spec: &DataServiceSpec) -> Vec<String> {
    let fields = &spec.container;
    let memory = |container: &Container| {
        let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        limits.is_some_and(|limits| limits.contains_key("memory"))
    };
    let user = |container: &Container| {
        let context = container.security_context.as_ref();
        context.is_some_and(|context| context.run_as_user.is_some())
    };
    let said = [
        ("command", given.command.is_some() && spec.command.is_none()),
        ("livenessProbe", given.liveness_probe.is_some() && fields.liveness_probe.is_none()),
        ("readinessProbe", given.readiness_probe.is_some() && fields.readiness_probe.is_none()),
        ("startupProbe", given.startup_probe.is_some() && fields.startup_probe.is_none()),
        ("resources.limits.memory", memory(given) && !spec.limits.contains_key("memory")),
        ("securityContext.runAsUser", user(given) && !user(fields)),
    ];
    let keys = said.into_iter().filter(|(_, given)| *given).map(|(key, _)| key.to_owned());
    let is_field = |name: &str| fields.env.iter().flatten().any(|variable| variable.name == name);
    let variables = given.env.iter().flatten().filter(|variable| !is_field(&variable.name));
    let variables = variables.map(|variable| format!("env[{}]", variable.name));
    let sources = given.env_from.iter().flatten().enumerate();
    let sources = sources.filter(|_| fields.env_from.is_none());
    let sources = sources.map(|(index, _)| format!("envFrom[{index}]"));
    keys.chain(variables).chain(sources).collect()
}
