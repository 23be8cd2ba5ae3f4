import pytest

from training.reports.labellers import compared, read_by_grammar, readers, share_read
from training.reports.open_i import RealReport


def report(number: int, text: str, **labels: bool) -> RealReport:
    return RealReport(str(number), text, "", (), labels)


REPORTS = [
    *(report(number, "hit", Effusion=True, Nodule=False) for number in range(6)),
    *(report(number, "missed", Effusion=True, Nodule=False) for number in range(6, 8)),
    *(report(number, "false alarm", Effusion=False, Nodule=False) for number in range(8, 12)),
    report(12, "false alarm", Nodule=True),  # of the effusion its terms say nothing
]


def said(text: str) -> frozenset[str]:
    return frozenset() if text == "missed" else frozenset({"Effusion"})


def test_figures_are_of_what_was_affirmed_and_what_is_shown():
    found = compared(REPORTS, said)
    count, figures = found.labels["Effusion"]
    assert count == 8
    assert figures.precision
    assert figures.recall
    assert figures.f1
    assert figures.precision.value == pytest.approx(6 / 10)
    assert figures.recall.value == pytest.approx(6 / 8)
    assert figures.f1.value == pytest.approx(12 / 18, abs=1e-4)
    assert figures.recall.low < 6 / 8 < figures.recall.high


def test_a_label_that_few_reports_show_counts_in_the_micro_figures_alone():
    found = compared(REPORTS, said)
    assert set(found.labels) == {"Effusion"}
    assert found.macro
    assert found.macro.value == pytest.approx(12 / 18, abs=1e-4)
    assert found.micro.recall
    assert found.micro.recall.value == pytest.approx(6 / 9, abs=1e-4)


def test_a_reader_that_affirms_nothing_has_no_precision_and_no_f1_but_zero():
    found = compared(REPORTS, lambda _text: frozenset())
    assert found.micro.precision is None
    assert found.micro.f1
    assert found.micro.f1.value == 0.0


def test_the_grammar_affirms_what_it_can_read_with_or_without_a_hedge():
    text = "Possible pleural effusion. Pneumonia. No pneumothorax. Somehow some fracture there."
    assert read_by_grammar(text) == {"Effusion", "Pneumonia"}
    assert share_read([text, ""]) == pytest.approx(3 / 4)


def test_every_reader_that_is_compared_reads_a_plain_report():
    for reader in readers().values():
        assert reader("There is a pleural effusion. No pneumothorax.") == {"Effusion"}
