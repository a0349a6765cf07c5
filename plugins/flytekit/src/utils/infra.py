"""Names for services, under the import path that the documentation of version 1 uses."""

from flytekitplugins_k8sdataservice.infra import gen_infra_name as gen_infra_name
