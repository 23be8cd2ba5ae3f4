"""The train command in one process of several: `torchrun -m tests.support.agreeing RECIPE … --out RUN_DIR`.

Leaves a digest of the weights that it came to in RUN_DIR, as a file of its rank.
"""

import sys
from hashlib import sha256

from training.fitting import job
from training.train import main

_run = job.Fitting.run


def _telling(fitting: job.Fitting) -> None:
    """Train, and say what the weights and the batch norm figures are."""
    _run(fitting)
    digest = sha256()
    for value in fitting.learner.state_dict().values():
        digest.update(value.numpy().tobytes())
    path = fitting.folder.parent / f"rank-{fitting.fabric.global_rank}"
    path.write_text(digest.hexdigest(), encoding="utf-8")


if __name__ == "__main__":
    # mypy knows no method in another's place; the digest must be taken where the weights are.
    job.Fitting.run = _telling  # type: ignore[assignment, method-assign]
    main(sys.argv[1:])
