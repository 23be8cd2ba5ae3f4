"""The Kubeflow pipeline, compiled by kfp itself: its steps, what they run and in which order."""

import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
import yaml

from tests.support.services import ROOT

KFP = ROOT / ".venv" / "kfp" / "bin" / "kfp"
"""In an environment of its own: it pins old versions of what training uses."""
STEPS = {
    "ingest": ("training.data", set()),
    "split": ("training.splits", {"ingest"}),
    "train": ("training.train", {"split"}),
    "register": ("training.export", {"train"}),
    "evaluate": ("training.evaluate", {"register", "split"}),
}
"""Step -> the command that it runs, and the steps whose results it takes."""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the pipeline, and what of it is Kubernetes' alone."""
    made = tmp_path_factory.mktemp("kfp") / "pipeline.yaml"
    command = [str(KFP), "dsl", "compile", "--py", "training/kubeflow/pipeline.py", "--output", str(made)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    pipeline, platforms = yaml.safe_load_all(made.read_text())
    return pipeline, platforms["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def containers(pipeline: dict[str, Any]) -> dict[str, dict[str, Any]]:
    executors = pipeline["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): executor["container"] for name, executor in executors.items()}


def test_every_step_runs_a_command_of_training_on_what_came_before(compiled):
    pipeline, _ = compiled
    tasks = pipeline["root"]["dag"]["tasks"]
    found = {
        name: (container["command"], set(tasks[name].get("dependentTasks", ())))
        for name, container in containers(pipeline).items()
    }
    assert found == {name: (["python", "-m", module], after) for name, (module, after) in STEPS.items()}


def test_every_step_sees_the_volume_and_only_training_a_gpu(compiled):
    pipeline, executors = compiled
    assert {name.removeprefix("exec-") for name in executors} == STEPS.keys()
    for executor in executors.values():
        (mount,) = executor["pvcMount"]
        assert (mount["mountPath"], mount["pvcNameParameter"]) == (
            "/data",
            {"componentInputParameter": "claim"},
        )
    assert [name for name, container in containers(pipeline).items() if "resources" in container] == ["train"]


def test_one_image_is_named_for_all_when_the_pipeline_is_run(compiled):
    pipeline, _ = compiled
    images = {container["image"] for container in containers(pipeline).values()}
    assert images == {"{{$.inputs.parameters['pipelinechannel--image']}}"}
    assert pipeline["root"]["inputDefinitions"]["parameters"]["image"]["defaultValue"] == image_of_the_chart()


def image_of_the_chart() -> str:
    chart = ROOT / "helm" / "cxr-reporter"
    repository = yaml.safe_load((chart / "values.yaml").read_text())["training"]["image"]["repository"]
    return f"{repository}:{yaml.safe_load((chart / 'Chart.yaml').read_text())['appVersion']}"


def test_what_has_changed_on_the_volume_is_read_again(compiled):
    tasks = compiled[0]["root"]["dag"]["tasks"]
    assert [name for name, task in tasks.items() if not task["cachingOptions"]] == ["ingest"]


@pytest.mark.parametrize("name", STEPS)
def test_its_command_knows_the_options_that_it_gets(compiled, name, monkeypatch, capsys):
    container = containers(compiled[0])[name]
    words = [word for word in container["args"] if re.fullmatch("[a-z]+", word) and name == "ingest"]
    monkeypatch.setattr(sys, "argv", [name, *words, "--help"])
    with pytest.raises(SystemExit) as stopped:
        import_module(STEPS[name][0]).main()
    assert stopped.value.code == 0
    given = {word for word in container["args"] if word.startswith("--")}
    assert given
    assert given <= set(re.findall(r"--[\w-]+", capsys.readouterr().out))
