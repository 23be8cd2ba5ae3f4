"""Studies a second through the whole line with the bundled language model, and what writing costs.

Ours: POST to COMPLETED over the real stack, the report written by the bundled model. Reference, on the
same cores in the same run: prepare, model, analyse and `write_reports` with the same writer in batches of
the same size, in one process.
"""

from statistics import median
from typing import Final

from rich.progress import Progress

from bench.drive import Drive, drive
from bench.loop import STEPS, BareLoop, LoopRun
from bench.measure import Options, alternate, compare, core_count
from bench.originals import Original, load_pool
from bench.results import Breakdown, Result
from bench.stack import WHOLE_LINE, Stack
from shared.settings import ReportSettings, WriterKind
from worker_llm.writers import load_writer

NAME: Final = "llm"
_WARM: Final = 2


def main(options: Options, progress: Progress) -> Result:
    """Measure."""
    settings = ReportSettings(writer=WriterKind.LLAMA_CPP)
    size, rounds = options.count(8, 32), options.choose(1, 3)
    pool = load_pool()
    whole: list[Drive] = []
    bare: list[LoopRun] = []
    task = progress.add_task("llm: starting the stack", total=rounds)
    with Stack(WHOLE_LINE, environment={"CXR_REPORT_WRITER": settings.writer}) as stack:
        loop = BareLoop(
            load_writer(settings), threads=0, write_batch=settings.batch_size, attempts=settings.attempts
        )
        progress.update(task, description="llm: warming up")
        drive(stack, pool.take(_WARM, start=0))
        loop.run(pool.take(_WARM, start=0))
        progress.update(task, description=f"llm: {rounds} rounds of {size} studies")

        def originals(number: int) -> list[Original]:
            """Both sides see the same pictures, since texts differ in length by what is found."""
            return pool.take(size, start=_WARM + number * size)

        alternate(
            rounds,
            lambda number: whole.append(drive(stack, originals(number))),
            lambda number: bare.append(loop.run(originals(number))),
            lambda _number: progress.advance(task),
        )
    comparison = compare(
        [size / one.seconds for one in whole],
        [size / one.seconds for one in bare],
        what="whole line, bundled writer",
        reference=f"bare loop, batches of {settings.batch_size}",
        unit="studies/s",
    )
    per_part = tuple((name, (median(one.cpu[name] / size for one in whole),)) for name in whole[0].cpu)
    per_step = tuple((step, (median(one.cpu[step] / size for one in bare),)) for step in STEPS)
    return Result(
        NAME,
        (comparison,),
        (
            Breakdown("CPU a study, by part of the stack (median)", ("s of CPU",), per_part),
            Breakdown("CPU a study, by step of the bare loop (median)", ("s of CPU",), per_step),
        ),
        (f"{size} studies of one image a round ({pool}), {rounds} rounds, {core_count()} cores",),
    )
