"""Studies a second through the whole line, and where the CPU goes.

Ours: POST to COMPLETED over the real API, Postgres, broker, S3 server, worker-cnn and worker-llm with the
template writer. References, on the same cores in the same run, with the same pictures in other bytes:

- the bare loop in one process: prepare, model (all cores), analyse, template, one study after the other;
- the bare loop in one process a core: the most that these cores can do.

CPU a study outside decode and model is the CPU of all processes of the stack, less what decode and model
used in the bare loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from rich.progress import Progress

from bench.drive import WIDTH, Drive, drive
from bench.loop import STEPS, AllCores, BareLoop, LoopRun, all_cores, template_loop
from bench.measure import Comparison, Options, alternate, compare, core_count
from bench.originals import Original, Pool, load_pool
from bench.results import Breakdown, Result
from bench.stack import WHOLE_LINE, Stack

NAME: Final = "line"
_WARM: Final = 16
_ALONE: Final = 10
"""Studies that are sent one at a time, each when the last has ended."""


@dataclass(slots=True)
class _Rounds:
    """What each side did, in the order of the rounds."""

    size: int
    whole: list[Drive] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    bare: list[LoopRun] = field(default_factory=list)
    on_all_cores: list[float] = field(default_factory=list)
    grown: list[int] = field(default_factory=list)
    """Bytes of Postgres' tables, of the whole round."""


class _Feeder:
    """Originals that were never sent before."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._taken = pool, 0

    def take(self, count: int) -> list[Original]:
        self._taken += count
        return self._pool.take(count, start=self._taken - count)


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    pool = load_pool()
    feeder = _Feeder(pool)
    rounds, number = _Rounds(options.count(48, 240)), options.choose(2, 5)
    task = progress.add_task("line: starting the stack", total=number)
    with Stack(WHOLE_LINE, environment={"CXR_REPORT_WRITER": "template"}) as stack, all_cores() as cores:
        loop = template_loop(threads=0)
        progress.update(task, description="line: warming up")
        for warm in (lambda some: drive(stack, some), loop.run, cores.run):
            warm(feeder.take(_WARM))
        progress.update(task, description=f"line: {number} rounds of {rounds.size} studies")
        alternate(
            number,
            lambda _number: _through_the_stack(stack, feeder, rounds),
            lambda _number: _through_the_loops(loop, cores, feeder, rounds),
            lambda _number: progress.advance(task),
        )
    return Result(
        NAME,
        _comparisons(rounds),
        (_by_part(rounds), _by_step(rounds), _on_the_disk(rounds)),
        (
            f"{rounds.size} studies of one image a round ({pool}), {number} rounds, {WIDTH} connections",
            f"{core_count()} cores; the line: {_ends(rounds.whole)}; the loop: {_loop_ends(rounds.bare)}",
        ),
    )


def _through_the_stack(stack: Stack, feeder: _Feeder, rounds: _Rounds) -> None:
    before = stack.database_bytes()
    rounds.whole.append(drive(stack, feeder.take(rounds.size)))
    rounds.grown.append(stack.database_bytes() - before)
    rounds.alone.append(median(drive(stack, feeder.take(1)).seconds for _ in range(_ALONE)))


def _through_the_loops(loop: BareLoop, cores: AllCores, feeder: _Feeder, rounds: _Rounds) -> None:
    rounds.bare.append(loop.run(feeder.take(rounds.size)))
    rounds.on_all_cores.append(cores.run(feeder.take(rounds.size)))


def _comparisons(rounds: _Rounds) -> tuple[Comparison, ...]:
    size = rounds.size
    ours = [size / one.seconds for one in rounds.whole]
    one_process = [size / one.seconds for one in rounds.bare]
    per_study = [one.seconds / size for one in rounds.bare]
    decode_and_model = [1000 * (one.cpu["decode"] + one.cpu["model"]) / size for one in rounds.bare]
    whole_cpu = [1000 * _of_the_stack(one) / size for one in rounds.whole]
    outside = [whole - inside for whole, inside in zip(whole_cpu, decode_and_model, strict=True)]
    unit = "studies/s"
    return (
        compare(ours, one_process, what="whole line", reference="bare loop, one process", unit=unit),
        compare(
            ours,
            [size / seconds for seconds in rounds.on_all_cores],
            what="whole line",
            reference="bare loop, a process a core",
            unit=unit,
        ),
        compare(
            [1000 * seconds for seconds in rounds.alone],
            [1000 * seconds for seconds in per_study],
            what="one study alone, POST to COMPLETED",
            reference="one study in the bare loop",
            unit="ms",
        ),
        compare(
            outside,
            decode_and_model,
            what="CPU a study outside decode and model",
            reference="decode and model in the bare loop",
            unit="ms of CPU",
        ),
    )


def _of_the_stack(one: Drive) -> float:
    return sum(seconds for name, seconds in one.cpu.items() if name != "client")


def _by_part(rounds: _Rounds) -> Breakdown:
    return Breakdown(
        "CPU a study, by part of the stack (median of the rounds)",
        ("ms of CPU",),
        tuple(
            (name, (median(1000 * one.cpu[name] / rounds.size for one in rounds.whole),))
            for name in rounds.whole[0].cpu
        ),
    )


def _by_step(rounds: _Rounds) -> Breakdown:
    return Breakdown(
        "CPU a study, by step of the bare loop in one process (median of the rounds)",
        ("ms of CPU",),
        tuple((step, (median(1000 * one.cpu[step] / rounds.size for one in rounds.bare),)) for step in STEPS),
    )


def _on_the_disk(rounds: _Rounds) -> Breakdown:
    studies = rounds.size * len(rounds.grown)
    return Breakdown(
        "on the disk, a study (mean of all rounds)",
        ("KB",),
        (("postgres, its log apart", (sum(rounds.grown) / studies / 1000,)),),
    )


def _loop_ends(runs: Sequence[LoopRun]) -> str:
    return f"{sum(run.reports for run in runs)} completed, {sum(run.rejected for run in runs)} rejected"


def _ends(drives: Sequence[Drive]) -> str:
    ends = {name: sum(one.ends[name] for one in drives) for name in ("completed", "rejected")}
    return ", ".join(f"{count} {name}" for name, count in ends.items())
