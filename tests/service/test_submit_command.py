"""`cxr submit` against a real API: files of several patients are one study only when that is meant."""

import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from cxr import cli
from tests.support.api import ApiServer
from tests.support.dicoms import a_dicom


@pytest.fixture
def films(api: ApiServer, client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return three files of two patients, for a command that talks to an empty server."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CXR_URL", api.url)
    paths = []
    for name, patient in (("one", 1), ("two", 2), ("another of one", 1)):
        path = tmp_path / f"{name}.dcm"
        path.write_bytes(a_dicom(PatientID=f"CASE-{patient}", StudyInstanceUID=f"2.25.{patient}"))
        paths.append(str(path))
    return paths


def studies(client: httpx.Client) -> list[dict[str, Any]]:
    return client.get("/v1/studies").json()["items"]


def test_files_of_two_patients_come_back_with_the_commands_that_send_them(
    client: httpx.Client, films: list[str], capsys: pytest.CaptureFixture[str]
):
    one, two, another = films
    assert cli.run(["submit", *films]) == 2
    said = capsys.readouterr().err
    assert "of several patients or studies" in said
    assert studies(client) == []
    commands = [line.strip() for line in said.splitlines() if line.strip().startswith("cxr submit")]
    assert [shlex.split(command)[2:] for command in commands] == [[one, another], [two], ["--mixed", *films]]

    for command in commands:
        assert cli.run(shlex.split(command)[1:]) == 0
    assert sorted(len(study["images"]) for study in studies(client)) == [1, 2, 3]


def test_another_patient_s_id_can_be_meant(
    client: httpx.Client, films: list[str], capsys: pytest.CaptureFixture[str]
):
    assert cli.run(["submit", films[0], "--patient-id", "CASE-9", "--json"]) == 2
    said = capsys.readouterr()
    assert '"type": "/problems/other-patient"' in said.out
    assert "--mixed" in said.err
    assert cli.run(["submit", films[0], "--patient-id", "CASE-9", "--mixed"]) == 0


def test_what_is_typed_of_the_order_comes_back_with_the_study(client: httpx.Client, films: list[str]):
    typed = {
        "accession_number": "ACC-7",
        "patient_id": "CASE-1",
        "patient_id_issuer": "NORTH",
        "patient_name": "MÜLLER^JÖRG",
        "patient_birth_date": "1931-07-03",
        "patient_sex": "M",
        "referring_physician": "HOUSE^GREGORY",
        "study_date": "2026-01-05",
        "study_time": "14:05:00",
        "institution": "North Clinic",
        "indication": "cough for two weeks",
    }
    options = [f"--{name.replace('_', '-')}={value}" for name, value in typed.items()]
    assert cli.run(["submit", films[0], *options]) == 0
    (study,) = studies(client)
    assert typed.items() <= study["order"].items()
