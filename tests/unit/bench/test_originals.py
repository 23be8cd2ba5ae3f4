"""Originals that are the same picture in other bytes."""

import hashlib

import numpy as np
import pytest

from bench.originals import SAMPLES, Pool, distinct, samples
from worker_cnn.decoding import prepare


@pytest.mark.parametrize("name", SAMPLES)
def test_a_distinct_original_is_the_same_picture_in_other_bytes(name):
    (original,) = (one for one in samples() if one.name == name)
    first, second = distinct(original, 1), distinct(original, 2)
    assert len({original.content, first.content, second.content}) == 3
    before = prepare(original.content, name=name, size=32)
    after = prepare(first.content, name=name, size=32)
    assert np.array_equal(before.model_input, after.model_input)
    assert np.array_equal(before.preview, after.preview)


def test_a_pool_never_gives_the_same_bytes_twice():
    pool = Pool(samples())
    taken = pool.take(10, start=0) + pool.take(10, start=10)
    assert len({hashlib.sha256(one.content).digest() for one in taken}) == 20
