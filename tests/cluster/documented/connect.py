from flytekitplugins.k8sdataservice.task import DataServiceTask, DataServiceConfig
from flytekit import workflow

# Configure to use an existing service
existing_service_config = DataServiceConfig(
    ExistingReleaseName="my-pre-existing-service",
    Image="placeholder/image:latest", # Required by DataServiceConfig, but ignored for existing services
    Command=["/bin/true"], # Required by DataServiceConfig, but ignored for existing services
    Cluster="default-cluster",
)

existing_data_service_task = DataServiceTask(
    name="connect-to-existing-service",
    task_config=existing_service_config,
)

@workflow
def connect_workflow():
    service_name = existing_data_service_task()
    # The workflow now operates with the existing service identified by 'service_name'
