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

from flytekitplugins.k8sdataservice.sensor import CleanupSensor
from flytekit import task, workflow
import asyncio

# Assume 'data_service_name' is the output from a DataServiceTask
# or a known release name.
@task
def cleanup_task(release_name: str, cluster: str):
    sensor = CleanupSensor(name="data-service-cleanup-sensor")
    # Set cleanup_data_service to True to trigger deletion
    # The poke method is async and should be awaited in an async context.
    # For a simple task, asyncio.run can be used.
    asyncio.run(sensor.poke(release_name=release_name, cleanup_data_service=True, cluster=cluster))
    print(f"Cleanup initiated for {release_name}")

@workflow
def full_lifecycle_workflow():
    # ... deploy data service (e.g., using data_service_task from above) ...
    service_name = data_service_task()
    # ... tasks that use the data service ...
    cleanup_task(release_name=service_name, cluster="default-cluster")
