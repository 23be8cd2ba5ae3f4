"""Files that once went wrong, sent over HTTP: each gives the report, or the reason, that it should."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support import cases
from tests.support.stack import FullStack, wait_until

FILES = cases.files()
_FINAL = ("completed", "rejected", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a file.

    Attributes:
        reason: why it was refused, at the door or by the worker; empty when there is a report.
        study: as the API shows it at the end; empty when it was refused at the door.
        preview: the picture that the page shows; None when there is no report.
    """

    reason: str
    study: Mapping[str, Any]
    preview: NDArray[np.uint8] | None

    @property
    def seen(self) -> NDArray[np.float64]:
        """The preview, which a report must have."""
        assert not self.reason
        assert self.preview is not None
        return self.preview.astype(np.float64)


@pytest.fixture(scope="module")
def api(stack: FullStack):
    with httpx.Client(base_url=f"{stack.url}/v1", timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def answers(api: httpx.Client) -> dict[str, Answer]:
    """Send every file, then see what each gives: so they wait for each other's work only once."""
    sent = {name: send(api, (name, content)) for name, (content, _) in FILES.items()}
    return {name: the_answer(api, response) for name, response in sent.items()}


def send(api: httpx.Client, *named: tuple[str, bytes], **fields: str) -> httpx.Response:
    return api.post("/studies", files=[("files", one) for one in named], data=fields)


def the_answer(api: httpx.Client, response: httpx.Response) -> Answer:
    if response.is_client_error:
        return Answer(response.json()["detail"], {}, None)
    study = finished(api, response.raise_for_status().json()["id"])
    if study["status"] != "completed":
        return Answer(study["error"]["detail"], study, None)
    preview = api.get(f"/studies/{study['id']}/images/0/preview.png").raise_for_status().content
    with Image.open(BytesIO(preview)) as picture:
        return Answer("", study, np.asarray(picture.convert("L")))


def finished(api: httpx.Client, study_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def is_final() -> bool:
        found.update(api.get(f"/studies/{study_id}", params={"wait": 20}).raise_for_status().json())
        return found["status"] in _FINAL

    wait_until(is_final, timeout=180, what=f"study {study_id} to end")
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_file_gives_what_it_should(name: str, answers: dict[str, Answer]):
    answer, outcome = answers[name], FILES[name][1]
    if outcome.refused:
        assert any(words in answer.reason for words in outcome.refused), answer.reason
        return
    assert answer.study["status"] == "completed", answer.reason
    if outcome.like:
        greatest = np.abs(answer.seen - answers[outcome.like].seen).max()
        assert greatest <= 2
    if outcome.order_of:
        assert have_one_order(answer.seen, answers[outcome.order_of].seen)
    if outcome.warned_or is not None:
        assert answer.study["warnings"] or outcome.warned_or(answer.seen)


def have_one_order(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> bool:
    """Tell whether what is brighter in one picture is nowhere darker in the other, and as contrasty."""
    ordered = ours.ravel()[np.argsort(theirs.ravel(), kind="stable")]
    return bool(
        np.diff(np.maximum.accumulate(ordered) - ordered).max() <= 2 and ours.std() > theirs.std() / 2
    )


def test_a_cd_gives_a_report_and_names_what_was_set_aside(api: httpx.Client):
    answer = the_answer(api, send(api, ("cd.zip", cases.a_cd())))
    assert not answer.reason
    aside = {Path(each["file"]).name for each in answer.study["set_aside"]}
    assert {"README.txt", "autorun.inf"} <= aside
    assert len(answer.study["images"]) == 1


def test_a_folder_entry_with_a_backslash_is_no_file(api: httpx.Client):
    answer = the_answer(api, send(api, ("ward.zip", cases.folder_entry())))
    assert not answer.reason
    assert len(answer.study["images"]) == 1


def test_two_patients_are_one_study_only_when_that_is_meant(api: httpx.Client):
    one, two = cases.two_patients()
    named = (("one.dcm", one), ("two.dcm", two))
    refusal = send(api, *named)
    assert refusal.status_code == 422
    assert refusal.json()["groups"] == [["one.dcm"], ["two.dcm"]]
    assert send(api, *named, mixed="true").status_code == 202


@pytest.mark.parametrize(
    ("archive", "words", "completed", "unsent"),
    [
        ("backslashes", ("--study-per-folder",), 2, 0),
        ("broken_member", (), 1, 1),
        ("same_name_twice", (), 2, 0),
    ],
)
def test_every_item_of_an_archive_ends_with_a_report_or_a_reason(
    stack: FullStack, tmp_path: Path, archive: str, words: tuple[str, ...], completed: int, unsent: int
):
    path = tmp_path / f"{archive}.zip"
    path.write_bytes(getattr(cases, archive)())
    done = stack.run("batch", "submit", str(path), "--json", *words)
    assert "Traceback" not in done.stderr, done.stderr
    said = json.loads(done.stdout)
    assert said["batch"]["counts"]["completed"] == completed, done.stdout
    assert len(said["errors"]) == unsent
    again = stack.run("batch", "submit", str(path), "--json", "--resume", *words)
    assert again.returncode == done.returncode
    assert json.loads(again.stdout)["batch"]["counts"] == said["batch"]["counts"]


def test_a_folder_of_two_patients_is_two_studies(stack: FullStack, tmp_path: Path):
    folder = tmp_path / "ward"
    folder.mkdir()
    for name, content in zip(("one.dcm", "two.dcm"), cases.two_patients(), strict=True):
        (folder / name).write_bytes(content)
    done = stack.run("batch", "submit", str(folder), "--study-per-folder", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["batch"]["counts"]["completed"] == 2
