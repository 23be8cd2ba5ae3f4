"""The whole local stack as `cxr up` starts it: real processes, real signals.

One stack for the whole file: a test gets it running, or stopped, as it asks, and may leave it as it is.
"""

import json
import os
import pwd
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from cxr.local.account import Account, can_reach
from cxr.local.home import Home, services_root
from cxr.local.stack import look_again, read_status
from migrations.__main__ import upgrade
from shared.records.database import Database
from shared.settings import DatabaseSettings
from tests.support.foreign import LABELS, write_foreign_bundle
from tests.support.stack import FullStack, InfraStack, wait_until

PARTS = ["postgres", "broker", "storage", "api", "worker-cnn", "worker-llm", "sweeper", "gateway"]
SAMPLE = services_root() / "samples" / "chest-1.png"
# The bundled language model takes seconds to load: who writes the reports is no matter here.
_QUICK = {"CXR_REPORT_WRITER": "template"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FullStack]:
    """Return the stack, in a folder with spaces in a path that is longer than a socket's may be."""
    folder = tmp_path_factory.mktemp("stack") / "a home with spaces"
    folder /= "x" * max(120 - len(str(folder)), 1)
    full = FullStack(folder, environment=_QUICK)
    yield full
    full.stop()
    full.remove()


@pytest.fixture
def stack(installed: FullStack) -> FullStack:
    """Return it running."""
    if not read_status(installed.home).is_up:
        installed.start()
    return installed


@pytest.fixture
def stopped(installed: FullStack) -> FullStack:
    """Return it with nothing running."""
    if read_status(installed.home).supervisor is not None:
        installed.stop()
    return installed


def _processes_of(home: Home) -> list[psutil.Process]:
    """Return every process that has anything to do with a home."""
    path = str(home.path)
    found = []
    for process in psutil.process_iter():
        try:
            traces = [*process.cmdline(), *process.environ().values(), process.cwd()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(path in trace for trace in traces):
            found.append(process)
    return found


def _began(pid: int) -> float:
    """Return when the kernel made a process, in seconds since the machine's start."""
    after_name = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return int(after_name[19]) / os.sysconf("SC_CLK_TCK")


def _completed(stack: FullStack) -> str:
    with stack.client() as client:
        study = client.submit([SAMPLE], wait=120)
    assert study.status == "completed"
    return study.id


def test_up_into_a_pipe_returns_when_it_is_ready(stopped: FullStack):
    """A part that held our end of the pipe would keep `cat` waiting for ever."""
    line = " ".join(stopped.command("up", "--detach", "--port", str(stopped.port)))

    done = subprocess.run(
        ["/bin/sh", "-c", f"{line} 2>&1 | cat"],
        env=stopped.environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )

    assert f"http://localhost:{stopped.port}" in done.stdout
    assert stopped.part("api").state == "running"


def test_status_as_json_is_a_list_of_the_eight_parts(stack):
    done = stack.run("status", "--json")

    parts = json.loads(done.stdout)
    assert done.returncode == 0
    assert [part["name"] for part in parts] == PARTS
    told = {"api": {"address", "auth", "version", "work"}, "storage": {"disk_free_bytes", "disk_total_bytes"}}
    told["gateway"] = {"hl7_port"}
    for part in parts:
        assert set(part) == {"name", "pid", "port", "state"} | told.get(part["name"], set())
        assert None not in [part[key] for key in told.get(part["name"], set())]
    assert parts[3]["work"]["waiting"] == {"cnn": 0, "llm": 0}
    assert {part["state"] for part in parts} == {"running"}
    assert all(psutil.pid_exists(part["pid"]) for part in parts)
    assert parts[3]["port"] == stack.port
    assert (parts[7]["port"], parts[7]["hl7_port"]) == (stack.dicom_port, stack.hl7_port)


def test_a_second_up_finds_the_first(stack):
    before = [stack.pid(name) for name in PARTS]

    done = stack.run("up", "--detach", "--port", str(stack.port))

    assert done.returncode == 0
    assert "already up" in done.stderr
    assert [stack.pid(name) for name in PARTS] == before


def test_a_second_up_that_wants_something_else_is_refused(stack):
    before = [stack.pid(name) for name in PARTS]

    for options, said in (
        (["--port", str(stack.port + 1)], f"port {stack.port}, not"),
        (["--auth"], "needs no keys"),
        (["--host", "0.0.0.0", "--auth"], "listens on 127.0.0.1"),
    ):
        done = stack.run("up", "--detach", *options)
        assert done.returncode == 3
        assert said in done.stderr

    assert [stack.pid(name) for name in PARTS] == before


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_part_is_started_again_within_two_seconds_with_its_data(stack, name):
    study_id = _completed(stack)
    killed_at = time.clock_gettime(time.CLOCK_BOOTTIME)
    killed = stack.kill(name)

    wait_until(lambda: stack.part(name).pid not in (None, killed), timeout=30, what=f"a new {name}")
    assert _began(stack.pid(name)) - killed_at < 2
    stack.wait_running(name, other_than=killed)

    with stack.client() as client:
        assert client.study(study_id).status == "completed"
        assert client.report_as(study_id, "text")
    _completed(stack)


def test_a_held_part_stays_stopped_until_it_is_released(stack):
    stack.hold("worker-llm")
    with stack.client() as client:
        study = client.submit([SAMPLE])
        wait_until(
            lambda: client.study(study.id).status == "classified",
            timeout=60,
            what="the study to be classified",
        )
        time.sleep(2)
        assert stack.part("worker-llm").state == "stopped"
        assert client.study(study.id).status == "classified"

        stack.release("worker-llm")

        assert client.wait(study.id, timeout=60).status == "completed"


def test_up_starts_a_part_that_was_stopped_alone(stack):
    stack.run("stop", "worker-llm")
    wait_until(lambda: stack.part("worker-llm").state == "stopped", timeout=30, what="the part to stop")

    done = stack.run("up", "--detach", "--timeout", "60")

    assert done.returncode == 0, done.stderr
    assert stack.part("worker-llm").state == "running"


def test_settings_that_cannot_be_read_change_nothing(stack):
    before = {name: stack.pid(name) for name in PARTS}
    stack.home.config.write_text("{")
    try:
        look_again(stack.home)
        wait_until(
            lambda: "config.json" in stack.home.log("supervisor").read_text(),
            timeout=30,
            what="the supervisor to say so",
        )
    finally:
        stack.home.config.unlink()

    assert {name: stack.pid(name) for name in PARTS} == before


def test_a_full_disk_and_removed_logs_leave_the_stack_up(stack):
    supervisor = read_status(stack.home).supervisor
    assert supervisor is not None
    before = {name: stack.pid(name) for name in PARTS}
    children = {child.pid for child in psutil.Process(supervisor).children()}
    for name in ("supervisor", "sweeper", "worker-cnn"):
        stack.home.log(name).unlink()
    _, hard = resource.prlimit(supervisor, resource.RLIMIT_FSIZE)
    resource.prlimit(supervisor, resource.RLIMIT_FSIZE, (0, hard))  # no byte can be written: a full disk
    try:
        stack.kill("sweeper")
        wait_until(
            lambda: {child.pid for child in psutil.Process(supervisor).children()} - children != set(),
            timeout=30,
            what="the supervisor to have noticed the death",
        )
    finally:
        resource.prlimit(supervisor, resource.RLIMIT_FSIZE, (hard, hard))

    wait_until(
        lambda: stack.part("sweeper").pid not in (None, before["sweeper"]),
        timeout=30,
        what="the state to be written now that there is room",
    )
    # The one that was started meanwhile has the limit too, for ever.
    stack.wait_running("sweeper", other_than=stack.kill("sweeper"))
    after = {name: stack.pid(name) for name in PARTS}
    assert [name for name in PARTS if after[name] != before[name]] == ["sweeper"]
    assert read_status(stack.home).supervisor == supervisor


def test_another_writer_is_taken_up_by_its_worker_alone(stack):
    before = {name: stack.pid(name) for name in PARTS}

    done = stack.run("models", "use", "--writer-model", "bundled")

    after = {name: stack.pid(name) for name in PARTS}
    assert done.returncode == 0, done.stderr
    assert [name for name in PARTS if after[name] != before[name]] == ["worker-llm"]


def test_the_chosen_writer_wins_over_the_one_that_was_exported_at_up(stack):
    same = stack.run("models", "use", "--writer", "template", timeout=60)
    other = stack.run(
        *("models", "use", "--writer", "openai", "--server-url", "http://127.0.0.1:9/v1"),
        *("--writer-model", "none"),
        timeout=60,
    )
    writer = psutil.Process(stack.pid("worker-llm")).environ()["CXR_REPORT_WRITER"]
    back = stack.run("models", "use", "--writer", "template", timeout=60)

    assert [done.returncode for done in (same, other, back)] == [0, 0, 0], other.stderr
    assert writer == "openai"


def test_a_writer_for_a_stopped_worker_is_kept_until_its_start(stack):
    stack.hold("worker-llm")

    done = stack.run("models", "use", "--writer-model", "for later", timeout=60)

    assert done.returncode == 0
    assert "cxr start worker-llm" in done.stderr
    stack.release("worker-llm")
    assert psutil.Process(stack.pid("worker-llm")).environ()["CXR_REPORT_MODEL"] == "for later"


def test_a_classifier_that_cannot_be_loaded_is_not_taken_up(stack, tmp_path):
    (tmp_path / "card.json").write_text("{}")

    done = stack.run("models", "use", str(tmp_path))

    assert done.returncode == 3
    assert "worker-cnn does not start with this" in done.stderr
    stack.wait_running("worker-cnn")
    assert "bundled" in stack.run("models", "list").stdout.splitlines()[0]


def test_a_classifier_of_another_library_is_served_by_one_line(stack, tmp_path):
    bundle = write_foreign_bundle(tmp_path / "foreign")

    assert stack.run("models", "use", str(bundle)).returncode == 0
    with stack.client() as client:
        found = client.findings(_completed(stack))
    assert stack.run("models", "use", "bundled").returncode == 0

    assert found.model.id == "torchvision-squeezenet"
    said = {one.label: one.status for one in found.findings}
    assert said == dict(zip(LABELS, ("present", "uncertain", "absent"), strict=True))
    assert all(one.box is None and one.model_extra["links"]["heatmap"] is None for one in found.findings)


def test_when_the_supervisor_is_killed_nothing_goes_on_without_it(stack):
    study_id = _completed(stack)
    supervisor = read_status(stack.home).supervisor
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)

    wait_until(lambda: not _processes_of(stack.home), timeout=20, what="the parts to follow their supervisor")
    assert {part["state"] for part in json.loads(stack.run("status", "--json").stdout)} == {"stopped"}

    stack.start()
    with stack.client() as client:
        assert client.study(study_id).status == "completed"


def test_when_everything_is_killed_at_once_the_data_are_there_after_the_next_up(stack):
    study_id = _completed(stack)
    for process in _processes_of(stack.home):
        process.kill()

    stack.start()

    with stack.client() as client:
        assert client.report_as(study_id, "text")
    _completed(stack)


def test_down_leaves_no_process_and_a_second_down_has_nothing_to_do(stack):
    first = stack.run("down")
    left = _processes_of(stack.home)
    second = stack.run("down")

    assert (first.returncode, second.returncode) == (0, 0)
    assert left == []
    assert "nothing was running" in second.stderr


def test_ctrl_c_stops_a_stack_that_was_started_in_the_foreground(stopped: FullStack):
    # A shell starts what it puts in the background with SIGINT ignored, and every child inherits that:
    # with a handler here, the child starts with the default, however the tests were started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        stopped.command("up", "--port", str(stopped.port)), env=stopped.environment, stderr=subprocess.DEVNULL
    ) as foreground:
        wait_until(lambda: read_status(stopped.home).is_up, timeout=200, what="the stack to be up")
        foreground.send_signal(signal.SIGINT)
        foreground.wait(timeout=60)

    assert _processes_of(stopped.home) == []


def test_two_ups_at_once_start_one_stack(stopped: FullStack):
    both = [
        subprocess.Popen(
            stopped.command("up", "--detach", "--port", str(stopped.port)),
            env=stopped.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=200)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("already up" in text for text in said) == [False, True]
    supervisors = [one for one in _processes_of(stopped.home) if "cxr.local.supervisor" in one.cmdline()]
    assert len(supervisors) == 1


def test_a_taken_port_is_named_with_the_way_out(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = FullStack(tmp_path / "home")

        done = other.run("up", "--detach", "--port", str(port))

    assert done.returncode == 3
    assert f"port {port} is taken" in done.stderr
    assert "--port" in done.stderr
    assert _processes_of(other.home) == []


def test_data_of_a_version_that_was_never_released_are_refused_in_words(tmp_path):
    with InfraStack(tmp_path / "home") as infra:
        database = Database(DatabaseSettings(url=infra.database_url))
        with database.session() as session:
            upgrade(session.connection())
            session.execute(text("UPDATE alembic_version SET version_num = '0008'"))
            session.execute(text("ALTER TABLE studies DROP COLUMN alone"))
        database.close()
        infra.stop()
        other = FullStack(infra.home.path, environment=_QUICK)

        done = other.run("up", "--detach", "--port", str(other.port))

    assert done.returncode == 3
    assert f"rm -r {infra.home.path}" in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert _processes_of(other.home) == []


def test_a_part_that_does_not_start_is_shown_with_the_end_of_its_log(tmp_path):
    other = FullStack(tmp_path / "home", environment={**_QUICK, "CXR_MODEL_BATCH_SIZE": "0"})

    done = other.run("up", "--detach", "--port", str(other.port))

    assert done.returncode == 3
    assert "worker-cnn does not start" in done.stderr
    assert "batch_size" in done.stderr
    assert _processes_of(other.home) == []
    other.remove()


def test_a_normal_user_can_start_and_stop_it():
    is_root = os.geteuid() == 0
    entry = pwd.getpwnam("nobody") if is_root else pwd.getpwuid(os.geteuid())
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        other = FullStack(folder / "home", environment={**_QUICK, "HOME": name})
        become = _become(Account(uid=entry.pw_uid, gid=entry.pw_gid)) if is_root else []

        started = subprocess.run(
            [*become, *other.command("up", "--detach", "--port", str(other.port))],
            env=other.environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert started.returncode == 0, started.stderr
        owners = {process.uids().effective for process in _processes_of(other.home)}
        _completed(other)
        subprocess.run([*become, *other.command("down")], env=other.environment, cwd="/", check=True)

        assert owners == {entry.pw_uid}
        assert _processes_of(other.home) == []
        other.remove()


def _become(account: Account) -> list[str]:
    """Return the command that runs another as that account.

    Where the interpreter itself lies in a folder that is closed to it (a Python under /root), the
    account may read and pass everywhere; it still writes nowhere but in its own folder.
    """
    command = ["setpriv", "--reuid", str(account.uid), "--regid", str(account.gid), "--clear-groups"]
    reachable = can_reach(Path(sys.executable).resolve(), account) and can_reach(services_root(), account)
    if reachable:
        return command
    return [*command, "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
