"""What a study and a tenant may use of the processor."""

import uuid
from datetime import timedelta

import pytest

from shared.domain.studies import Priority, StudyId, TenantId
from shared.errors import TooLargeError, TryAgainError
from worker_cnn.budgets import Account, Accounts, StudyBudget

FILE = timedelta(seconds=30)
HEAVY, HONEST, OTHER = (TenantId(uuid.uuid4()) for _ in range(3))
EVIL = Account(HEAVY, Priority.ARCHIVE)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(clock: Clock) -> Accounts:
    return Accounts(FILE, clock=clock)


def a_study_id() -> StudyId:
    return StudyId(uuid.uuid4())


def test_a_study_that_has_used_up_its_budget_is_refused_with_the_file_and_what_to_do():
    budget = StudyBudget(timedelta(seconds=50), FILE)
    assert budget.of_next_file == FILE
    budget.charge(30)
    budget.check("a.jpg")
    assert budget.of_next_file == timedelta(seconds=20)
    budget.charge(20)
    with pytest.raises(TooLargeError, match="more than 50 s of processor time") as caught:
        budget.check("b.jpg")
    assert caught.value.file == "b.jpg"


def test_one_file_that_uses_its_budget_up_holds_back_all_but_one_study_of_its_account(accounts: Accounts):
    first, second = a_study_id(), a_study_id()
    with accounts.working(EVIL, first), accounts.working(EVIL, second):
        accounts.check(EVIL, second)
        accounts.charge(EVIL, 30)
        accounts.check(EVIL, first)
        with pytest.raises(TryAgainError, match="one at a time"):
            accounts.check(EVIL, second)
        assert accounts.is_burdened(EVIL)
        assert accounts.held_back(Priority.ARCHIVE) == {HEAVY}
    assert accounts.held_back(Priority.ARCHIVE) == frozenset()


def test_an_account_is_one_tenant_and_one_priority(accounts: Accounts):
    with accounts.working(EVIL, a_study_id()):
        accounts.charge(EVIL, 30)
        assert accounts.held_back(Priority.URGENT) == frozenset()
    assert not accounts.is_burdened(Account(HEAVY, Priority.URGENT))
    assert not accounts.is_burdened(Account(HONEST, Priority.ARCHIVE))


def test_ordinary_files_burden_nobody_however_many_there_are(accounts: Accounts):
    for _ in range(10_000):
        accounts.charge(EVIL, 4.9)
    assert not accounts.is_burdened(EVIL)


def test_a_burden_is_forgotten_in_time(accounts: Accounts, clock: Clock):
    for _ in range(4):
        accounts.charge(EVIL, 30)
    clock.now = 600
    assert accounts.is_burdened(EVIL)
    clock.now = 3600
    assert not accounts.is_burdened(EVIL)
    with accounts.working(EVIL, a_study_id()):
        assert set(accounts._balances) == {EVIL}
    with accounts.working(Account(OTHER, Priority.URGENT), a_study_id()):
        assert EVIL not in accounts._balances
