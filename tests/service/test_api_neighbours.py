"""Without keys the API serves whoever started it, and no other user of the machine."""

import os
import socket
import subprocess

import pytest

from api.neighbours import own_users, user_of
from tests.support.api import ApiServer
from tests.support.stack import InfraStack

NOBODY = 65_534
ASK_AS_NOBODY = """
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf 'GET /v1/studies HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3
cat <&3
"""


def test_another_user_of_the_machine_gets_nothing_but_probes(database: object, infra: InfraStack):
    with ApiServer(infra) as server:
        assert server.client().get("/v1/studies").status_code == 200
        if os.getuid() == 0:
            # The interpreter of this environment is nobody's to run.
            command = ["bash", "-c", ASK_AS_NOBODY, "bash", str(server.port)]
            said = subprocess.run(command, capture_output=True, text=True, check=True, user=NOBODY, cwd="/")
            assert "403 Forbidden" in said.stdout
            assert "/problems/foreign-user" in said.stdout
        # Only root can be somebody else; everybody can let the server be somebody else's.
        server.door.users = frozenset({os.getuid() + 1})
        client = server.client()
        for path in ("/", "/v1/studies", "/v1/info", "/docs"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/foreign-user")
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("family", "host", "listens"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::ffff:127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
    ],
    ids=["IPv4", "IPv4 by an IPv6 socket", "IPv6"],
)
def test_the_user_of_a_connection_is_told_in_every_way_it_may_be_made(family, host, listens):
    own_family = socket.AF_INET6 if ":" in listens else socket.AF_INET
    with socket.create_server((listens, 0), family=own_family) as door:
        client = socket.socket(family)
        client.connect((host, door.getsockname()[1]))
        accepted, peer = door.accept()
        ends = peer[:2], accepted.getsockname()[:2]
        assert user_of(*ends) == os.getuid()
        assert os.getuid() in (own_users() or ())
        # One that nobody holds any more is listed as root's: it must not pass for root.
        client.close()
        assert user_of(*ends) is None
        accepted.close()
