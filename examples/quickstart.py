"""A data service for one workflow: two web servers are brought up, used by their stable names, and taken away.

pyflyte run examples/quickstart.py quickstart
"""

from urllib.request import urlopen

from flytekit import Resources, task, workflow
from flytekitplugins.k8sdataservice import CleanupSensor, DataServiceConfig, DataServiceTask

NAMESPACE = "flyte"
PORT = 40000
REPLICAS = 2

# Each pod answers with its own name. The trap lets the shell end at once when Kubernetes asks it to.
SERVE = """
trap exit TERM
mkdir /tmp/www && echo "hello from $(hostname)" > /tmp/www/index.html
httpd -f -p $SERVER_PORT -h /tmp/www & wait
"""

serve = DataServiceTask(
    name="serve",
    task_config=DataServiceConfig(
        Image="busybox:latest",
        Command=["sh", "-c", SERVE],
        Port=PORT,
        Replicas=REPLICAS,
        Requests=Resources(cpu="50m", mem="32Mi"),
        Limits=Resources(cpu="500m", mem="64Mi"),
    ),
)


@task
def consume(name: str) -> list[str]:
    """Asks every pod of the service, by its stable name."""
    answers = []
    for ordinal in range(REPLICAS):
        with urlopen(f"http://{name}-{ordinal}.{name}.{NAMESPACE}:{PORT}/", timeout=10) as answer:
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
