"""Thousands of damaged DICOM files: each is read, or refused by name with a reason, in bounded memory."""

import gc
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO

from shared.dicom.checks import check_header
from shared.errors import BadInputError
from tests.support.mutations import mutant, mutants
from worker_cnn.children import ChildPool, Terms
from worker_cnn.decoding import DecoderPool

_AT_THE_DOOR = 10_000
_AT_ONCE = 200
_DECODED = 500
_ROOM = 128 * 1024**2


def test_the_door_reads_or_refuses_ten_thousand_damaged_files():
    outcomes: Counter[str] = Counter()
    pool = ChildPool(workers=2, set_up=gc.collect)
    # A hang, a crash or hunger ends the child, and its error ends the test.
    terms = Terms(timedelta(seconds=60), memory_bytes=_ROOM)
    try:
        with ThreadPoolExecutor(2) as threads:
            groups = threads.map(
                lambda first: pool.call(_at_the_door, first, file=f"from {first}", terms=terms),
                range(0, _AT_THE_DOOR, _AT_ONCE),
            )
            outcomes.update(outcome for group in groups for outcome in group)
    finally:
        pool.stop()
    assert outcomes.total() == _AT_THE_DOOR
    # The damage is of all degrees: some files are as good as whole, the others broken in different ways.
    assert min(outcomes["read"], outcomes["BrokenImageError"]) > _AT_THE_DOOR / 10, outcomes
    assert {
        "UnsupportedImageError",
        "ForeignObjectError",
        "NotAnImageError",
        "TooLargeError",
    } <= outcomes.keys()


def _at_the_door(first: int) -> list[str]:
    return [_outcome(number) for number in range(first, first + _AT_ONCE)]


def _outcome(number: int) -> str:
    file = mutant(number)
    with warnings.catch_warnings(record=True) as said:  # pydicom's quote values, which are the patient's
        warnings.simplefilter("always")
        refused: BadInputError | None = None
        try:
            check_header(BytesIO(file.content), name=file.name, max_pixels=100_000_000)
        except BadInputError as error:
            refused = error
    assert not said, f"{file.name}: {said[0].message}"
    return "read" if refused is None else _reason(refused, file.name)


def _reason(refused: BadInputError, name: str) -> str:
    assert refused.file == name
    assert refused.detail, name
    assert "crashed" not in refused.detail, name
    assert "did not end" not in refused.detail, name
    return type(refused).__name__


def test_the_decoder_shows_or_refuses_damaged_files_and_none_takes_it_along():
    with DecoderPool(workers=1, room=4 * _ROOM) as pool, ThreadPoolExecutor(2) as threads:

        def outcome(number: int) -> str:
            file = mutant(number)
            try:
                shown = pool.prepare(lambda: file.content, name=file.name, size=64)
            except BadInputError as refused:
                return _reason(refused, file.name)
            assert shown.preview.size == shown.rows * shown.columns
            return "shown"

        outcomes = Counter(threads.map(outcome, range(_DECODED)))
    assert outcomes.total() == _DECODED
    assert min(outcomes["shown"], outcomes["BrokenImageError"]) > _DECODED / 10, outcomes


def test_a_damaged_file_is_the_same_every_time():
    some = list(mutants(50, first=700))
    assert some[7] == mutant(707)
    assert len({file.content for file in some}) == len(some)
