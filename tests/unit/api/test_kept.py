"""What is kept of a study is found until it changes, and never what was read before a change."""

from api.kept import Kept, KeptStudies
from shared.domain.studies import DEFAULT_TENANT, StudyId, StudyStatus, new_id

ONE, OTHER = StudyId(new_id()), StudyId(new_id())


def a_kept(study_id: StudyId = ONE, body: bytes = b"{}", status: StudyStatus = StudyStatus.COMPLETED) -> Kept:
    return Kept(study_id, DEFAULT_TENANT, status, '"1"', body)


def kept_by(studies: KeptStudies, *those: Kept) -> KeptStudies:
    for kept in those:
        studies.keep(studies.ask(kept.id), kept)
    return studies


def test_it_is_found_until_it_changes():
    studies = kept_by(KeptStudies(hears=lambda: True), a_kept(), a_kept(OTHER))
    assert studies.find(ONE) == a_kept()
    studies.forget(ONE)
    assert studies.find(ONE) is None
    assert studies.find(OTHER) == a_kept(OTHER)
    studies.forget_all()
    assert studies.find(OTHER) is None


def test_nothing_is_found_while_a_change_might_not_be_heard_of():
    hears = True
    studies = kept_by(KeptStudies(hears=lambda: hears), a_kept())
    hears = False
    assert studies.find(ONE) is None


def test_what_was_asked_for_before_a_change_is_not_kept():
    studies = KeptStudies(hears=lambda: True)
    before, elsewhere = studies.ask(ONE), studies.ask(OTHER)
    studies.forget(ONE)
    after = studies.ask(ONE)
    studies.keep(before, a_kept(body=b"old"))
    assert studies.find(ONE) is None
    studies.keep(after, a_kept(body=b"new"))
    studies.keep(before, a_kept(body=b"old"))
    studies.keep(elsewhere, a_kept(OTHER))
    found = studies.find(ONE)
    assert found is not None
    assert found.body == b"new"
    assert studies.find(OTHER) is not None
    again = studies.ask(OTHER)
    studies.forget_all()
    studies.keep(again, a_kept(OTHER))
    assert studies.find(OTHER) is None


def test_an_open_study_is_not_kept():
    assert kept_by(KeptStudies(hears=lambda: True), a_kept(status=StudyStatus.OPEN)).find(ONE) is None


def test_what_was_asked_for_longest_ago_goes_first_when_there_is_no_room():
    ids = [StudyId(new_id()) for _ in range(4)]
    studies = KeptStudies(hears=lambda: True, most_bytes=30)
    kept_by(studies, *(a_kept(study_id, b"x" * 10) for study_id in ids[:3]))
    assert studies.find(ids[0]) is not None
    kept_by(studies, a_kept(ids[3], b"x" * 10))
    assert [studies.find(study_id) is not None for study_id in ids] == [True, False, True, True]
    kept_by(studies, a_kept(ids[1], b"x" * 31))
    assert studies.find(ids[1]) is None
