"""Which images a recipe takes, and what they are taught as."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain.findings import ViewPosition
from training.fitting.inputs import Inputs, read_inputs
from training.impressions import NO_IMPRESSION
from training.recipe import Data, RecipeError
from training.table import Record, Split, read, write

LABELS = ("Atelectasis", "Mass")
VIEWS = tuple(ViewPosition)
COUNT = 64


@pytest.fixture(scope="module")
def read_with(drawn, tmp_path_factory) -> Callable[..., Inputs]:
    """Return what reads the drawn pictures for a recipe's `[data]`; `change` is made to each record."""
    folder = tmp_path_factory.mktemp("inputs")

    def inputs(change: Callable[[int, Record], Record], **data: object) -> Inputs:
        table = folder / "table.parquet"
        records = read(drawn / "table.parquet")[:COUNT]
        write(table, [change(number, one) for number, one in enumerate(records)])
        settings = Data.model_validate({"datasets": ["drawn"], "labels": LABELS, "size": 64} | data)
        return read_inputs(
            settings, [table], drawn, cache=folder / "cache", processes=1, limit=None, look_for_leaks=False
        )

    return inputs


def every_kind(number: int, record: Record) -> Record:
    """Give views in turn; take labels from each second image, the impression from each third, all of some."""
    sections = {} if number % 5 == 4 else {"findings": "Clear."} if number % 3 == 2 else record.sections
    labels = record.labels if number % 2 else {}
    return replace(record, view=VIEWS[number // 8 % 4], labels=labels, sections=sections)


@pytest.fixture(scope="module")
def of_texts(read_with) -> Inputs:
    return read_with(every_kind, texts=True, views=VIEWS, measured_views=["PA", "AP"])


def test_a_recipe_of_texts_learns_from_every_image_with_a_report(of_texts):
    taught, said = of_texts.chosen(Split.TRAIN), of_texts.texts(Split.TRAIN)
    assert {one.view for one in taught} == set(VIEWS)
    assert {bool(one.labels) for one in taught} == {True, False}
    assert all(one.sections for one in taught)
    assert len(taught) == sum(number % 5 != 4 and number % 8 in {0, 3, 4, 6, 7} for number in range(COUNT))
    assert {text == NO_IMPRESSION for text in said} == {True, False}
    assert [text == NO_IMPRESSION for text in said] == ["impression" not in one.sections for one in taught]


def test_it_is_measured_on_labelled_images_of_the_views_that_it_names(of_texts):
    for split in (Split.VALIDATION, Split.TEST):
        measured = of_texts.chosen(split)
        assert measured
        assert {one.view for one in measured} <= {ViewPosition.PA, ViewPosition.AP}
        assert all(one.labels for one in measured)


def test_a_recipe_of_labels_takes_no_image_without_one(read_with):
    inputs = read_with(every_kind, views=["PA"])
    assert all(one.labels and one.view is ViewPosition.PA for one in inputs.records)


def test_reports_without_any_impression_teach_nothing(read_with, of_texts):
    def without(number: int, record: Record) -> Record:
        kind = every_kind(number, record)  # of the very images that `of_texts` has decoded
        return replace(kind, sections={"findings": "Clear."} if kind.sections else {})

    with pytest.raises(RecipeError, match=r"no training image has an impression.*open_i"):
        read_with(without, texts=True, views=VIEWS, measured_views=["PA", "AP"])
