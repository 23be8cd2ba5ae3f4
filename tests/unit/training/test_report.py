"""The report of an evaluation: one file that asks for nothing, runs nothing, and can be read without eyes."""

import csv
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typing_extensions import override

from shared.domain.findings import ViewPosition
from tests.support.bundles import write_tiny_bundle
from training.evaluate import main
from training.table import Record, Split, State, write

HOSTILE = '<script>alert("x")</script>'


class Page(HTMLParser):
    """All elements with their attributes, and the text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @override
    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of which the bright ones, but one, show an effusion."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    for index in range(24):
        pixels = random.integers(-20, 20, (48, 40)) + (200 if index < 12 else 90)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{index:02}.png")
    write_tiny_bundle(folder / "bundle", intended_use=HOSTILE)
    return folder


def evaluate(folder: Path, labels: Path, *more: str) -> Path:
    arguments = ["--bundle", folder / "bundle", "--images", folder / "images", "--labels", labels]
    report = folder / f"{labels.stem}.html"
    sys.argv = ["evaluate", *map(str, [*arguments, "--report", report, "--threads", 1]), *more]
    main()
    return report


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "patient_id", "sex", "age", "source", "Effusion", "Mass"])
        for index in range(24):
            source = HOSTILE if index % 2 else "clinic"
            rows.writerow(
                [
                    f"{index:02}.png",
                    f"p{index}",
                    "F" if index % 3 else "M",
                    50,
                    source,
                    int(0 < index < 13),
                    "",
                ]
            )
    before = sys.argv
    try:
        return Page(evaluate(folder, folder / "labels.csv").read_text(encoding="utf-8"))
    finally:
        sys.argv = before


def test_it_asks_for_nothing_outside_itself_and_runs_nothing(page):
    assert [page.all(name) for name in ("script", "link", "iframe", "object")] == [[], [], [], []]
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    assert all((link["href"] or "").startswith("#") for link in page.all("a"))
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_what_comes_from_outside_is_text(page):
    assert page.text.count(HOSTILE) == 2  # the intended use of the card, and a source


def test_it_can_be_read_without_eyes(page):
    assert all(image["alt"] for image in page.all("img"))
    assert any("area 0." in (image["alt"] or "") for image in page.all("img"))
    headers = page.all("th")
    assert {header.get("scope") for header in headers} == {"col", "row"}
    assert page.all("html") == [{"lang": "en"}]
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {(link["href"] or "").removeprefix("#") for link in page.all("a")} <= targets


def test_it_shows_a_hit_a_miss_and_a_false_alarm(page):
    assert [image["alt"] for image in page.all("img") if "heatmap" in (image["alt"] or "")] == [
        f"{kind} of Effusion, without and with its heatmap" for kind in ("hit", "miss", "false alarm")
    ]
    assert "This file holds radiographs" in page.text


def test_it_says_what_is_too_little_to_tell(page):
    assert "left out, since the CSV never speaks of them: Mass" in page.text
    assert "too few of a kind for a figure" in page.text
    assert [kind for kind in ("sex", "age", "view", "source") if f"By {kind}" in page.text] == [
        "sex",
        "source",
    ]


def test_the_unified_table_gives_the_same_figures_as_a_csv(folder, page, monkeypatch, capsys):
    records = [
        Record(
            dataset="open_i",
            image=f"{index:02}.png",
            patient=f"p{index}",
            study=f"s{index}",
            view=ViewPosition.PA,
            split=Split.TEST if index < 20 else Split.TRAIN,
            labels={"Effusion": State.PRESENT if 0 < index < 13 else State.ABSENT},
        )
        for index in range(24)
    ]
    write(folder / "table.parquet", records)
    monkeypatch.setattr(sys, "argv", [])
    evaluate(folder, folder / "table.parquet")
    found = Page((folder / "table.html").read_text(encoding="utf-8")).text
    # The CSV names two sources; the figure over all pairs is the same.
    over_all_pairs = re.compile(r"Effusion 12 12 0\.875 \(\S+ to \S+\)")
    assert over_all_pairs.findall(found) == over_all_pairs.findall(page.text) != []
    evaluate(folder, folder / "table.parquet", "--split", "test")
    assert "20 images of 20 patients" in capsys.readouterr().out


def test_with_too_few_images_for_any_figure_it_says_so(folder, monkeypatch):
    (folder / "few.csv").write_text("file,Effusion\n00.png,1\n13.png,0\n")
    monkeypatch.setattr(sys, "argv", [])
    found = Page(evaluate(folder, folder / "few.csv").read_text(encoding="utf-8"))
    assert "AUROC within one source, mean of the labels too few" in found.text
    assert "AUROC over all pairs, mean of the labels too few" in found.text
    assert "Means are over the 0 labels" in found.text
