"""Runs one piece of work in a process of its own, so that whatever it does to that process ends there."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import CancelledError, TimeoutError  # noqa: A004  pebble raises this one
from datetime import timedelta
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from shared.errors import CxrError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class DiedAloneError(CxrError):
    """The work killed its own process, or did not end in time: the study's images are to blame."""

    code = "died-alone"


def run_alone(
    work: Callable[Parameters, Result],
    time_limit: timedelta,
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Result:
    """Run `work` in a fresh process and return its result, or raise its error.

    Args:
        work: a function at the top of a module, with arguments and a result that can be pickled.
        time_limit: after which the process is killed.

    Raises:
        DiedAloneError: the process died or was killed.
    """
    # spawn, not fork: the worker has threads, and a child with half of their locks would hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPool(max_workers=1, max_tasks=1, context=context) as pool:
        future = pool.schedule(work, args=args, kwargs=kwargs, timeout=time_limit.total_seconds())
        try:
            result: Result = future.result()
        except ProcessExpired as error:
            message = f"the process of its own died (exit code {error.exitcode})"
            raise DiedAloneError(message) from error
        except (TimeoutError, CancelledError) as error:
            message = f"the process of its own took longer than {time_limit.total_seconds():.0f} s"
            raise DiedAloneError(message) from error
    return result
