"""What is remembered of a batch upload that was killed."""

import json
import os
from dataclasses import replace
from pathlib import Path

from cxr.journal import Beginning, Journal

URL = "http://localhost:8000"
BEGINNING = Beginning(
    batch="batch-1",
    archive="/archive",
    url=URL,
    study_per_folder=True,
    priority="archive",
    language=None,
    at="2026-01-02T03:04:05+00:00",
)


def opened(folder: Path) -> Journal:
    return Journal.of(folder, archive=folder, url=URL)


def begun(folder: Path) -> Journal:
    journal = opened(folder)
    journal.begin(BEGINNING)
    return journal


def the_file(folder: Path) -> Path:
    (file,) = folder.glob("*.ndjson")
    return file


def test_a_new_journal_knows_no_batch(tmp_path):
    assert opened(tmp_path).beginning is None


def test_a_journal_read_again_knows_how_it_was_begun_and_what_was_sent(tmp_path):
    journal = begun(tmp_path)
    journal.note_taken("a", "a@1", study_id="s1")
    journal.note_refused("b", "b@2", "too large")
    journal.note_split("c", "c@3", 2)

    again = opened(tmp_path)

    assert again.beginning == BEGINNING
    assert [again.has(key) for key in ("a@1", "b@2", "c@3", "d@4")] == [True, True, True, False]
    assert (again.refused, again.split) == ({"b": "too large"}, {"c": 2})


def test_a_line_that_was_cut_short_is_sent_again_and_spoils_no_other(tmp_path):
    begun(tmp_path).note_taken("a", "a@1", study_id="s1")
    with the_file(tmp_path).open("ab") as file:
        file.write(b'[]\n\xff\xfe\n{"path": "x"}\n{"item": "b@')

    opened(tmp_path).note_taken("c", "c@3", study_id="s3")
    again = opened(tmp_path)

    assert [again.has(key) for key in ("a@1", "c@3", "b@2")] == [True, True, False]


def test_an_item_that_was_taken_at_last_is_refused_and_left_out_no_more(tmp_path):
    journal = begun(tmp_path)
    journal.note_refused("a", "a@1", "not an image")
    journal.note_left_out("b", "cannot be read: bad disk")
    assert (journal.refused, journal.left_out) == ({"a": "not an image"}, {"b": "cannot be read: bad disk"})

    journal.note_taken("a", "a@2", study_id="s1")
    journal.note_taken("b", "b@3", study_id="s2")

    assert journal.refused == opened(tmp_path).refused == {}
    assert journal.left_out == {}


def test_what_was_left_out_is_written_down_and_tried_again_by_the_next_run(tmp_path):
    begun(tmp_path).note_left_out(os.fsdecode(b"b-\xfc"), "cannot be read: bad disk")

    lines = [json.loads(line) for line in the_file(tmp_path).read_text().splitlines()]
    assert lines[1] == {"path": r"b-\xfc", "left_out": "cannot be read: bad disk"}
    assert opened(tmp_path).left_out == {}


def test_an_archive_whose_name_is_not_utf_8_has_a_journal(tmp_path):
    archive = tmp_path / os.fsdecode(b"archiv-\xfc")

    Journal.of(tmp_path, archive=archive, url=URL).begin(replace(BEGINNING, archive=str(archive)))

    beginning = Journal.of(tmp_path, archive=archive, url=URL).beginning
    assert beginning
    assert beginning.archive == str(archive)


def test_another_server_has_another_journal(tmp_path):
    begun(tmp_path)

    assert Journal.of(tmp_path, archive=tmp_path, url="http://elsewhere").beginning is None


def test_a_new_beginning_forgets_the_last_batch(tmp_path):
    journal = begun(tmp_path)
    journal.note_taken("a", "a@1", study_id="s1")
    journal.begin(replace(BEGINNING, batch="batch-2"))

    again = opened(tmp_path)

    assert again.beginning
    assert again.beginning.batch == "batch-2"
    assert not again.has("a@1")


def test_another_version_s_journal_is_told_from_ours(tmp_path):
    for head in ({}, {"journal": 3, "more": 1}):
        begun(tmp_path)
        the_file(tmp_path).write_text(json.dumps({**head, "batch": "b", "archive": "/a", "url": URL}) + "\n")
        journal = opened(tmp_path)
        assert (journal.beginning, journal.of_another_version) == (None, "b")
