"""A data service for one workflow: two web servers are brought up, used, and taken away.

On the cluster of your kubeconfig, and on this machine alone, where the servers are processes:

    pyflyte run examples/quickstart.py quickstart
    K8SDATASERVICE_LOCAL=processes pyflyte run examples/quickstart.py quickstart
"""

from urllib.request import urlopen

from flytekit import Resources, task, workflow
from flytekitplugins.k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask

# Each pod answers with its own name, at its own address. The image has httpd; on your machine, Python serves. The trap
# lets the shell end at once when Kubernetes asks it to.
SERVE = """
echo "hello from $HOSTNAME" > $PAGES/index.html
command -v python3 && exec python3 -m http.server --bind $POD_IP --directory $PAGES $SERVER_PORT
trap exit TERM
httpd -f -p $POD_IP:$SERVER_PORT -h $PAGES & wait
"""

serve = DataServiceTask(
    name="serve",
    task_config=DataServiceConfig(
        Image="busybox:latest",
        Command=["sh", "-c", SERVE],
        Port=40000,
        Replicas=2,
        Env={"PAGES": "/pages", "POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}}},
        Volumes=[{"name": "pages", "mountPath": "/pages", "emptyDir": {}}],
        ReadinessProbe={"httpGet": {"path": "/"}},
        MinReadySeconds=0,
        Requests=Resources(cpu="50m", mem="32Mi"),
        Limits=Resources(cpu="500m", mem="64Mi"),
    ),
)


@task
def consume(name: str) -> list[str]:
    """Asks every pod of the service."""
    answers = []
    # On a cluster these are stable names, such as foo-0.foo.flyte:40000.
    for address in serve.endpoints(name).addresses:
        with urlopen(f"http://{address}/", timeout=10) as answer:
            answers.append(answer.read().decode().strip())
    return answers


cleanup = CleanupSensor(name="cleanup")


@workflow
def quickstart() -> list[str]:
    """Brings the service up, uses it and takes it away."""
    name = serve()
    answers = consume(name=name)
    answers >> cleanup(release_name=name, cleanup_data_service=True)
    return answers
