"""Values: every one explained, and what does not fit together stops the render with what to write instead."""

import functools
import re

import pytest
import yaml

from helm import reference
from shared.catalogue import writers
from shared.settings import QueueSettings, TelemetrySettings, WriterKind
from shared.settings_reference import ALL
from tests.support.helm import (
    CHART,
    HelmError,
    Object,
    containers,
    environment,
    one,
    pods,
    render,
    render_text,
    values_files,
)

TEXT = (CHART / "values.yaml").read_text()

EXTERNAL = ("postgres.bundled.enabled=false", "postgres.external.enabled=true", 'postgres.external.host="db"')

WRONG = {
    "both Postgres": (["postgres.external.enabled=true"], "Set postgres.bundled.enabled=false"),
    "both Valkey": (["valkey.external.enabled=true"], "Set valkey.bundled.enabled=false"),
    "both S3": (["s3.external.enabled=true"], "Set s3.bundled.enabled=false"),
    "no Postgres": (["postgres.bundled.enabled=false"], "Set postgres.external.enabled=true"),
    "no Valkey": (["valkey.bundled.enabled=false"], "Set valkey.external.enabled=true"),
    "no S3": (["s3.bundled.enabled=false"], "Set s3.external.enabled=true"),
    "no host": ([*EXTERNAL[:2], 'postgres.existingSecret="p"'], "Set postgres.external.host"),
    "no password of Postgres": ([*EXTERNAL], "set postgres.existingSecret"),
    "no password of Valkey": (
        ["valkey.bundled.enabled=false", "valkey.external.enabled=true", 'valkey.external.host="v"'],
        "set valkey.existingSecret",
    ),
    "a user of Valkey without a password": (
        [
            "valkey.bundled.enabled=false",
            'valkey.external={"enabled": true, "host": "v", "auth": false, "username": "cxr"}',
        ],
        "Set valkey.external.auth=true",
    ),
    "no credentials of S3": (
        ["s3.bundled.enabled=false", "s3.external.enabled=true"],
        "s3.external.workloadIdentity=true",
    ),
    "two kinds of credentials of S3": (
        [
            "s3.bundled.enabled=false",
            's3.external={"enabled": true, "workloadIdentity": true}',
            's3.existingSecret="s"',
        ],
        "Empty s3.existingSecret",
    ),
    "an identity of the bundled S3": (["s3.external.workloadIdentity=true"], "workloadIdentity=false"),
    "a lease without room for a missed heartbeat": (
        ["lease.seconds=9"],
        "Set lease.seconds to more than twice",
    ),
    "a grace period below the lease": (
        ["workerCnn.terminationGracePeriodSeconds=20"],
        "Set workerCnn.terminationGracePeriodSeconds to 21 or more",
    ),
    "a lease above the grace period": (
        ["lease.seconds=120"],
        "Set workerCnn.terminationGracePeriodSeconds to 121 or more",
    ),
    "a grace period without time to finish anything": (
        ['lease={"seconds": 4, "heartbeatSeconds": 1}', "workerLlm.terminationGracePeriodSeconds=10"],
        "Set workerLlm.terminationGracePeriodSeconds to 11 or more",
    ),
    "fewer API pods than the fewest": (
        ["api.autoscaling.minReplicas=7"],
        "Set api.autoscaling.maxReplicas to 7 or more",
    ),
    "fewer workers than the fewest": (
        ["workerLlm.autoscaling.minReplicas=9"],
        "Set workerLlm.autoscaling.maxReplicas to 9 or more",
    ),
    "a GPU that the worker does not use": (["workerCnn.gpu.enabled=true"], "Set workerCnn.device=cuda"),
    "a device without its GPU": (['workerLlm.device="cuda:0"'], "Set workerLlm.gpu.enabled=true"),
    "a GPU for a writer that runs on the CPU": (
        ['workerLlm={"device": "cuda", "gpu": {"enabled": true}}'],
        "Set workerLlm.writer=transformers and workerLlm.image.tag",
    ),
    "a Hugging Face model for a writer that reads GGUF": (
        ['workerLlm.model="/models/writer"', 'models.existingClaim="models"'],
        "set workerLlm.writer=transformers",
    ),
    "an Ingress without a host": (["api.ingress.enabled=true"], "Set api.ingress.host"),
    "a route without a Gateway": (["api.httpRoute.enabled=true"], "Set api.httpRoute.parentRefs"),
    "a vLLM that nobody asks": (
        ["vllm.enabled=true", 'vllm.model="org/model"'],
        "Set workerLlm.writer=openai",
    ),
    "a vLLM without a model": (["vllm.enabled=true", 'workerLlm.writer="openai"'], "Set vllm.model"),
    "two writers' servers": (
        [
            "vllm.enabled=true",
            'vllm.model="org/model"',
            'workerLlm={"writer": "openai", "server": {"url": "http://elsewhere/v1"}}',
        ],
        "Empty workerLlm.server.url",
    ),
    "a writer without a server": (['workerLlm.writer="openai"'], "Set workerLlm.server.url"),
    "a server's model without a name": (
        ['workerLlm={"writer": "openai", "server": {"url": "http://elsewhere/v1"}}'],
        "Set workerLlm.model",
    ),
    "a GPU beside a server": (
        [
            'workerLlm={"writer": "openai", "model": "m", "device": "cuda", "gpu": {"enabled": true}}',
            'workerLlm.server.url="http://elsewhere/v1"',
        ],
        "Set workerLlm.gpu.enabled=false",
    ),
    "a server that the writer does not ask": (
        ['workerLlm.server.url="http://elsewhere/v1"'],
        "Set workerLlm.writer=openai",
    ),
    "a side-car that is nowhere": (['workerLlm.writer="libra"'], "Set workerLlm.server.url to that of its"),
    "an endpoint that is nowhere": (
        ['workerLlm.writer="cxrreportgen"'],
        "Set workerLlm.server.url to its scoring address",
    ),
    "a GPU beside a side-car": (
        [
            'workerLlm={"writer": "libra", "device": "cuda", "gpu": {"enabled": true}}',
            'workerLlm.server.url="http://libra"',
        ],
        "Set workerLlm.gpu.enabled=false",
    ),
    "a model that sees, without weights": (['workerLlm.writer="maira-2"'], "such as /models/maira-2"),
    "a model that sees, in the image without torch": (
        [
            'workerLlm={"writer": "maira-2", "model": "/models/maira-2"}',
            'models.existingClaim="models"',
        ],
        "Set workerLlm.image.tag to that image's, such as 0.1.0-cuda",
    ),
    "images for a writer that has no server": (["workerLlm.images=true"], "Set workerLlm.images=false"),
    "a classifier without its endpoint": (
        ['workerCnn.bundle="medimageinsight-zero-shot"'],
        "Set workerCnn.server.url",
    ),
    "an encoder without its endpoint": (['workerCnn.encoder="medimageinsight"'], "Set workerCnn.server.url"),
    "an endpoint without its encoder": (
        ['workerCnn.server.url="https://a.example/score"'],
        "Set workerCnn.server.url",
    ),
    "two places of models": (
        [
            'models.existingClaim="models"',
            f'models.pull.objects=[{{"key": "a.tar", "path": "a.tar", "sha256": "{"0" * 64}"}}]',
        ],
        "Keep one of them",
    ),
    "a model that is not mounted": (['workerCnn.bundle="/models/a"'], "Set models.existingClaim"),
    "a training run without disks": (["training.enabled=true"], "Set training.dataClaim"),
}

UNTRUE = {
    "an unknown key": (["api.replica=2"], "replica"),
    "an unknown key of a deep map": (['workerCnn.gpu.vendor="x"'], "vendor"),
    "an unknown top key": (["worker.replicas=2"], "worker"),
    "a bad quantity": (['api.resources.limits.memory="1 GB"'], "memory"),
    "a bad size of a disk": (['postgres.bundled.storage.size="ten"'], "size"),
    "a replica count in words": (['api.replicas="two"'], "replicas"),
    "a device that does not exist": (['workerCnn.device="tpu"'], "device"),
    "a writer that does not exist": (['workerLlm.writer="gpt"'], "writer"),
    "a setting that no service reads": (
        ['workerCnn.settings={"CXR_MODEL_BATCHSIZE": "32"}'],
        "CXR_MODEL_BATCHSIZE",
    ),
    "a setting of another service": (['api.settings={"CXR_MODEL_THREADS": "2"}'], "CXR_MODEL_THREADS"),
    "a setting that has a value of its own": (
        ['workerCnn.settings={"CXR_MODEL_DEVICE": "cuda"}'],
        "CXR_MODEL_DEVICE",
    ),
    "keys switched off": (['api.settings={"CXR_API_AUTH": "off"}'], "CXR_API_AUTH"),
    "a setting behind the chart's back": (
        ['extraEnv=[{"name": "CXR_QUEUE_URL", "value": "redis://x"}]'],
        "extraEnv",
    ),
    "a Secret name in capitals": (['postgres.existingSecret="My Secret"'], "existingSecret"),
    "an API grace period below its own stop": (["api.terminationGracePeriodSeconds=20"], "Grace"),
    "a digest that is none": (
        ['models.pull.objects=[{"key": "a", "path": "a", "sha256": "abc"}]'],
        "sha256",
    ),
    "a path out of the folder": (
        [f'models.pull.objects=[{{"key": "a", "path": "../a", "sha256": "{"0" * 64}"}}]'],
        "path",
    ),
}


@pytest.mark.parametrize(("settings", "advice"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_together_is_refused_with_what_to_write(settings: list[str], advice: str):
    assert advice in refusal(tuple(settings))


@functools.cache
def refusal(settings: tuple[str, ...]) -> str:
    with pytest.raises(HelmError) as refused:
        render_text(settings=settings)
    return str(refused.value)


@pytest.mark.parametrize(("settings", "place"), UNTRUE.values(), ids=UNTRUE)
def test_a_value_that_cannot_be_is_refused_with_its_place(settings: list[str], place: str):
    with pytest.raises(HelmError, match=f"(?s)values don't meet the specifications.*{place}"):
        render_text(settings=tuple(settings))


def test_every_rule_of_the_chart_has_its_test():
    rules = re.findall(
        r'{{- fail (?:\(printf )?"(.*?)"', (CHART / "templates" / "_validations.tpl").read_text()
    )
    assert len(rules) > 20
    refusals = "".join(refusal(tuple(settings)) for settings, _ in WRONG.values())
    # Of each rule its longest piece without a placeholder.
    pieces = [max(re.split("%[a-z]", rule), key=len) for rule in rules]
    assert [piece for piece in pieces if piece not in refusals] == []


def test_every_key_says_what_it_means():
    silent = [".".join(key.path) for key in reference.keys(TEXT) if not key.meaning]
    assert silent == []


def test_no_meaning_breaks_the_table():
    assert not [key for key in reference.keys(TEXT) if "|" in key.meaning]


def test_the_readme_says_what_the_values_are():
    assert (CHART / "README.md").read_text() == reference.readme(), "run `make docs`"


def test_the_schema_lets_through_the_settings_that_exist():
    assert (CHART / "values.schema.json").read_text() == reference.schema(), "run `make docs`"


def test_the_chart_knows_every_writer_and_where_it_runs():
    assert (CHART / "files" / "writers.json").read_text() == reference.places(), "run `make docs`"
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    known = schema["properties"]["workerLlm"]["properties"]["writer"]["enum"]
    assert known == [*WriterKind, *writers()]


def test_the_schema_knows_every_key_and_no_other():
    values = yaml.safe_load(TEXT)
    assert not list(missing(values, yaml.safe_load((CHART / "values.schema.json").read_text()), ""))


def missing(values: Object, schema: Object, path: str):
    """Yield keys that only one of the two has, as far down as the schema lists keys."""
    properties = schema.get("properties")
    if properties is None or not isinstance(values, dict):
        return
    # Helm itself hands `global` to every chart.
    for name in values.keys() ^ (properties.keys() - {"global"}):
        yield f"{path}.{name}"
    for name in values.keys() & properties.keys():
        yield from missing(values[name], properties[name], f"{path}.{name}")


@pytest.mark.parametrize("values", values_files(), ids=lambda file: file.stem)
def test_every_variable_is_one_that_the_services_read(values):
    ours = {name for _, _, spec in pods(render(values)) for c in containers(spec) for name in environment(c)}
    known = {
        # libpq's, our own URL's, what the runtimes of models read, what keeps a read-only root content.
        *("PGPASSWORD", "VALKEY_PASSWORD", "OMP_WAIT_POLICY", "HOME", "HF_HOME", "PYTHONPATH"),
        "SSL_CERT_FILE",  # of the example of an air-gapped cluster
        "CXR_KEY",  # the client's, in the pod of `helm test`
        *("POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "REDISCLI_AUTH"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("VLLM_CACHE_ROOT", "VLLM_NO_USAGE_STATS", "HF_HUB_OFFLINE", "VLLM_API_KEY"),
    }
    assert ours - known <= reference.variables()


@pytest.mark.parametrize("values", values_files(), ids=lambda file: file.stem)
def test_the_services_take_every_value(values, monkeypatch: pytest.MonkeyPatch):
    for _, _, spec in pods(render(values)):
        for container in containers(spec):
            with monkeypatch.context() as pod:
                for name, value in environment(container).items():
                    if name in reference.variables():
                        # Of a Secret any text will do; Kubernetes puts it into $(VALKEY_PASSWORD) as well.
                        pod.setenv(name, value if isinstance(value, str) else "secret")
                for settings in ALL:
                    settings()


def test_what_the_chart_writes_itself_is_listed():
    written = {
        name
        for values in values_files()
        for _, _, spec in pods(render(values, settings=['workerLlm.server.existingSecret="key"']))
        for container in containers(spec)
        for name in environment(container)
        if name.startswith("CXR_") and name != "CXR_KEY"
    }
    from_settings = {  # of the ci/ values
        *("CXR_MODEL_BATCH_SIZE", "CXR_MODEL_THREADS", "CXR_REPORT_THREADS"),
        *("CXR_REPORT_DEPARTURES", "CXR_REPORT_SERVER_TIMEOUT"),
    }
    others = {"CXR_API_AUTH", "CXR_REPORT_SERVER_URL", "CXR_MODEL_SERVER_URL", "CXR_MODEL_SERVER_KEY"}
    assert written - from_settings | others == reference.MADE_BY_THE_CHART


def test_the_chart_s_defaults_are_the_product_s():
    values = yaml.safe_load(TEXT)
    assert values["lease"]["seconds"] == QueueSettings().lease.total_seconds()
    assert values["lease"]["heartbeatSeconds"] == QueueSettings().heartbeat.total_seconds()
    assert values["telemetry"]["logLevel"] == TelemetrySettings().log_level


def test_no_variable_is_written_twice():
    for values in values_files():
        for _, _, spec in pods(render(values)):
            for container in containers(spec):
                names = [variable["name"] for variable in container.get("env", ())]
                assert len(names) == len(set(names)), container["name"]


def test_numbers_reach_the_services_as_they_were_written():
    settings = '{"CXR_API_MAX_REQUEST_BYTES": 2000000000, "CXR_API_MAX_ZIP_RATIO": 200}'
    objects = render(settings=[f"api.settings={settings}", 'settings={"CXR_QUEUE_SWEEP": 0.5}'])
    variables = environment(one(objects, "Deployment", "api")["spec"]["template"]["spec"]["containers"][0])
    assert variables["CXR_API_MAX_REQUEST_BYTES"] == "2000000000"
    assert variables["CXR_API_MAX_ZIP_RATIO"] == "200"
    assert variables["CXR_QUEUE_SWEEP"] == "0.5"


def test_the_example_of_external_secrets_has_what_production_asks_for():
    example = (CHART / "examples" / "external-secrets.yaml").read_text()
    given = {
        (each["spec"]["target"]["name"], entry["secretKey"])
        for each in yaml.safe_load_all(example)
        for entry in each["spec"]["data"]
    }
    asked = {
        (source["secretKeyRef"]["name"], source["secretKeyRef"]["key"])
        for _, _, spec in pods(render(CHART / "ci" / "production-values.yaml"))
        for container in containers(spec)
        for source in environment(container).values()
        if isinstance(source, dict)
    }
    assert asked == given
