import hashlib

from training.writer.evaluate import held_out_requests


def test_the_held_out_sets_are_those_of_the_published_figure():
    requests = held_out_requests(100)
    text = repr([(one.language, sorted(one.certainties().items())) for one in requests])
    assert hashlib.sha256(text.encode()).hexdigest().startswith("9c18005ac5d4f0d6")
    assert all(one.detected() for one in requests)
