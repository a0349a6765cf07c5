from flytekitplugins.k8sdataservice import DataServiceConfig, DataServiceTask, CleanupSensor
from utils.infra import gen_infra_name
from flytekit import kwtypes, Resources, task, workflow

# Generate a unique infrastructure name
name = gen_infra_name()

def k8s_data_service():
    gnn_config = DataServiceConfig(
        Name=name,
        Requests=Resources(cpu='1', mem='1Gi'),
        Limits=Resources(cpu='2', mem='2Gi'),
        Replicas=1,
        Image="busybox:latest",
        Command=[
            "bash",
            "-c",
            "echo Hello Flyte K8s Stateful Service! && sleep 3600"
        ],
    )

    gnn_task = DataServiceTask(
        name="K8s Stateful Data Service",
        inputs=kwtypes(ds=str),
        task_config=gnn_config,
    )
    return gnn_task

# Define a cleanup sensor
gnn_sensor = CleanupSensor(name="Cleanup")

# Define a workflow to test the data service
@workflow
def test_dataservice_wf(name: str):
    k8s_data_service()(ds="OSS Flyte K8s Data Service Demo") \
          >> gnn_sensor(
              release_name=name,
              cleanup_data_service=True,
          )

if __name__ == "__main__":
    out = test_dataservice_wf(name="example")
    print(f"Running test_dataservice_wf() {out}")
