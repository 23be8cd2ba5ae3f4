import os

import pytest

from shared.catalogue import CATALOGUE
from shared.weights import cached, folder_of


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    return tmp_path / "hub"


def _fetched(cache, revision, *, age=0):
    folder = cache / "models--microsoft--rad-dino" / "snapshots" / revision
    folder.mkdir(parents=True)
    config = folder / "config.json"
    config.write_text("{}")
    os.utime(config, (1_000_000 - age, 1_000_000 - age))
    return folder


def test_weights_are_found_in_hugging_face_s_cache_the_latest_first(cache):
    assert cached("microsoft/rad-dino") is None
    _fetched(cache, "old", age=10)
    new = _fetched(cache, "new")
    assert folder_of(CATALOGUE["rad-dino"]) == new


def test_the_cache_is_where_its_own_variables_put_it(cache, tmp_path, monkeypatch):
    elsewhere = _fetched(tmp_path / "elsewhere", "one")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert folder_of(CATALOGUE["rad-dino"]) == elsewhere
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    default = _fetched(tmp_path / "xdg" / "huggingface" / "hub", "two")
    assert folder_of(CATALOGUE["rad-dino"]) == default


def test_a_folder_is_taken_at_its_word_if_it_has_a_configuration(cache, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no config\.json.*hf download microsoft/rad-dino"):
        folder_of(CATALOGUE["rad-dino"], str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    assert folder_of(CATALOGUE["rad-dino"], str(tmp_path)) == tmp_path


def test_absent_weights_are_refused_with_the_commands_that_fetch_them(cache):
    with pytest.raises(FileNotFoundError, match=r"cache.*hf download microsoft/rad-dino"):
        folder_of(CATALOGUE["rad-dino"])


def test_of_gated_weights_the_consent_is_named_first(cache):
    with pytest.raises(
        FileNotFoundError, match=r"accept the terms on .*/microsoft/maira-2, then run .*hf download"
    ):
        folder_of(CATALOGUE["maira-2"])
