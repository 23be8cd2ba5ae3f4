"""Rounds, ratios and how they are printed."""

import pytest

from bench.measure import Options, Spread, alternate, compare
from bench.results import number, spread


def test_a_ratio_is_taken_within_a_round():
    # The machine was twice as slow in the second round, for both sides: the ratio does not see it.
    found = compare([10.0, 5.0], [20.0, 10.0], what="a", reference="b", unit="/s")
    assert found.ratio == Spread(0.5, 0.5, 0.5)
    assert found.ours == Spread(5.0, 7.5, 10.0)
    assert found.theirs == Spread(10.0, 15.0, 20.0)


def test_sides_without_the_same_rounds_cannot_be_compared():
    with pytest.raises(ValueError, match="zip"):
        compare([1.0], [1.0, 2.0], what="a", reference="b", unit="/s")


def test_the_order_of_the_sides_turns_round_each_round():
    seen: list[tuple[str, int]] = []
    alternate(3, lambda n: seen.append(("a", n)), lambda n: seen.append(("b", n)))
    assert seen == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]


def test_a_number_of_studies_that_was_asked_for_wins():
    assert Options(quick=True, studies=7).count(1, 2) == 7
    assert Options(quick=True).count(1, 2) == 1
    assert Options().count(1, 2) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.01234, "0.0123"),
        (0.1234, "0.123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (123.4, "123"),
        (12345.6, "12,346"),
        (-1.234, "-1.23"),
    ],
)
def test_a_figure_keeps_about_three_digits(value, text):
    assert number(value) == text


def test_a_spread_is_three_figures():
    assert spread(Spread(0.5, 1.0, 20.0)) == "0.500  1.00  20.0"
