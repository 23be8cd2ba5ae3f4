import json

from worker_llm.vision.engine import version_of


def test_weights_are_known_by_the_revision_that_was_fetched(tmp_path):
    revision = "795a2b1cd4a310624b4e3d14b5a23e41fd273deb"
    (tmp_path / revision).mkdir()
    assert version_of("maira-2", tmp_path / revision).version == revision[:12]
    (tmp_path / "link").symlink_to(tmp_path / revision)
    assert version_of("maira-2", tmp_path / "link").version == revision[:12]


def test_converted_weights_are_known_by_their_digest_and_others_not_at_all(tmp_path):
    assert version_of("llava-med", tmp_path).version == "unknown"
    (tmp_path / "conversion.json").write_text(json.dumps({"digest": "ab" * 32}))
    assert version_of("llava-med", tmp_path).version == "abababababab"
