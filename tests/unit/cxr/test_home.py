"""Where the stack keeps its things, and which radiograph the demo sends."""

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from cxr.commands.demo import choose_study
from cxr.errors import StackError
from cxr.local import home
from cxr.local.account import Account, can_reach
from cxr.local.home import Home, find_home, services_root
from cxr.local.state import STANDARD, choose_state, is_free, load_state, read_json, write_private


@pytest.fixture(autouse=True)
def _no_study_named(monkeypatch):
    monkeypatch.delenv("CXR_TEST_DATA", raising=False)
    monkeypatch.delenv("STUDY", raising=False)


def test_cxr_home_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "here"))

    assert find_home().path == tmp_path / "here"


def test_a_link_on_the_way_to_the_folder_is_followed(monkeypatch, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "link"))
    monkeypatch.setattr(home, "ROOT_HOME", tmp_path / "link" / "cxr-reporter")

    assert find_home().path == tmp_path / "disk" / "cxr-reporter"


def test_by_default_the_folder_is_not_in_roots_closed_home():
    if os.geteuid() == 0:
        assert not find_home().path.is_relative_to("/root")
    else:
        assert find_home().path.is_relative_to(Path.home())


def test_the_services_lie_beside_this_package():
    assert (services_root() / "shared" / "errors.py").is_file()


def test_a_private_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "state.json"
    write_private(path, '{"a": "b"}')

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_json(path) == {"a": "b"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", ["{", "[1, 2]", '{"a": {}}'])
def test_a_broken_file_is_named_with_the_way_out(tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_text(content)

    with pytest.raises(StackError, match=r"broken\.json is no JSON object of strings: mend it"):
        read_json(path)
    with pytest.raises(StackError, match=r"broken\.json is broken.*backup"):
        load_state(path)


def test_no_port_is_another_ones_grpc_twin(tmp_path):
    low = next(
        port for port in range(10_300, 12_000) if all(is_free(port + twin * 10_000) for twin in range(3))
    )
    path = tmp_path / "state.json"
    before = choose_state(path, api_port=8000)
    ports = before.ports.model_copy(update={"storage": low, "storage_filer": low + 10_000})
    path.write_text(before.model_copy(update={"ports": ports}).model_dump_json())

    first = choose_state(path, api_port=8000).ports
    second = choose_state(path, api_port=low + 10_000).ports

    assert first.storage == low
    for chosen in (first, second):
        numbers = list(chosen.model_dump().values())
        assert set(numbers).isdisjoint(number + 10_000 for number in numbers)


def test_hospital_systems_find_the_gateway_where_they_look_or_where_it_was(tmp_path):
    path = tmp_path / "state.json"
    with socket.socket() as other:
        with suppress(OSError):  # somebody has it already
            other.bind(("127.0.0.1", STANDARD["dicom"]))
            other.listen()
        without = choose_state(path, api_port=8000).ports
    again = choose_state(path, api_port=8000).ports

    assert without.dicom not in (0, STANDARD["dicom"])
    assert (again.dicom, again.hl7) == (without.dicom, without.hl7)
    assert choose_state(path, api_port=8000, asked={"dicom": 104}).ports.dicom == 104


def test_data_folders_are_closed_to_others(tmp_path):
    made = Home(tmp_path / "home")
    made.make()

    for name in ("broker", "storage", "logs", "run"):
        assert made.folder(name).stat().st_mode & 0o077 == 0


def test_an_account_cannot_pass_a_closed_folder(tmp_path):
    stranger = Account(uid=54_321, gid=54_321)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    assert can_reach(Path("/usr/bin/env"), stranger)
    assert not can_reach(closed / "data", stranger)


def test_the_demo_takes_the_file_that_was_named(monkeypatch, tmp_path):
    chest = tmp_path / "chest.dcm"
    chest.touch()
    monkeypatch.setenv("STUDY", str(chest))

    assert choose_study(None) == (chest, "your file")


def test_the_demo_refuses_a_study_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("STUDY", str(tmp_path / "missing.dcm"))

    with pytest.raises(typer.BadParameter, match="names no file"):
        choose_study(None)


def test_the_demo_takes_a_real_radiograph_where_there_are_some(monkeypatch, tmp_path):
    folder = tmp_path / "images" / "nih"
    folder.mkdir(parents=True)
    for name in ("2.jpg", "1.jpg"):
        (folder / name).touch()
    monkeypatch.setenv("CXR_TEST_DATA", str(tmp_path))

    path, what = choose_study(None)

    assert path == folder / "1.jpg"
    assert "CXR_TEST_DATA" in what


def test_the_demo_falls_back_to_a_synthetic_radiograph():
    path, what = choose_study(None)

    assert path.parent == services_root() / "samples"
    assert "synthetic" in what
