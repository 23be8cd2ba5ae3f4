"""What a recipe's keys do to a run: which weights are kept, what a step is taught, what is measured."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from tests.support.trained import LABELS, write_recipe
from training.architectures.pooled import Linear
from training.architectures.registry import create
from training.fitting.figures import figures_of
from training.fitting.learner import Learner, learner_of
from training.fitting.plan import jobs_of
from training.fitting.run_folder import read_checkpoint, read_json, read_weights
from training.fitting.steps import make_step
from training.losses import loss_named
from training.policies import Targets
from training.recipe import Augmentation, Model, RecipeError, load_recipe

CPU = torch.device("cpu")


def taught(count: int = 6, **changes: np.ndarray) -> Targets:
    ones = np.ones((count, 3), np.float32)
    given = {
        "targets": (np.arange(count * 3).reshape(count, 3) % 2).astype(np.float32),
        "known": ones,
        "uncertain": ones * 0,
        "ap": np.zeros(count, np.float32),
        "sources": np.full(count, "one"),
        "offsets": ones * 0,
    }
    return Targets(**{**given, **changes})


def step(said: Targets, **augmentation: float):
    squares = torch.arange(len(said.targets), dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4) * 20
    changes = Augmentation.model_validate(augmentation)
    return make_step(squares, said, range(len(squares)), augmentation=changes, seed=3, device=CPU)


def test_the_last_epoch_s_weights_are_kept_where_the_recipe_says_so(train, tmp_path):
    kept = {}
    for keep in ("best", "last"):
        # So high a rate that the last epoch is not the best.
        recipe = write_recipe(
            tmp_path / f"{keep}.toml",
            "simple_cnn",
            optimizer={"rate": 0.3},
            run={"epochs": 4, "keep": keep, "stop_after": 0},
        )
        job = train(recipe, tmp_path / keep) / "member-1"
        last = read_checkpoint(job / "checkpoint.pt", CPU)
        assert last is not None
        best = load_file(job / "best.safetensors")
        kept[keep] = all(last["learner"][f"network.{name}"].equal(value) for name, value in best.items())
    assert kept == {"best": False, "last": True}


def test_the_mean_of_the_members_weights_is_one_network_that_answers(train, tmp_path):
    recipe = write_recipe(
        tmp_path / "mean.toml",
        "simple_cnn",
        run={"epochs": 1},
        ensemble={"members": 2, "mean": "weights"},
    )
    run = train(recipe, tmp_path / "run")
    assert read_json(run / "summary.json")["members"] == ["mean/best.safetensors"]
    mean, *members = (load_file(run / name / "best.safetensors") for name in ("mean", "member-1", "member-2"))
    for name, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (members[0][name] + members[1][name]) / 2)
    network = create(load_recipe(recipe).model, LABELS, size=64, pretrained=False)
    read_weights(run / "mean" / "best.safetensors", network)
    assert not torch.equal(members[0]["head.weight"], members[1]["head.weight"])
    said = pq.read_table(run / "predictions.parquet")["Mass_logit"].to_numpy()
    assert said.std() > 0


def test_a_blend_counts_as_its_images_do_and_where_one_is_not_known_not_at_all():
    known = np.full((6, 3), 0.4, np.float32)
    known[0] = 0.0
    said = taught(known=known, ap=np.array([0, 1, np.nan, 0, 1, 1], np.float32))
    mixed = step(said, mixup=5.0)
    counts = mixed.known[:, 0]
    assert {f"{count:.3f}" for count in counts.tolist()} == {"0.000", "0.400"}
    assert 1 <= int((counts == 0).sum()) <= 2  # its own, and that which it was blended into
    assert 1 <= int(mixed.ap.isnan().sum()) <= 2
    blended = mixed.images.mean((1, 2, 3)) * 255 / 20
    assert not torch.allclose(blended, blended.round(), atol=1e-3)


def test_what_is_added_to_logits_is_blended_as_the_images_are():
    offsets = np.repeat(np.arange(6, dtype=np.float32)[:, None], 3, 1)
    mixed = step(taught(offsets=offsets), mixup=5.0)
    torch.testing.assert_close(mixed.offsets[:, 0], mixed.images[:, 0, 0, 0] * 255 / 20, atol=1e-4, rtol=1e-4)


def test_blurred_images_have_lost_resolution():
    random = np.random.default_rng(0)
    squares = torch.from_numpy(random.integers(0, 256, (6, 1, 40, 40), np.uint8))

    def changed(blur: float) -> torch.Tensor:
        changes = Augmentation(blur=blur)
        return make_step(squares, taught(), range(6), augmentation=changes, seed=1, device=CPU).images

    torch.testing.assert_close(changed(0.0), squares / 255.0)
    assert float(changed(1.0).std()) < 0.6 * float(squares.float().std() / 255.0)


def small_network(encoder: str = "test_efficientnet", *, frozen: int = 2, view_weight: float = 0.0):
    options = {"frozen": frozen, "view_weight": view_weight}
    model = Model(architecture=f"encoder:{encoder}", start="scratch", options=options)
    torch.manual_seed(0)
    return create(model, LABELS, size=64)


def test_the_loss_is_of_the_logits_with_what_is_added_to_them():
    criterion = loss_named("cross_entropy", {}, labels=3, positives=torch.ones(3), count=2)
    learner = Learner(small_network().eval(), criterion)
    offsets = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    one = make_step(
        torch.zeros(6, 1, 64, 64, dtype=torch.uint8),
        taught(offsets=offsets),
        range(6),
        augmentation=Augmentation(),
        seed=0,
        device=CPU,
    )
    logits = learner.network(one.images).logits
    torch.testing.assert_close(
        learner(*one), criterion(logits + torch.from_numpy(offsets), one.targets, one.known)
    )
    assert not torch.allclose(learner(*one), criterion(logits, one.targets, one.known))


def test_the_view_is_learnt_beside_the_labels_from_images_that_have_one():
    network = small_network(view_weight=0.5).eval()
    learner = Learner(network, loss_named("cross_entropy", {}, labels=3, positives=torch.ones(3), count=2))

    def loss(ap: list[float]) -> float:
        squares = torch.zeros(6, 1, 64, 64, dtype=torch.uint8)
        said = taught(ap=np.array(ap, np.float32))
        one = make_step(squares, said, range(6), augmentation=Augmentation(), seed=0, device=CPU)
        return float(learner(*one).detach())

    nan = float("nan")
    assert loss([1.0] * 6) > loss([nan] * 6) < loss([0.0] * 6)
    assert loss([1.0] * 3 + [nan] * 3) == pytest.approx(loss([1.0] * 6), rel=1e-5)


@pytest.mark.parametrize(
    ("encoder", "stay", "move"),
    [
        (
            "test_efficientnet",
            ("conv_stem.", "bn1.", "blocks.0.", "blocks.1."),
            {"blocks.2.0.bn1.running_mean", "conv_head.weight"},
        ),
        (
            "test_vit",
            ("cls_token", "pos_embed", "patch_embed.", "blocks.0.", "blocks.1."),
            {"blocks.2.mlp.fc1.weight", "norm.weight"},
        ),
    ],
)
def test_the_first_blocks_and_what_stands_before_them_stay_as_they_are(encoder, stay, move):
    network = small_network(encoder).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    (network(torch.rand(4, 1, 64, 64)).logits ** 2).sum().backward()
    optimizer.step()
    after = network.state_dict()
    changed = {name.removeprefix("encoder.trunk.") for name in before if not before[name].equal(after[name])}
    assert not [name for name in changed if name.startswith(stay)]
    assert {*move, "head.weight"} <= changed


@pytest.mark.parametrize(
    ("encoder", "frozen", "says"),
    [("resnet18", 1, "of 0"), ("test_efficientnet", 9, "of 5"), ("test_efficientnet", -1, "of 5")],
)
def test_a_network_that_has_no_such_blocks_says_so(encoder, frozen, says):
    with pytest.raises(ValueError, match=says):
        small_network(encoder, frozen=frozen)


@pytest.mark.parametrize("encoder", ["test_efficientnet", "test_vit"])
def test_what_a_gate_reads_is_of_the_run_that_answers(encoder):
    network = small_network(encoder).eval()
    assert isinstance(network, Linear)
    images = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        said, description = network.see_and_describe(images)
        torch.testing.assert_close(said, network(images))
        torch.testing.assert_close(network.head(description[:, -network.head.in_features :]), said.logits)


def test_a_network_begins_at_the_frequencies_of_its_labels(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path / "a.toml", "bundled"))
    said = taught(count=200, targets=np.tile([[1.0, 0, 0], [1, 1, 0]], (100, 1)).astype(np.float32))
    learner = learner_of(small_network(), said, jobs_of(recipe)[0])
    assert isinstance(learner.network.head, torch.nn.Linear)
    torch.testing.assert_close(
        torch.sigmoid(learner.network.head.bias.detach()), torch.tensor([0.99, 0.5, 0.01])
    )


def test_an_architecture_without_one_linear_head_cannot_begin_so(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path / "a.toml", "swinchex", run={"start_at_priors": True}))
    network = create(recipe.model, LABELS, size=64)
    with pytest.raises(ValueError, match="start_at_priors"):
        learner_of(network, taught(), jobs_of(recipe)[0])


def test_epochs_are_chosen_by_pairs_of_one_source():
    """The logits say nothing but the data set, in which all depends on it."""
    sources = np.array(["one"] * 20 + ["two"] * 20)
    shown = np.concatenate([np.arange(20) < 5, np.arange(20) < 15]).astype(np.float32)
    said = taught(
        count=40,
        targets=np.repeat(shown[:, None], 3, 1),
        sources=sources,
    )
    logits = np.repeat((sources == "two").astype(np.float32)[:, None], 3, 1)
    criterion = loss_named("cross_entropy", {}, labels=3, positives=torch.ones(3), count=2)
    assert figures_of(logits, said, criterion, CPU).auroc == 0.5


@pytest.mark.parametrize(
    ("base", "changes", "says"),
    [
        ("simple_cnn", {"loss": {"adjust_for_source": True}, "run": {"start_at_priors": True}}, "choose"),
        ("simple_cnn", {"run": {"keep": "last", "stop_after": 2}}, "no last epoch"),
        ("chexpert_multiclass", {"loss": {"adjust_for_source": True}}, "loss of its own"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(base, changes, says, tmp_path):
    with pytest.raises(RecipeError, match=says):
        load_recipe(write_recipe(tmp_path / "wrong.toml", base, **changes))
