//! Which containers come from `PodTemplate` and look as if they came from a field: noted on the `StatefulSet`, since
//! what explains a fault later names the field to correct, and has only the objects.

use crate::config::DataServiceSpec;
use crate::status::is_as_of_a_field;

/// The names of these containers; `None` where there are none.
pub(super) fn template_note(spec: &DataServiceSpec, name: &str) -> Option<String> {
    let pod = spec.pod_template.as_ref()?.for_service(name).spec?;
    let containers = pod.init_containers.into_iter().flatten().chain(pod.containers);
    let noted = containers.filter(|container| container.name != name && is_as_of_a_field(container));
    let names: Vec<String> = noted.map(|container| container.name).collect();
    (!names.is_empty()).then(|| names.join(" "))
}
