"""The versions of a report: which is in force, and what persons did to it."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from shared.domain.reports import (
    STATUS_AFTER,
    Act,
    AiMark,
    IllegalActError,
    Person,
    ReportStatus,
    WriterVersion,
    acts_on,
    status_after,
)
from shared.domain.versions import History, Version, in_force

WRITER, ADA = WriterVersion("template", "1"), Person("Dr. Ada Roe")
BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


def versions(*steps: tuple[Act, int | None]) -> list[Version]:
    """Build what each act makes of the version that it names."""
    made: list[Version] = []
    for number, (act, made_from) in enumerate(steps, 1):
        before = made[made_from - 1].status if made_from else None
        made.append(
            Version(
                version=number,
                act=act,
                status=status_after(before, act) if before else ReportStatus.PRELIMINARY,
                made_from=made_from,
                author=ADA if made_from else WRITER,
                created_at=BEGAN + timedelta(minutes=number),
                reason="Seen again." if act is Act.AMENDED else None,
                addendum="Told the ward." if act is Act.ADDENDUM else None,
            )
        )
    return made


@pytest.mark.parametrize(("status", "act"), list(product(ReportStatus, Act)))
def test_what_the_table_does_not_list_is_refused(status: ReportStatus, act: Act):
    assert (act in acts_on(status)) is ((status, act) in STATUS_AFTER)
    if act in acts_on(status):
        assert status_after(status, act) is STATUS_AFTER[status, act]
    else:
        with pytest.raises(IllegalActError, match=status.value):
            status_after(status, act)


def test_nothing_leads_out_of_what_was_withdrawn_and_no_person_writes_as_a_writer():
    assert acts_on(ReportStatus.ENTERED_IN_ERROR) == ()
    assert not any(act is Act.WRITTEN for _, act in STATUS_AFTER)
    assert all(Act.ENTERED_IN_ERROR in acts_on(status) for status in list(ReportStatus)[:-1])


WRITTEN = (Act.WRITTEN, None)


@pytest.mark.parametrize(
    ("steps", "force", "newer"),
    [
        ([WRITTEN], 1, None),
        ([WRITTEN, (Act.EDITED, 1)], 2, None),
        ([WRITTEN, (Act.EDITED, 1), WRITTEN], 3, None),
        ([WRITTEN, (Act.SIGNED, 1), WRITTEN, WRITTEN], 2, 4),
        ([WRITTEN, (Act.SIGNED, 1), WRITTEN, (Act.AMENDED, 2)], 4, None),
        ([WRITTEN, (Act.ENTERED_IN_ERROR, 1), WRITTEN], 2, 3),
    ],
)
def test_a_writer_displaces_nothing_that_a_person_signed(
    steps: list[tuple[Act, int | None]], force: int, newer: int | None
):
    made = versions(*steps)
    standing = in_force(made)
    assert standing is not None
    assert standing.version == force
    history = History(made, force)
    assert (history.newer_reading, history.superseded_by) == (newer, None)
    for version in made:
        if version.version != force:
            other = History(made, version.version)
            assert (other.newer_reading, other.superseded_by) == (None, force)


def test_there_is_none_in_force_where_there_is_none():
    assert in_force([]) is None


def test_what_persons_did_is_told_in_order_along_what_was_made_of_what():
    made = versions(WRITTEN, (Act.EDITED, 1), (Act.SIGNED, 2), WRITTEN, (Act.ADDENDUM, 3), (Act.AMENDED, 5))
    history = History(made, 6)
    assert [step.version for step in history.chain] == [1, 2, 3, 5, 6]
    told = [(one.act, one.name, one.version, one.reason) for one in history.attestations]
    assert told == [
        (Act.SIGNED, ADA.name, 3, None),
        (Act.ADDENDUM, ADA.name, 5, None),
        (Act.AMENDED, ADA.name, 6, "Seen again."),
    ]
    assert [(one.text, one.author, one.version) for one in history.addenda] == [
        ("Told the ward.", ADA.name, 5)
    ]
    assert History(made, 2).attestations == []
    assert (history.drafted_by, History(made, 2).drafted_by, History(made, 4).drafted_by) == (
        WRITER,
        WRITER,
        None,
    )


@pytest.mark.parametrize(
    ("steps", "mark"),
    [
        ([WRITTEN, (Act.EDITED, 1)], AiMark.WRITTEN),
        ([WRITTEN, (Act.SIGNED, 1)], AiMark.REVIEWED),
        ([WRITTEN, (Act.SIGNED, 1), (Act.ENTERED_IN_ERROR, 2)], AiMark.REVIEWED),
        ([WRITTEN, (Act.ENTERED_IN_ERROR, 1)], AiMark.WRITTEN),
    ],
)
def test_only_a_signature_says_that_a_person_reviewed_it(steps: list[tuple[Act, int | None]], mark: AiMark):
    assert History(versions(*steps), len(steps)).ai_mark is mark
