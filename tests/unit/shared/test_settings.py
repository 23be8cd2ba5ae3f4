"""Settings come from the environment, and in a container from files as well."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.settings import CriticalSettings, DatabaseSettings, QueueSettings


def test_a_file_stands_in_for_a_variable_that_is_not_set(tmp_path):
    (tmp_path / "CXR_QUEUE_URL").write_text("redis://:secret@broker:6379/0")
    settings = QueueSettings(_secrets_dir=tmp_path)
    assert settings.url.get_secret_value() == "redis://:secret@broker:6379/0"


def test_the_variable_wins_over_the_file(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "CXR_DATABASE_URL").write_text("postgresql+psycopg2://file")
    monkeypatch.setenv("CXR_DATABASE_URL", "postgresql+psycopg2://variable")
    settings = DatabaseSettings(_secrets_dir=tmp_path)
    assert settings.url.get_secret_value() == "postgresql+psycopg2://variable"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20", 20), ("110", 110), ("0.5", 0.5), ("PT20S", 20), ("PT5M", 300), ("00:01:00", 60)],
)
def test_a_time_is_seconds_or_iso_8601(text: str, seconds: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXR_QUEUE_LEASE", text)
    assert QueueSettings().lease == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["20s", "-1", "soon", "", "1e400"])
def test_what_is_no_time_is_refused(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXR_QUEUE_LEASE", text)
    with pytest.raises(ValidationError, match="lease"):
        QueueSettings()


@pytest.mark.parametrize(
    ("set_to", "expected"),
    [
        (None, ("Pneumothorax",)),
        ("", ()),
        (" , ", ()),
        ("Pneumothorax, Fracture,Pneumothorax", ("Pneumothorax", "Fracture")),
    ],
)
def test_critical_findings_are_labels_with_commas_between(
    set_to: str | None, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    if set_to is not None:
        monkeypatch.setenv("CXR_CRITICAL_FINDINGS", set_to)
    assert CriticalSettings().findings == expected


@pytest.mark.parametrize("unknown", ["Pneumothorx", "pneumothorax", "No_Finding"])
def test_a_critical_finding_that_nobody_knows_is_refused_with_those_there_are(
    unknown: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CXR_CRITICAL_FINDINGS", f"Fracture,{unknown}")
    with pytest.raises(ValidationError, match=f"names {unknown}, which no classifier.*Atelectasis"):
        CriticalSettings()
