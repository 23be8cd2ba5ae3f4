"""What is remembered of a batch upload that was killed."""

import os
from pathlib import Path

from cxr.journal import Journal

URL = "http://localhost:8000"


def _begun(folder: Path) -> Journal:
    journal = Journal.of(folder, archive=folder, url=URL)
    journal.begin("batch-1", archive=folder, url=URL)
    return journal


def test_a_new_journal_knows_no_batch(tmp_path):
    assert Journal.of(tmp_path, archive=tmp_path, url=URL).batch_id is None


def test_a_journal_read_again_knows_what_was_sent(tmp_path):
    journal = _begun(tmp_path)
    journal.note("a@1", study_id="s1")
    journal.note("b@2", refused="too large")

    again = Journal.of(tmp_path, archive=tmp_path, url=URL)

    assert again.batch_id == "batch-1"
    assert again.has("a@1")
    assert again.has("b@2")
    assert not again.has("c@3")
    assert again.refused == {"b": "too large"}


def test_a_line_that_was_cut_short_is_sent_again_and_spoils_no_other(tmp_path):
    journal = _begun(tmp_path)
    journal.note("a@1", study_id="s1")
    (file,) = tmp_path.glob("*.ndjson")
    file.write_text(file.read_text() + '{"item": "b@')

    Journal.of(tmp_path, archive=tmp_path, url=URL).note("c@3", study_id="s3")
    again = Journal.of(tmp_path, archive=tmp_path, url=URL)

    assert again.has("a@1")
    assert again.has("c@3")
    assert not again.has("b@2")


def test_an_item_that_was_taken_at_last_is_refused_no_more(tmp_path):
    journal = _begun(tmp_path)
    journal.note("a@1", refused="not an image")
    journal.note_unread("b@", "cannot be read: bad disk")
    assert journal.refused == {"a": "not an image", "b": "cannot be read: bad disk"}

    journal.note("a@2", study_id="s1")
    journal.note("b@3", study_id="s2")

    assert journal.refused == Journal.of(tmp_path, archive=tmp_path, url=URL).refused == {}


def test_what_could_not_be_read_is_forgotten_by_the_next_run(tmp_path):
    _begun(tmp_path).note_unread("b@", "cannot be read: bad disk")

    assert Journal.of(tmp_path, archive=tmp_path, url=URL).refused == {}


def test_an_archive_whose_name_is_not_utf_8_has_a_journal(tmp_path):
    archive = tmp_path / os.fsdecode(b"archiv-\xfc")

    Journal.of(tmp_path, archive=archive, url=URL).begin("batch-1", archive=archive, url=URL)

    assert Journal.of(tmp_path, archive=archive, url=URL).batch_id == "batch-1"


def test_another_server_has_another_journal(tmp_path):
    _begun(tmp_path)

    assert Journal.of(tmp_path, archive=tmp_path, url="http://elsewhere").batch_id is None


def test_a_new_beginning_forgets_the_last_batch(tmp_path):
    journal = _begun(tmp_path)
    journal.note("a@1", study_id="s1")
    journal.begin("batch-2", archive=tmp_path, url=URL)

    again = Journal.of(tmp_path, archive=tmp_path, url=URL)

    assert again.batch_id == "batch-2"
    assert not again.has("a@1")
