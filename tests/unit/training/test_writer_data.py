import hashlib

from shared.domain import FindingStatus, Language
from training.writer.evaluate import held_out_requests


def test_the_held_out_sets_are_those_of_the_published_figure():
    requests = held_out_requests(500)
    text = repr([(one.language, sorted(one.statuses().items())) for one in requests])
    assert hashlib.sha256(text.encode()).hexdigest().startswith("032efa14b2ae8c2a")
    normal = [one.language for one in requests if not any(_abnormal(one))]
    assert {language: normal.count(language) for language in Language} == dict.fromkeys(Language, 3)


def _abnormal(request):
    return [status is not FindingStatus.ABSENT for status in request.statuses().values()]
