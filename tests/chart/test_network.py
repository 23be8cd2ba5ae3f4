"""NetworkPolicies: nothing in or out but what a component needs, worked out as a network would."""

from pathlib import Path

import pytest

from tests.support.helm import NAMESPACE, VALUES, Object, matches, of_kind, one, pods, render, values_files

every_values_file = pytest.mark.parametrize("values", values_files(), ids=lambda file: file.stem)

SERVERS = {"postgres": 5432, "valkey": 6379, "seaweedfs": 8333}


def labels_of(objects: list[Object]) -> dict[str, dict[str, str]]:
    return {labels["app.kubernetes.io/component"]: dict(labels) for _, labels, _ in pods(objects)}


def policies(objects: list[Object], labels: dict[str, str]) -> list[Object]:
    """Return the policies that hold for a pod."""
    return [
        each["spec"]
        for each in of_kind(objects, "NetworkPolicy")
        if matches(each["spec"]["podSelector"], labels)
    ]


def ports_of(objects: list[Object]) -> dict[str, dict[str, int]]:
    """Return each component's ports by name."""
    return {
        labels["app.kubernetes.io/component"]: {
            port["name"]: port["containerPort"] for c in spec["containers"] for port in c.get("ports", ())
        }
        for _, labels, spec in pods(objects)
    }


def may_reach(objects: list[Object], source: str, target: str, port: int) -> bool:
    """Tell whether one component's pods reach another's port: out of the one, and into the other."""
    labels, ports = labels_of(objects), ports_of(objects)[target]

    def opens(rules: list[Object], peer_key: str, peer: dict[str, str]) -> bool:
        for rule in rules:
            numbers = [ports.get(each["port"], each["port"]) for each in rule.get("ports", ())]
            if numbers and port not in numbers:
                continue
            peers = rule.get(peer_key)
            if peers is None:
                return True
            for each in peers:
                if (
                    "podSelector" in each
                    and "namespaceSelector" not in each
                    and matches(each["podSelector"], peer)
                ):
                    return True
                if each.get("namespaceSelector") == {} and "podSelector" not in each:
                    return True
        return False

    out = [rule for policy in policies(objects, labels[source]) for rule in policy.get("egress") or ()]
    into = [rule for policy in policies(objects, labels[target]) for rule in policy.get("ingress") or ()]
    return opens(out, "to", labels[target]) and opens(into, "from", labels[source])


@every_values_file
def test_every_pod_is_denied_everything_at_first_and_has_its_own_policy(values: Path):
    objects = render(values)
    for component, labels in labels_of(objects).items():
        names = [
            each["metadata"]["name"].removeprefix("cxr-cxr-reporter-")
            for each in of_kind(objects, "NetworkPolicy")
            if matches(each["spec"]["podSelector"], labels)
        ]
        assert sorted(names) == sorted(["default-deny", "dns", component])
    deny = one(objects, "NetworkPolicy", "default-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    assert "egress" not in deny


def test_who_reaches_whom_when_all_is_bundled():
    objects = render()
    working = ("api", "worker-cnn", "worker-llm", "sweeper", "gateway")
    reached = {
        (source, target)
        for source in labels_of(objects)
        for target, port in {**SERVERS, "api": 8000, "gateway": 9100}.items()
        if source != target and may_reach(objects, source, target, port)
    }
    assert reached == {
        *((source, "postgres") for source in (*working, "migrations")),
        *((source, "valkey") for source in working),
        *((source, "seaweedfs") for source in working if source != "worker-llm"),
        ("test", "api"),
    }


def test_metrics_are_for_those_who_may_read_them_and_not_for_the_api_s_callers():
    callers_are = 'networkPolicy.apiFrom=[{"podSelector":{"matchLabels":{"is":"an-ingress"}}}]'
    objects = render(settings=[callers_are])
    for component in ("api", "worker-cnn", "worker-llm", "sweeper", "gateway"):
        rules = one(objects, "NetworkPolicy", component)["spec"]["ingress"]
        (readers,) = [rule["from"] for rule in rules if rule["ports"][0]["port"] == "metrics"]
        assert readers == [{"namespaceSelector": {}}], component
    (callers,) = [
        rule["from"]
        for rule in one(objects, "NetworkPolicy", "api")["spec"]["ingress"]
        if rule["ports"][0]["port"] == "http"
    ]
    assert {"namespaceSelector": {}} not in callers
    assert one(objects, "Service", "api")["spec"]["ports"][0]["targetPort"] == "http"


def test_the_language_model_s_server_is_reached_by_its_worker_alone():
    objects = render(VALUES / "gpu-values.yaml")
    assert [each for each in labels_of(objects) if may_reach(objects, each, "vllm", 8000)] == ["worker-llm"]


def test_whoever_fetches_models_reaches_the_bundled_store():
    objects = render(VALUES / "air-gapped-values.yaml")
    assert may_reach(objects, "worker-llm", "seaweedfs", 8333)


@pytest.mark.parametrize(
    "settings",
    [
        ['workerLlm={"writer": "openai", "images": true, "model": "m", "server": {"url": "http://a/v1"}}'],
        ['workerLlm={"writer": "libra", "server": {"url": "http://a"}}'],
        [
            'workerLlm={"writer": "maira-2", "model": "/models/maira-2", "image": {"tag": "1-cuda"}}',
            'models.existingClaim="models"',
        ],
        [
            'workerLlm={"settings": {"CXR_REPORT_SHADOW": "libra"}, "server": {"url": "http://a"}}',
        ],
    ],
    ids=["openai", "side-car", "in-process", "shadow"],
)
def test_a_writer_that_sees_and_no_other_reaches_the_store(settings: list[str]):
    objects = render(settings=settings)
    assert may_reach(objects, "worker-llm", "seaweedfs", 8333)
    assert not may_reach(render(), "worker-llm", "seaweedfs", 8333)


def test_the_server_that_is_shown_radiographs_reaches_nothing_but_its_model():
    objects = render(VALUES / "vision-values.yaml")
    assert not any(may_reach(objects, "vllm", server, port) for server, port in SERVERS.items())
    assert may_reach(objects, "worker-llm", "vllm", 8000)


def test_an_encoder_s_endpoint_is_reached_by_the_classifier_s_worker_alone():
    encoder = '{"encoder": "medimageinsight", "server": {"url": "https://a.example/score"}}'
    objects = render(settings=[f"workerCnn={encoder}"])
    assert egress(objects, "worker-cnn") == [(443, ["0.0.0.0/0"])]
    assert egress(render(), "worker-cnn") == egress(objects, "worker-llm") == []


def test_the_parts_of_the_bundled_store_behind_its_s3_port_are_closed():
    objects = render()
    for port in (8080, 8888, 9333):
        assert not any(may_reach(objects, each, "seaweedfs", port) for each in labels_of(objects))


def egress(objects: list[Object], component: str) -> list[tuple[int, list[str]]]:
    rules = one(objects, "NetworkPolicy", component)["spec"]["egress"]
    return [
        (rule["ports"][0]["port"], [peer["ipBlock"]["cidr"] for peer in rule["to"]])
        for rule in rules
        if any("ipBlock" in peer for peer in rule.get("to", ()))
    ]


def test_external_servers_are_reached_at_their_addresses_and_ports():
    objects = render(VALUES / "production-values.yaml")
    assert egress(objects, "api") == [
        (5432, ["10.20.0.10/32"]),
        (6379, ["10.20.0.11/32"]),
        (9443, ["10.20.0.12/32"]),
    ]
    assert egress(objects, "worker-llm") == [(5432, ["10.20.0.10/32"]), (6379, ["10.20.0.11/32"])]
    assert egress(objects, "migrations") == [(5432, ["10.20.0.10/32"])]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://llm.hospital.example/v1", 443),
        ("http://llm.hospital.example/v1", 80),
        ("http://10.0.0.1:8001/v1", 8001),
        ("https://[fd00::1]:8443/v1", 8443),
        ("https://[fd00::1]/v1", 443),
    ],
)
def test_the_port_of_a_writer_s_server_is_read_from_its_url(url: str, port: int):
    writer = f'workerLlm={{"writer": "openai", "model": "m", "server": {{"url": "{url}"}}}}'
    assert egress(render(settings=[writer]), "worker-llm") == [(port, ["0.0.0.0/0"])]


@pytest.mark.parametrize(
    ("writer", "url", "port"),
    [
        ("libra", "http://libra.radiology:8090", 8090),
        ("cxrreportgen", "https://a.westeurope.inference.ml.azure.com/score", 443),
    ],
)
def test_a_side_car_and_an_endpoint_are_reached_at_their_addresses(writer: str, url: str, port: int):
    settings = [f'workerLlm={{"writer": "{writer}", "server": {{"url": "{url}"}}}}']
    settings += ['networkPolicy.serverCidrs=["10.9.0.0/24"]']
    assert egress(render(settings=settings), "worker-llm") == [(port, ["10.9.0.0/24"])]


@pytest.mark.parametrize("component", ["worker-llm", "vllm"])
def test_the_way_out_is_open_only_for_downloads(component: str):
    values = {"worker-llm": "workerLlm.downloads=true", "vllm": "vllm.downloads=true"}[component]

    def ways_out(*settings: str) -> list[Object]:
        rules = one(render(VALUES / "gpu-values.yaml", settings=settings), "NetworkPolicy", component)["spec"]
        return [rule for rule in rules["egress"] or () if "to" not in rule]

    assert ways_out() == []
    assert ways_out(values) == [{"ports": [{"protocol": "TCP", "port": 443}]}]


def test_keda_reaches_the_bundled_postgres_when_it_counts_studies_there():
    objects = render(settings=["workerCnn.autoscaling.enabled=true"])
    peers = one(objects, "NetworkPolicy", "postgres")["spec"]["ingress"][0]["from"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}} in peers
    trigger = one(objects, "ScaledObject", "worker-cnn")["spec"]["triggers"][0]
    assert trigger["metadata"]["host"] == f"cxr-cxr-reporter-postgres.{NAMESPACE}.svc"


def test_the_api_may_be_closed_to_all_but_the_ingress():
    objects = render(VALUES / "production-values.yaml")
    peers = one(objects, "NetworkPolicy", "api")["spec"]["ingress"][0]["from"]
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}} in peers
    assert may_reach(objects, "test", "api", 8000)


def test_hospital_systems_reach_the_gateway_and_it_reaches_them():
    def rules(*settings: str) -> tuple[list[Object], list[Object]]:
        spec = one(render(settings=settings), "NetworkPolicy", "gateway")["spec"]
        into = [rule for rule in spec["ingress"] if rule["ports"][0]["port"] != "metrics"]
        return into, [rule for rule in spec["egress"] if "ports" not in rule]

    ports = [{"protocol": "TCP", "port": name} for name in ("dicom", "hl7")]
    assert rules() == ([{"ports": ports}], [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])
    radiology = {"ipBlock": {"cidr": "10.30.0.0/16"}}
    closed = rules('networkPolicy.gatewayFrom=[{"ipBlock": {"cidr": "10.30.0.0/16"}}]')
    assert closed[0] == [{"ports": ports, "from": [radiology]}]
    assert rules('networkPolicy.hospitalCidrs=["10.30.0.0/16"]')[1] == [{"to": [radiology]}]
    assert ports_of(render())["gateway"] == {"dicom": 11112, "hl7": 2575, "metrics": 9100}


def test_dicom_over_tls_is_open_where_there_is_a_certificate():
    objects = render(VALUES / "production-values.yaml")
    assert ports_of(objects)["gateway"]["dicom-tls"] == 2762
    into = one(objects, "NetworkPolicy", "gateway")["spec"]["ingress"][0]
    assert [port["port"] for port in into["ports"]] == ["dicom", "dicom-tls", "hl7"]
    assert [port["port"] for port in one(objects, "Service", "gateway")["spec"]["ports"]] == [104, 2762, 2575]
    pod = one(objects, "Deployment", "gateway")["spec"]["template"]["spec"]
    assert {"name": "tls", "secret": {"secretName": "cxr-dicom-tls"}} in pod["volumes"]


def test_policies_can_be_left_to_the_cluster():
    assert not of_kind(render(settings=["networkPolicy.enabled=false"]), "NetworkPolicy")
