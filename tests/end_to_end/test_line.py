"""From upload to polled report, over everything real: every format, every refusal, every form of report."""

import csv
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw

from cxr import Client
from tests.support.dicoms import a_png_bomb
from tests.support.stack import FullStack

PATIENCE_SECONDS = 120
SAMPLES = (
    *("chest-1.png", "chest-2-16bit.png", "chest-3.jpg", "chest-4.dcm", "chest-4-rle.dcm"),
    *("chest-5-monochrome1-jpegls.dcm", "chest-6-jpeg2000.dcm"),
)


@pytest.fixture
def client(stack: FullStack) -> Iterator[Client]:
    with stack.client() as opened:
        yield opened


@pytest.fixture
def http(stack: FullStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=60) as opened:
        yield opened


@pytest.mark.parametrize("name", SAMPLES)
def test_every_kind_of_radiograph_gets_a_report(client: Client, samples: Path, name: str):
    study = client.submit([samples / name], wait=PATIENCE_SECONDS)
    assert study.status == "completed", study.error
    findings = client.findings(study.id)
    assert len(findings.findings) == 14
    assert all(0 <= finding.probability <= 1 for finding in findings.findings)
    report = client.report(study.id)
    assert report.sections.findings
    assert report.sections.impression
    assert report.verification is not None
    assert report.verification.verdict == "passed"


def test_every_real_chest_radiograph_gets_a_report(
    client: Client, test_data: Path | None, real_chests: list[Path], samples: Path
):
    files = [samples / "chest-1.png", *real_chests]
    if test_data is not None:
        files += sorted((test_data / "images" / "nih").iterdir())[:3]
    studies = [client.submit([file]) for file in files]
    ends = {file.name: client.wait(study.id) for file, study in zip(files, studies, strict=True)}
    assert {name: end.status for name, end in ends.items()} == dict.fromkeys(ends, "completed")


def test_a_plain_post_is_answered_as_the_contract_says(http: httpx.Client, samples: Path):
    with (samples / "chest-4.dcm").open("rb") as file:
        accepted = http.post("/v1/studies", files={"files": file})
    assert accepted.status_code == 202
    assert int(accepted.headers["Retry-After"]) >= 1
    location = accepted.headers["Location"]
    assert location == accepted.json()["links"]["self"]
    study = accepted.json()
    for _ in range(PATIENCE_SECONDS // 20):
        study = http.get(location, params={"wait": 20}).json()
        if study["status"] == "completed":
            break
    assert [entry["status"] for entry in study["timeline"]] == [
        *("queued", "classifying", "classified", "reporting", "completed")
    ]
    address = f"{location}/report"
    assert "FINDINGS" in http.get(address, headers={"Accept": "text/plain"}).text
    assert "<html" in http.get(address, headers={"Accept": "text/html"}).text
    assert http.get(address).json()["study_id"] == study["id"]
    paper = http.get(address, headers={"Accept": "application/pdf"})
    with pikepdf.open(BytesIO(paper.content)) as pdf:
        parts = [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary)]
        assert any(part.get("/S") == "/Figure" for part in parts)
    refused = http.get(address, headers={"Accept": "application/rtf"})
    assert refused.status_code == 406
    assert {"application/json", "text/plain", "text/html"} <= set(refused.json()["formats"])
    assert http.get(study["images"][0]["links"]["preview"]).headers["Content-Type"] == "image/png"


def a_cat() -> bytes:
    """Draw something that is in colour, full of detail, and no radiograph."""
    chance = np.random.default_rng(9)
    picture = Image.fromarray(chance.integers(60, 200, (24, 32, 3), dtype=np.uint8)).resize((640, 480))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((200, 120, 440, 380), fill=(210, 140, 60))
    draw.polygon(((215, 180), (230, 60), (300, 140)), fill=(190, 120, 50))
    draw.polygon(((425, 180), (410, 60), (340, 140)), fill=(190, 120, 50))
    for eye in (275, 365):
        draw.ellipse((eye - 22, 205, eye + 22, 255), fill=(90, 200, 90))
        draw.ellipse((eye - 6, 205, eye + 6, 255), fill=(0, 0, 0))
    packed = BytesIO()
    picture.save(packed, "JPEG", quality=92)
    return packed.getvalue()


def bad_files(samples: Path) -> dict[str, bytes]:
    return {
        "text.dcm": b"this is a text, whatever its name says\n" * 20,
        "cut_off.dcm": (samples / "chest-4.dcm").read_bytes()[:5000],
        "cat.jpg": a_cat(),
        "bomb.png": a_png_bomb(30_000, 30_000),
        "empty.png": b"",
    }


def test_bad_input_is_refused_by_name_with_a_reason_and_the_workers_live_on(
    http: httpx.Client, client: Client, stack: FullStack, samples: Path
):
    before = {part: stack.pid(part) for part in ("worker-cnn", "worker-llm", "api")}
    for name, content in bad_files(samples).items():
        answer = http.post("/v1/studies", files={"files": (name, content)})
        if answer.status_code == 202:
            study = client.wait(answer.json()["id"])
            assert study.status == "rejected", name
            assert study.error is not None
            told = study.error.model_dump()
            assert http.get(f"/v1/studies/{study.id}/report").status_code == 409
        else:
            assert 400 <= answer.status_code < 500, name
            told = answer.json()
        assert told["file"] == name
        assert len(told["detail"]) > 10
    assert {part: stack.pid(part) for part in before} == before
    assert client.submit([samples / "chest-1.png"], wait=PATIENCE_SECONDS).status == "completed"


def test_a_real_photograph_of_a_cat_is_no_chest_radiograph(
    client: Client, test_data: Path | None, tmp_path: Path
):
    pictures = [tmp_path / "cat.jpg"]
    pictures[0].write_bytes(a_cat())
    if test_data is not None:
        with (test_data / "more" / "labels.csv").open() as index:
            photographs = [row for row in csv.DictReader(index) if row["group"] == "photo_doc"]
        pictures += [test_data / "more" / row["file"] for row in photographs[:20]]
    studies = [client.wait(client.submit([picture]).id) for picture in pictures]
    assert [study.status for study in studies].count("rejected") >= 0.9 * len(studies)


def test_a_study_of_several_images_uses_the_good_ones_and_names_the_bad_one(
    http: httpx.Client, client: Client, samples: Path
):
    files = [
        ("files", ("first.png", (samples / "chest-1.png").read_bytes())),
        ("files", ("cat.jpg", a_cat())),
        ("files", ("second.dcm", (samples / "chest-4.dcm").read_bytes())),
    ]
    study = client.wait(http.post("/v1/studies", files=files).json()["id"])
    assert study.status == "completed"
    assert [image.status for image in study.images] == ["used", "rejected", "used"]
    assert study.images[1].error is not None
    report = client.report(study.id)
    (warning,) = [warning for warning in report.warnings if "cat.jpg" in warning]
    assert report.sections.impression.startswith(f"Warning: {warning}")


def test_a_study_whose_images_come_one_by_one_is_reported_on_as_one(client: Client, samples: Path):
    study = client.open_study(close_after=3600)
    for name in ("chest-1.png", "chest-4.dcm"):
        study = client.add_images(study.id, samples / name)
    assert (study.status, len(study.images)) == ("open", 2)
    client.close_study(study.id)
    ended = client.wait(study.id, timeout=PATIENCE_SECONDS)
    assert ended.status == "completed", ended.error
    assert [image.status for image in ended.images] == ["used", "used"]
    assert [image.index for image in client.findings(study.id).images] == [0, 1]
    assert client.report(study.id).sections.impression


def test_a_study_to_which_nothing_more_comes_goes_on_by_itself(client: Client, samples: Path):
    study = client.open_study(samples / "chest-1.png", close_after=1)
    ended = client.wait(study.id, timeout=PATIENCE_SECONDS)
    assert ended.status == "completed", ended.error
    assert [entry.event for entry in ended.timeline][:2] == ["received", "closed"]
