"""Reports of some radiographs as the service would write them, to be read aloud."""

from pathlib import Path

import pytest

from tests.support.services import ROOT
from training.sample_reports import main

SAMPLES = ROOT / "samples"


@pytest.fixture(autouse=True)
def _by_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_REPORT_WRITER", "template")


def test_each_file_has_its_report_or_the_reason_why_it_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(SystemExit) as ended:
        main(["--language", "es", str(SAMPLES / "chest-1.png"), str(broken)])
    assert ended.value.code == 0
    first, second = capsys.readouterr().out.split("## ")[1:]
    assert first.startswith("chest-1.png")
    assert [title for title in ("Técnica", "Hallazgos", "Impresión") if f"**{title}**" in first] == [
        "Técnica",
        "Hallazgos",
        "Impresión",
    ]
    assert second.startswith("broken.png\n\nRefused: the file is neither DICOM, PNG nor JPEG")


def test_the_status_tells_that_nothing_could_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "missing.png")])
    assert ended.value.code == 1
    assert "missing.png" in capsys.readouterr().out
