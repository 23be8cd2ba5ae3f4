"""`cxr deidentify`: files and folders in, pseudonyms out, and a reason for each file that is left out."""

import json
from pathlib import Path

import pytest
from pydicom import dcmread

from cxr import cli, exit_codes
from tests.support.dicoms import a_dicom


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))


def test_a_folder_is_deidentified_and_what_is_no_radiograph_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    archive, out = tmp_path / "archive", tmp_path / "out"
    (archive / "DOE").mkdir(parents=True)
    (archive / "DOE" / "one.dcm").write_bytes(a_dicom(PatientID="P1", PatientName="DOE^JANE"))
    (archive / "two.dcm").write_bytes(a_dicom(PatientID="P1", SOPInstanceUID="2.25.9"))
    (archive / "notes.txt").write_text("about Jane Doe")

    code = cli.run(["deidentify", str(archive), "-o", str(out), "--json"])

    said = json.loads(capsys.readouterr().out)
    assert code == exit_codes.STUDY_FAILED
    assert said["left_out"] == 1
    reasons = {Path(one["source"]).name: one["reason"] for one in said["files"]}
    assert "neither DICOM" in reasons.pop("notes.txt")
    assert set(reasons.values()) == {None}
    made = sorted(out.rglob("*.dcm"))
    assert sorted(one["file"] for one in said["files"] if one["file"]) == [str(path) for path in made]
    assert {path.parent.name for path in made} == {str(dcmread(path).PatientID) for path in made}
    assert len(made) == 2
    assert "DOE" not in "".join(map(str, out.rglob("*")))
    key = tmp_path / "home" / "deidentification.key"
    assert key.stat().st_mode & 0o777 == 0o600

    before = [path.read_bytes() for path in made]
    again = tmp_path / "again"
    assert cli.run(["deidentify", str(archive), "-o", str(again)]) == exit_codes.STUDY_FAILED
    assert [path.read_bytes() for path in sorted(again.rglob("*.dcm"))] == before
