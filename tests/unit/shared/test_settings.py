"""Settings come from the environment, and in a container from files as well."""

import pytest

from shared.settings import DatabaseSettings, QueueSettings


def test_a_file_stands_in_for_a_variable_that_is_not_set(tmp_path):
    (tmp_path / "CXR_QUEUE_URL").write_text("redis://:secret@broker:6379/0")
    settings = QueueSettings(_secrets_dir=tmp_path)
    assert settings.url.get_secret_value() == "redis://:secret@broker:6379/0"


def test_the_variable_wins_over_the_file(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "CXR_DATABASE_URL").write_text("postgresql+psycopg2://file")
    monkeypatch.setenv("CXR_DATABASE_URL", "postgresql+psycopg2://variable")
    settings = DatabaseSettings(_secrets_dir=tmp_path)
    assert settings.url.get_secret_value() == "postgresql+psycopg2://variable"
