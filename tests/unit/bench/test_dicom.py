"""What is sent to both sides, and in which turns; the figures themselves are the benchmark's."""

from collections import Counter
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from bench.dicom import Case, Side
from bench.instances import instances
from shared.intake.files import SentFile, check, limits_of
from shared.settings import ApiSettings


def test_instances_are_radiographs_two_a_study_and_none_twice():
    contents = list(instances(4, side=32))
    checked = [check([SentFile("i.dcm", BytesIO(content))], limits_of(ApiSettings())) for content in contents]
    assert [one.refusal for one in checked] == [None] * 4
    headers = [dcmread(BytesIO(content)) for content in contents]
    assert len({header.SOPInstanceUID for header in headers}) == 4
    assert sorted(Counter(header.StudyInstanceUID for header in headers).values()) == [2, 2]
    assert contents[0] not in list(instances(4, side=32))


def test_both_sides_get_the_same_new_files_in_turns_and_a_study_on_one_connection():
    sent: list[tuple[str, frozenset[str]]] = []

    def sender(name: str) -> Side:
        def send(folder: Path) -> None:
            headers = [dcmread(file) for file in sorted(folder.iterdir())]
            assert set(Counter(header.StudyInstanceUID for header in headers).values()) == {2}
            sent.append((name, frozenset(header.SOPInstanceUID for header in headers)))

        return Side(send, lambda: {"part": 0.0})

    case = Case("C-STORE", 16, 2, 8, sender("ours"), sender("theirs"))
    for number in range(2):
        case.round(number)

    assert [name for name, _ in sent] == [*["ours"] * 2, *["theirs"] * 4, *["ours"] * 2]
    rounds = [sent[:4], sent[4:]]
    uids = [
        {name: set().union(*(of for who, of in one if who == name)) for name in ("ours", "theirs")}
        for one in rounds
    ]
    assert all(one["ours"] == one["theirs"] and len(one["ours"]) == 8 for one in uids)
    assert uids[0]["ours"].isdisjoint(uids[1]["ours"])
    assert (len(case.ours.rates), case.theirs.cpu) == (2, [{"part": 0.0}] * 2)
