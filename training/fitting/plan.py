"""A recipe as a list of jobs, each of which fits one network.

plain        member-1
ensemble     member-1, member-2, …
second       member-1, member-1-second, …: the second goes on from the first, and is what counts
self_trained teacher, and then the others, whose uncertain labels are what the teacher says
relabel      first-1, first-2, …, and then member-1, …, taught with the mean of what the first say
"""

from collections.abc import Iterator
from dataclasses import dataclass

from training.recipe import Data, Policy, Recipe
from training.stages import Loss, Optimizer, Run, Schedule


@dataclass(frozen=True, slots=True)
class Job:
    """One network to fit.

    Attributes:
        name: of its folder below RUN_DIR.
        number: makes its seed another one than that of every other job.
        data: of the recipe, with the policies that this job follows.
        goes_on_from: name of the job whose weights it starts from; None starts as the recipe says.
        reset_head: whether the head is made anew then.
        soft: names of the jobs whose mean probability is what self_trained takes for uncertain labels.
        relabel: names of those whose mean probability replaces all labels that are known.
        last: whether it is a member of what comes out.
    """

    name: str
    number: int
    data: Data
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    run: Run
    goes_on_from: str | None = None
    reset_head: bool = False
    soft: tuple[str, ...] = ()
    relabel: tuple[str, ...] = ()
    last: bool = False


def jobs_of(recipe: Recipe) -> list[Job]:
    """Return a recipe's jobs, in their order."""
    jobs: list[Job] = []
    soft: tuple[str, ...] = ()
    if Policy.SELF_TRAINED in {recipe.data.policy, *recipe.data.policies.values()}:
        jobs += _stages(recipe, "teacher", len(jobs), _without_self_training(recipe.data))
        soft = (jobs[-1].name,)
    members = range(1, recipe.ensemble.members + 1)
    relabel: tuple[str, ...] = ()
    if recipe.ensemble.relabel:
        for member in members:
            jobs += _stages(recipe, f"first-{member}", len(jobs), recipe.data, soft=soft)
            relabel = (*relabel, jobs[-1].name)
    for member in members:
        jobs += _stages(
            recipe, f"member-{member}", len(jobs), recipe.data, soft=soft, relabel=relabel, last=True
        )
    return jobs


def _stages(
    recipe: Recipe,
    name: str,
    number: int,
    data: Data,
    *,
    soft: tuple[str, ...] = (),
    relabel: tuple[str, ...] = (),
    last: bool = False,
) -> Iterator[Job]:
    first = recipe.loss, recipe.optimizer, recipe.schedule, recipe.run
    second = recipe.second
    alone = second is None
    yield Job(name, number, data, *first, soft=soft, relabel=relabel, last=last and alone)
    if second is not None:
        yield Job(
            f"{name}-second",
            number + 1,
            data,
            second.loss,
            second.optimizer,
            second.schedule,
            second.run,
            goes_on_from=name,
            reset_head=second.reset_head,
            soft=soft,
            relabel=relabel,
            last=last,
        )


def _without_self_training(data: Data) -> Data:
    def other(policy: Policy) -> Policy:
        return Policy.IGNORE if policy is Policy.SELF_TRAINED else policy

    policies = {label: other(policy) for label, policy in data.policies.items()}
    return data.model_copy(update={"policy": other(data.policy), "policies": policies})
