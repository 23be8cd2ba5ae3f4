"""Run the pipeline on this machine, without Kubernetes and containers, by Kubeflow's own local runner.

    python training/kubeflow/local.py nih FOLDER simple_cnn --python .venv/bin/python

is run by the interpreter of the environment that holds kfp; `--python` is the one that has training's
packages. Kubeflow orders the steps, hands their results on and keeps them below `--out`; each step is the
command of its container, run here as a process.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from kfp import local
from kfp.local import status, subprocess_task_handler
from pipeline import pipeline  # type: ignore[import-not-found]  # beside this script

WRITTEN = ("--out", "--report")
"""Options of our commands whose values are what a step makes: all in the step's own folder."""


@dataclass
class Process:
    """Takes the place of Kubeflow's runner of processes, which refuses the commands of containers.

    It cannot know that the image's programs are here too. Ours are: every command is `python -m training...`.
    """

    python: Path
    image: str
    full_command: list[str]
    pipeline_root: str
    runner: local.SubprocessRunner
    env_vars: dict[str, str]

    def run(self) -> status.Status:
        """Run the step; do what else Kubeflow's launcher does on a cluster."""
        command = [str(self.python), *self.full_command[1:]]
        # Kubeflow's launcher makes the folders of what a step is to write, and tells that it is there.
        made = [Path(value) for name, value in pairwise(command) if name in WRITTEN]
        made[0].parent.mkdir(parents=True, exist_ok=True)
        if subprocess_task_handler.run_local_subprocess(command, self.env_vars) != 0:
            return status.Status.FAILURE
        outputs = {path.name: {"artifacts": [{"name": path.name, "uri": str(path)}]} for path in made}
        (made[0].parent / "executor_output.json").write_text(json.dumps({"artifacts": outputs}))
        return status.Status.SUCCESS


def main() -> None:
    """Read the command line and run the pipeline."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="id of the data set, such as nih")
    parser.add_argument("folder", type=Path, help="where it was unpacked")
    parser.add_argument("recipe", help="name of a recipe that ships, or path of one")
    parser.add_argument("--python", type=Path, required=True, help="interpreter with training's packages")
    parser.add_argument("--out", type=Path, default=Path("runs/kubeflow"), help="folder of all results")
    options = parser.parse_args()
    subprocess_task_handler.SubprocessTaskHandler = partial(Process, options.python.absolute())
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(options.out))
    try:
        pipeline(dataset=options.dataset, folder=str(options.folder.absolute()), recipe=options.recipe)
    except RuntimeError as error:  # the step that failed has said why
        sys.exit(str(error))


if __name__ == "__main__":
    main()
