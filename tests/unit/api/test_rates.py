"""Rates: who is refused, for how long, and that nobody is remembered for ever."""

import pytest

from api.problems import ProblemError
from api.rates import Rate, address_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("api.rates.time.monotonic", lambda: now[0])
    return now


def test_who_has_had_all_of_theirs_waits_for_the_next_window(clock: list[float]):
    rate = Rate(2, seconds=10, what="requests")
    rate.count("a")
    clock[0] += 4
    rate.count("a")
    with pytest.raises(ProblemError) as caught:
        rate.count("a")
    assert (caught.value.status_code, caught.value.headers) == (429, {"Retry-After": "6"})
    rate.count("b")
    clock[0] += 6
    rate.count("a")


def test_a_refusal_is_not_counted(clock: list[float]):
    rate = Rate(1, seconds=10, what="requests")
    for _ in range(3):
        rate.check("a")
    rate.count("a")


def test_zero_is_any_number():
    rate = Rate(0, seconds=10, what="requests")
    for _ in range(1000):
        rate.count("a")


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (("nonsense:", 1), "nonsense:"),
        (None, ""),
    ],
)
def test_the_addresses_of_one_site_are_one(client: tuple[str, int] | None, address: str):
    assert address_of(client) == address
