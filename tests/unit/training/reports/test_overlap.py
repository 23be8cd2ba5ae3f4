import math

import pytest

from training.reports.overlap import overlaps, words

REFERENCE = "the heart is enlarged and there is a small effusion"


def test_the_same_words_score_one_whatever_their_marks_and_capitals():
    found = overlaps([REFERENCE.upper() + "."], [REFERENCE])
    assert found.bleu4 == pytest.approx(1.0)
    assert found.rouge_l == pytest.approx(1.0)
    assert found.meteor > 0.999  # its penalty for one chunk is never quite 0


def test_other_words_and_no_words_score_nothing():
    found = overlaps(["lungs clear", ""], [REFERENCE, REFERENCE])
    assert (found.rouge_l, found.meteor) == (0.0, 0.0)
    assert found.bleu4 < 0.01


def test_rouge_is_the_longest_common_subsequence():
    assert overlaps(["one two three four"], ["one three four six"]).rouge_l == pytest.approx(3 / 4)


def test_bleu_is_of_the_set_with_its_penalty_for_short_texts():
    text, reference = "one two three four five", "one two three four five six"
    assert overlaps([text], [reference]).bleu4 == pytest.approx(math.exp(1 - 6 / 5))


def test_meteor_takes_words_of_one_stem_for_the_same_and_synonyms_for_others():
    stem = overlaps(["effusions"], ["effusion"]).meteor
    assert stem == overlaps(["effusion"], ["effusion"]).meteor > 0
    assert overlaps(["heart"], ["cardiac"]).meteor == 0.0


def test_words_are_letters_and_digits():
    assert words("1. T-shaped, 3 cm_wide.") == ["1", "t", "shaped", "3", "cm", "wide"]


def test_no_texts_have_no_figure():
    with pytest.raises(ValueError, match="no texts"):
        overlaps([], [])
