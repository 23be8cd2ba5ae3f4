"""The supervisor's bookkeeping; its work on real processes is in tests/service/test_local_stack.py."""

import pytest

from cxr.local import supervisor
from cxr.local.part import Launch, Part
from cxr.local.stack import PartStatus, StackStatus


def test_a_log_is_kept_below_its_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 100)
    log = tmp_path / "api.log"
    with log.open("ab") as writing:
        writing.write(b"x" * 101)
        writing.flush()
        supervisor._bound(log)
        writing.write(b"after")
        writing.flush()
        supervisor._bound(log)

    assert log.read_bytes() == b"after"
    assert (tmp_path / "api.log.1").read_bytes() == b"x" * 101


def test_a_log_that_was_removed_is_an_empty_one(tmp_path):
    log = tmp_path / "api.log"
    part = Part("api", command=(), log=log, ready=lambda launch: launch.logged(b"ready"))

    supervisor._bound(log)

    assert not part.ready(Launch(part, pid=1, log_offset=100))


def test_the_parts_are_listed_in_their_order_and_without_the_migrations():
    status = StackStatus(
        supervisor=1,
        parts=[
            PartStatus(name=name, state="running")
            for name in ("migrations", "sweeper", "api", "postgres", "broker", "storage", "worker-llm")
        ],
    )

    assert [(part.name, part.state) for part in status.listed()] == [
        ("postgres", "running"),
        ("broker", "running"),
        ("storage", "running"),
        ("api", "running"),
        ("worker-cnn", "stopped"),
        ("worker-llm", "running"),
        ("sweeper", "running"),
        ("gateway", "stopped"),
    ]


@pytest.mark.parametrize(
    ("states", "is_up"), [([], False), (["running", "starting"], False), (["running", "running"], True)]
)
def test_the_stack_is_up_when_every_part_runs(states, is_up):
    parts = [PartStatus(name=str(number), state=state) for number, state in enumerate(states)]

    assert StackStatus(supervisor=1, parts=parts).is_up is is_up
