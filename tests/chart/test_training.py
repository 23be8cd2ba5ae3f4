"""The TrainJob: torchrun in the training image, the nodes of one run at work together."""

import os
import subprocess
from pathlib import Path

from cxr.local.state import free_port
from tests.support.helm import VALUES, Object, of_kind, render
from tests.support.images import BIN
from tests.support.services import ROOT

NODES = 2


def job() -> Object:
    (made,) = of_kind(render(VALUES / "gpu-values.yaml"), "TrainJob")
    return made


def node() -> Object:
    (patch,) = job()["spec"]["runtimePatches"]
    (replicated,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    return replicated["template"]["spec"]["template"]["spec"]


def test_torchrun_starts_the_trainer_on_what_is_mounted():
    trainer = job()["spec"]["trainer"]
    assert trainer["command"] == ["torchrun", "-m", "training.train"]
    assert trainer["args"] == [
        "/data/recipe.toml",
        "--table=/data/nih/table.parquet",
        "--images=/data/nih/images",
        "--out=/output/2026-11",
    ]
    mounts = {mount["mountPath"]: mount for mount in node()["containers"][0]["volumeMounts"]}
    assert mounts["/data"]["readOnly"]
    assert mounts.keys() == {"/data", "/output", "/tmp", "/dev/shm"}
    volumes = {volume["name"]: volume for volume in node()["volumes"]}
    assert {mount["name"] for mount in mounts.values()} == volumes.keys()
    # Kubernetes' own /dev/shm has 64 MB, and a batch of images goes through it.
    assert volumes["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}


def test_the_nodes_find_each_other_by_what_the_runtime_tells_them(tmp_path: Path):
    """With the variables that Kubeflow's torch plugin sets (pkg/runtime/framework/plugins/torch/torch.go)."""
    command = job()["spec"]["trainer"]["command"]
    told = {
        "PET_NNODES": str(NODES),
        "PET_NPROC_PER_NODE": "1",
        "PET_MASTER_ADDR": "127.0.0.1",
        "PET_MASTER_PORT": str(free_port()),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    nodes = [
        subprocess.Popen(
            [BIN / command[0], *command[1:-1], "tests.support.ranks", tmp_path],
            env={**os.environ, **told, "PET_NODE_RANK": str(rank)},
        )
        for rank in range(NODES)
    ]
    assert [each.wait(120) for each in nodes] == [0] * NODES
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"0": "2 1", "1": "2 1"}
