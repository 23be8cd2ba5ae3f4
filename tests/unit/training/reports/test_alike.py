from collections import Counter
from itertools import compress

import pytest

from tests.support.made_up_reports import made_up_table
from training.reports.alike import groups, held_out
from training.reports.open_i import read_reports

ONE = "the heart is normal in size and the lungs are clear without effusion or pneumothorax"


def test_texts_that_share_half_of_their_runs_of_words_are_alike():
    other = ONE.replace("pneumothorax", "mass")
    far = "a large mass fills the right upper lobe and the trachea is shifted to the left"
    owner = groups([ONE, far, other, ONE.upper() + "."])
    assert owner[0] == owner[2] == owner[3] != owner[1]


def test_what_is_alike_by_links_is_one_group():
    words = ONE.split()
    chain = [" ".join(words[start : start + 9]) for start in range(0, 6, 2)]
    owner = groups(chain)
    assert len(set(owner)) == 1
    assert groups([chain[0], chain[2]])[0] != groups([chain[0], chain[2]])[1]


def test_short_texts_are_compared_by_what_they_have():
    owner = groups(["clear.", "Clear", "opaque", "", "."])
    assert owner[0] == owner[1] != owner[2]
    assert owner[3] == owner[4]


def test_copies_are_held_out_together(tmp_path):
    reports = read_reports(made_up_table(tmp_path, times=30))
    out = held_out(reports)
    sides = {(report.text, side) for report, side in zip(reports, out, strict=True)}
    assert len(sides) == 5


@pytest.mark.real_data
def test_no_real_report_that_is_held_out_has_a_near_copy_that_is_not(test_data, tmp_path):
    reports = read_reports(test_data or made_up_table(tmp_path, times=100))
    out = held_out(reports)
    learnt = {_bare(report.text) for report, side in zip(reports, out, strict=True) if not side}
    kept = [report.text for report in compress(reports, out)]
    assert 0.05 < len(kept) / len(reports) < 0.6
    assert not learnt & {_bare(text) for text in kept}
    owner = groups([report.text for report in reports])
    sides = Counter((int(group), side) for group, side in zip(owner, out, strict=True))
    assert not {group for group, side in sides if side} & {group for group, side in sides if not side}


def _bare(text: str) -> tuple[str, ...]:
    return tuple("".join(letter for letter in word if letter.isalnum()) for word in text.lower().split())
