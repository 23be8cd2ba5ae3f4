"""What somebody sets in the environment of `cxr up` has its effect in the part that reads it, or is named."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr.cli import run
from cxr.commands.stack import listening
from cxr.errors import StackError
from cxr.local.home import Home
from cxr.local.own_settings import asked_ports, not_obeyed, not_taken_up
from cxr.local.services import all_parts
from cxr.local.state import choose_state, is_loopback
from shared.settings_reference import ALL

_OPTIONS = {"CXR_API_HOST", "CXR_API_PORT", "CXR_API_AUTH", "CXR_API_ADMIN_KEY"}
_PORTS = {"CXR_GATEWAY_DICOM_PORT", "CXR_GATEWAY_HL7_PORT"}


def _variables() -> Iterator[str]:
    for one in ALL:
        prefix = one.model_config.get("env_prefix")
        yield from (f"{prefix}{name}".upper() for name in one.model_fields)


VARIABLES = tuple(_variables())


def test_the_walk_sees_the_settings():
    assert len(VARIABLES) > 40
    assert {"CXR_TELEMETRY_METRICS_PORT", "CXR_API_MAX_FILES", "CXR_DATABASE_URL"} | _OPTIONS | _PORTS <= set(
        VARIABLES
    )


# Those of the options of `cxr up` and the gateway's ports have the next tests.
@pytest.mark.parametrize("name", sorted(set(VARIABLES) - _OPTIONS - _PORTS))
def test_a_setting_is_obeyed_or_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    value = "the value of somebody"
    monkeypatch.setenv(name, value)
    home = Home(tmp_path)
    home.make()
    parts = all_parts(home, choose_state(home.state, api_port=8000))
    obeyed = any(part.environment.get(name) == value for part in parts)
    reason = not_obeyed({name: value}, {}).get(name)

    assert obeyed or reason
    assert obeyed or all(value not in part.environment.values() for part in parts)


def test_the_api_listens_as_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXR_API_AUTH", "required")
    monkeypatch.setenv("CXR_API_ADMIN_KEY", "cxr_of-somebody")
    wanted = listening(host="0.0.0.0")
    assert (wanted.host, wanted.auth, wanted.admin_key) == ("0.0.0.0", True, "cxr_of-somebody")
    assert listening(auth=None).auth is True
    monkeypatch.setenv("CXR_API_AUTH", "off")
    assert listening().auth is False
    assert listening(auth=True).auth is True


def test_a_stack_with_keys_gives_the_api_its_address_and_its_key(tmp_path: Path):
    home = Home(tmp_path)
    home.make()
    state = choose_state(home.state, api_port=8123, host="0.0.0.0", admin_key="cxr_k")
    api = next(part for part in all_parts(home, state) if part.name == "api")
    assert {name: api.environment[name] for name in _OPTIONS} == {
        "CXR_API_HOST": "0.0.0.0",
        "CXR_API_PORT": "8123",
        "CXR_API_AUTH": "required",
        "CXR_API_ADMIN_KEY": "cxr_k",
    }
    assert state.url == "http://localhost:8123"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CXR_API_AUTH": "yes"}, "CXR_API_AUTH"),
        ({"CXR_API_PORT": "no"}, "CXR_API_PORT"),
        ({"CXR_API_PORT": "0"}, "CXR_API_PORT"),
        ({"CXR_API_HOST": "0.0.0.0"}, "--auth"),
        ({"CXR_API_HOST": "192.0.2.7", "CXR_API_AUTH": "off"}, "--auth"),
        ({"CXR_API_HOST": "192.0.2.7", "CXR_API_AUTH": "required"}, "no address of this machine"),
        ({"CXR_API_HOST": "no such host", "CXR_API_AUTH": "required"}, "no address of this machine"),
        ({"CXR_GATEWAY_DICOM_PORT": "no"}, "CXR_GATEWAY_DICOM_PORT is 'no'"),
        ({"CXR_GATEWAY_HL7_PORT": "65536"}, "CXR_GATEWAY_HL7_PORT is '65536'"),
        ({"CXR_GATEWAY_HOST": "192.0.2.7", "CXR_GATEWAY_HL7_PORT": "2575"}, "no address of this machine"),
    ],
)
def test_what_cannot_be_obeyed_is_refused(
    variables: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(["up", "--detach"]) in (2, 3)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run" / "parts.json").exists()


def test_the_gateway_s_settings_reach_the_gateway_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXR_GATEWAY_HOST", "0.0.0.0")
    monkeypatch.setenv("CXR_GATEWAY_AE_TITLE", "RADIOLOGY")
    monkeypatch.setenv("CXR_GATEWAY_DICOM_PORT", "10104")
    home = Home(tmp_path)
    home.make()
    state = choose_state(home.state, api_port=8000, asked=asked_ports(os.environ))
    read = {
        part.name: {name: value for name, value in part.environment.items() if "GATEWAY" in name}
        for part in all_parts(home, state)
    }
    assert read.pop("gateway") == {
        "CXR_GATEWAY_HOST": "0.0.0.0",
        "CXR_GATEWAY_AE_TITLE": "RADIOLOGY",
        "CXR_GATEWAY_DICOM_PORT": "10104",
        "CXR_GATEWAY_HL7_PORT": str(state.ports.hl7),
    }
    assert not any(read.values())


def test_a_taken_port_of_the_gateway_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} is taken.*CXR_GATEWAY_HL7_PORT"):
            asked_ports({"CXR_GATEWAY_HL7_PORT": str(port)})


def test_a_choice_that_goes_before_the_environment_is_said():
    chosen = {"CXR_REPORT_WRITER": "template"}
    assert "models use" in not_obeyed({"CXR_REPORT_WRITER": "openai"}, chosen)["CXR_REPORT_WRITER"]
    assert not_obeyed({"CXR_REPORT_WRITER": "template"}, chosen) == {}


def test_settings_that_a_running_stack_does_not_have_are_said():
    running = {"CXR_MODEL_DEVICE": "cpu", "CXR_MODEL_THREADS": "2"}
    ours = {"CXR_MODEL_DEVICE": "cuda", "CXR_MODEL_THREADS": "2", "CXR_URL": "http://a", "CXR_HOME": "/h"}
    assert set(not_taken_up(ours, running)) == {"CXR_MODEL_DEVICE"}


def test_loopback_is_told_from_what_others_reach():
    assert all(map(is_loopback, ("127.0.0.1", "127.3.2.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.7", "example.org")))
