from flytekitplugins.k8sdataservice.task import DataServiceTask, DataServiceConfig
from flytekit import Resources
from flytekit import workflow, task

# Define your data service configuration
my_data_service_config = DataServiceConfig(
    Name="my-custom-data-service",
    Image="my-registry/my-data-service:latest",
    Command=["/usr/bin/my-service", "--port", "40000"],
    Port=40000,
    Replicas=1,
    Requests=Resources(cpu="500m", mem="1Gi"),
    Limits=Resources(cpu="1", mem="2Gi"),
    Cluster="default-cluster", # Optional, for context/logging
)

# Define the DataServiceTask
data_service_task = DataServiceTask(
    name="deploy-my-data-service",
    task_config=my_data_service_config,
)

@workflow
def my_workflow():
    # Deploy the data service. The task returns the name of the deployed service.
    service_name = data_service_task()
    # ... subsequent tasks can interact with the data service using 'service_name' ...
