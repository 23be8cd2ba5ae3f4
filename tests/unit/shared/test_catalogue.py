"""The catalogue of models that see: every model of the thesis, and how much memory each is said to need."""

import math

import pytest

from shared.catalogue import CATALOGUE, Entry, Runs, Work, writers

_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
_OF_ONE_STUDY = {Work.REPORT: 2.0, Work.EMBEDDING: 0.5}
"""GB, as the head of catalogue.toml says."""


def test_the_models_of_the_thesis_are_all_there():
    named = {
        *("llava-onevision", "llava-med", "radialog", "chexagent", "maira-2", "radvlm", "medgemma"),
        *("rad-dino", "cxrreportgen", "medimageinsight"),
    }
    assert named <= CATALOGUE.keys()
    assert set(writers()) == {entry.name for entry in CATALOGUE.values() if entry.work is Work.REPORT}


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_an_entry_says_what_an_operator_has_to_know(entry: Entry):
    assert entry.licence
    assert entry.terms.endswith(".")
    assert "frontal" in entry.sees
    assert set(entry.sees) <= {"frontal", "lateral", "prior"}
    assert "Not tried" in entry.tried
    turned_on = {
        Work.REPORT: f"cxr models use --writer {entry.name}",
        Work.EMBEDDING: "CXR_MODEL_ENCODER=",
        Work.FINDINGS: f"cxr models use {entry.name} --server-url ",
    }
    assert entry.steps[-1].startswith(turned_on[entry.work])
    fetched = any(step.startswith(f"hf download {entry.weights}") for step in entry.steps)
    assert fetched == (entry.runs is not Runs.AZURE)
    assert entry.gated == (entry.steps[0] == "hf auth login")


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_the_memory_is_what_the_rule_in_its_file_gives(entry: Entry):
    if entry.runs is Runs.AZURE:
        assert (entry.memory_gb, entry.loaded_as) == (0, "")
        return
    billions, unit = entry.parameters.split()
    weights = float(billions) * _BYTES[entry.loaded_as]
    assert unit == "B"
    assert entry.memory_gb == math.ceil(weights + _OF_ONE_STUDY[entry.work])
