"""Training as a Kubeflow pipeline: ingest -> split -> train -> register -> evaluate.

    pip install -r training/kubeflow/requirements.txt        # in an environment of its own
    kfp dsl compile --py training/kubeflow/pipeline.py --output pipeline.yaml

Every step is a container of the training image that runs one of training's own commands, as a person would
type it; nothing of Kubeflow is in the image. Data sets are on a volume, which is mounted at /data; what a
step makes goes to the pipeline's object store, and from there to the next step.

One node trains, with as many GPUs as `gpus` says. For several nodes the chart has a TrainJob (docs/how-to/
train-on-kubernetes.md), which starts the same command.
"""

from kfp import dsl, kubernetes

DATA = "/data"
"""Where the volume with the data sets is mounted."""
IMAGE = "cxr-reporter-training:0.1.0"


def step(module: str, *arguments: object) -> dsl.ContainerSpec:
    """Return a container that runs one of training's commands."""
    return dsl.ContainerSpec(image=IMAGE, command=["python", "-m", module], args=list(arguments))


def ingest(dataset: str, folder: str, table: dsl.Output[dsl.Dataset]) -> dsl.ContainerSpec:
    """Turn a data set as it was unpacked into the unified table."""
    return step("training.data", "table", dataset, folder, "--out", table.path)


def split(table: dsl.Input[dsl.Dataset], parts: dsl.Output[dsl.Dataset]) -> dsl.ContainerSpec:
    """Give every patient a part: train, validation or test."""
    return step("training.splits", table.path, "--out", parts.path)


def train(
    recipe: str, table: dsl.Input[dsl.Dataset], folder: str, run: dsl.Output[dsl.Artifact]
) -> dsl.ContainerSpec:
    """Train what a recipe says."""
    return step("training.train", recipe, "--table", table.path, "--images", folder, "--out", run.path)


def register(run: dsl.Input[dsl.Artifact], bundle: dsl.Output[dsl.Model]) -> dsl.ContainerSpec:
    """Make the bundle that the workers serve: a model of the object store, with its card."""
    return step("training.export", run.path, "--out", bundle.path)


def evaluate(
    bundle: dsl.Input[dsl.Model],
    table: dsl.Input[dsl.Dataset],
    folder: str,
    scores: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
) -> dsl.ContainerSpec:
    """Measure the bundle on the test patients; the report holds radiographs."""
    return step(
        "training.evaluate",
        *("--bundle", bundle.path, "--images", folder, "--labels", table.path, "--split", "test"),
        *("--out", scores.path, "--report", report.path),
    )


def training(
    dataset: str, folder: str, recipe: str, claim: str = "radiographs", image: str = IMAGE, gpus: int = 1
) -> None:
    """Train a recipe on a data set.

    Args:
        dataset: id of the data set, such as nih.
        folder: where it was unpacked, below /data.
        recipe: name of a recipe that ships, or path of one on the volume.
        claim: PersistentVolumeClaim of the volume.
        image: the training image.
        gpus: of the node that trains; 0 trains on its CPU.
    """

    def run(component: object, **inputs: object) -> dsl.PipelineTask:
        task = dsl.container_component(component)(**inputs)
        kubernetes.mount_pvc(task, pvc_name=claim, mount_path=DATA)
        return task.set_container_image(image)

    # What is on the volume may have changed since a step last ran with the same arguments.
    ingested = run(ingest, dataset=dataset, folder=folder).set_caching_options(enable_caching=False)
    parts = run(split, table=ingested.outputs["table"])
    trained = run(train, recipe=recipe, table=parts.outputs["parts"], folder=folder)
    trained.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(gpus)
    registered = run(register, run=trained.outputs["run"])
    run(
        evaluate,
        bundle=registered.outputs["bundle"],
        table=parts.outputs["parts"],
        folder=folder,
    )


pipeline = dsl.pipeline(name="cxr-training")(training)
