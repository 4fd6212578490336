"""Every built-in recipe trains all its networks, resumes exactly, and writes a model."""

import json
import math
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from safetensors.torch import load_file
from tiny import make_features, make_images, tiny

from wildsr.data.memory import image_budget
from wildsr.data.store import contents, write_store
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import Recipe
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.run import Built, build, run_of
from wildsr.recipes.yaml import changed
from wildsr.training.errors import TrainingError
from wildsr.training.objectives.gan import GanObjective
from wildsr.training.processes import Hardware, start


def train(built: Built, fabric: Fabric, folder: Path) -> Path:
    return built.train(fabric, folder)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_images(tmp_path_factory.mktemp("recipes") / "pictures")


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_features(tmp_path_factory.mktemp("recipes") / "features")


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return start(Hardware("cpu", precision="fp32"))


def log_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", RECIPES)
def test_trains_and_resumes(name: str, images: Path, features: Path, fabric: Fabric, tmp_path: Path) -> None:
    changes = tuple(f"optimizers.{role}.schedule.kind=constant" for role in RECIPES[name].optimizers)
    halfway, whole = (tiny(name, images, (*changes, f"train.steps={steps}")) for steps in (1, 3))
    built = build(whole, features)
    before = {
        role: {key: value.clone() for key, value in network.named_parameters()}
        for role, network in built.objective.networks.items()
    }
    model = train(built, fabric, tmp_path / "whole")
    for role, network in built.objective.networks.items():
        moved = [not torch.equal(value, before[role][key]) for key, value in network.named_parameters()]
        assert sum(moved) > len(moved) / 2, role
    lines = log_of(tmp_path / "whole")
    losses = [
        {key: value for key, value in line.items() if "/" in key and "rate/" not in key} for line in lines
    ]
    assert len(losses) == 3
    assert all(math.isfinite(value) for line in losses for value in line.values())
    assert losses[0] != losses[2]
    assert {key.split("/")[0] for key in losses[0]} == set(whole.networks)

    train(build(halfway, features), fabric, tmp_path / "stopped")
    resumed = train(build(whole, features), fabric, tmp_path / "stopped")
    assert resumed.name == model.name == f"{name}.safetensors"
    one, other = load_file(model), load_file(resumed)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_pixel_loss_falls(images: Path, features: Path, fabric: Fabric, tmp_path: Path) -> None:
    """The pixel loss falls by a fifth or more, with LPIPS as a second loss."""
    changes = (
        "train.steps=40",
        "optimizers.generator.rate=3e-3",
        "optimizers.generator.schedule.kind=constant",
        "data.degradation.name=bicubic",
        "train.ema=0",
        "objective.terms.lpips.kind=lpips",
        "objective.terms.lpips.backbone=alex",
        "objective.terms.lpips.weight=0.01",
    )
    train(build(tiny("bsrnet-x4", images, changes), features), fabric, tmp_path)
    values = [line["generator/pixel"] for line in log_of(tmp_path)]
    assert sum(values[-5:]) < 0.8 * sum(values[:5])
    assert all(line["generator/lpips"] > 0 for line in log_of(tmp_path))


def test_a_run_of_another_recipe_is_refused(images: Path, fabric: Fabric, tmp_path: Path) -> None:
    recipe = tiny("rrdb-psnr", images, ("train.steps=1",))
    train(build(recipe), fabric, tmp_path)
    other = changed(recipe, ["networks.generator.growth=8", "train.steps=2"], "other")
    with pytest.raises(TrainingError, match=r"networks\.generator\.growth"):
        train(build(other), fabric, tmp_path)


def test_validation_keeps_the_best_model(
    images: Path, features: Path, fabric: Fabric, tmp_path: Path
) -> None:
    folder = images / "HR"
    recipe = tiny(
        "wildsr-compact-x4", images, (f"validation.folder={folder}", "validation.every=1", "train.steps=2")
    )
    train(build(recipe, features), fabric, tmp_path)
    found = [line for line in log_of(tmp_path) if "validation/psnr" in line]
    assert len(found) == 2
    assert {"validation/psnr", "validation/ssim", "validation/lpips"} < found[0].keys()
    assert (tmp_path / "wildsr-compact-x4-best.safetensors").is_file()
    # pairs are taken as they are
    recipe = tiny("ddnsr-track1", images, (f"validation.folder={images}", "train.steps=1"))
    train(build(recipe, features), fabric, tmp_path / "ddnsr")
    assert log_of(tmp_path / "ddnsr")[-1]["validation/psnr"] > 5


def test_new_weights_depend_on_seed_and_name_alone(images: Path, features: Path) -> None:
    def weights(recipe: Recipe, role: str) -> torch.Tensor:
        torch.manual_seed(torch.seed() % 1000)
        return next(build(recipe, features).objective.networks[role].parameters())

    recipe = tiny("realsr-df2k", images)
    first = weights(recipe, "generator")
    assert torch.equal(first, weights(recipe, "generator"))
    assert torch.equal(
        first, weights(changed(recipe, ["networks.discriminator.features=2"], ""), "generator")
    )
    assert not torch.equal(first, weights(changed(recipe, ["seed=1"], ""), "generator"))


def test_orthogonal_weights(images: Path, features: Path) -> None:
    """KAIR's initialisation: rows orthonormal but for the gain, biases 0 (golden init_kair_orthogonal)."""
    recipe = tiny("bsrgan-x2", images, ("scale=2",))
    for role, network in build(recipe, features).objective.networks.items():
        for key, weight in network.named_parameters():
            if key.endswith("bias"):
                assert not weight.any(), (role, key)
                continue
            matrix = weight.detach().flatten(1).double()
            gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
            assert (gram - 0.04 * torch.eye(len(gram))).abs().max() < 1e-6, (role, key)


def test_glorot_uniform_weights(images: Path, features: Path) -> None:
    """Keras's initialisation of DDNSR's reconstruction network: uniform in ±sqrt(6 / (fan in + fan out)), biases 0."""
    recipe = tiny("ddnsr-track1", images, ("networks.up.features=32",))
    for key, parameter in build(recipe, features).objective.networks["up"].named_parameters():
        weight = parameter.detach()
        if key.endswith("bias"):
            assert not weight.any(), key
            continue
        out, into, height, width = weight.shape
        bound = (6 / ((out + into) * height * width)) ** 0.5
        assert 0.9 * bound < float(weight.abs().max()) <= bound, key
        assert float(weight.std()) == pytest.approx(bound / 3**0.5, rel=0.15), key


def test_starting_from_weights(images: Path, fabric: Fabric, tmp_path: Path) -> None:
    recipe = tiny("rrdb-psnr", images, ("train.steps=1",))
    model = train(build(recipe), fabric, tmp_path)
    weights = load_file(model)
    started = build(changed(recipe, [f"networks.generator.start={model}"], ""))
    network = started.objective.networks["generator"]
    assert all(torch.equal(weights[key], value) for key, value in network.state_dict().items())
    edl = tiny(
        "edl-ntire", images, (f"networks.generator.start={model}", "objective.terms.features.weight=0")
    )
    trunk = build(edl).objective.networks["generator"].state_dict()
    assert torch.equal(trunk["conv_first.weight"], weights["conv_first.weight"])
    with pytest.raises(RecipeError, match=r"networks\.generator\.start"):
        build(changed(recipe, [f"networks.generator.start={tmp_path / 'none.pth'}"], ""))
    other = changed(recipe, ["networks.generator.features=4", f"networks.generator.start={model}"], "")
    with pytest.raises(RecipeError, match="do not fit"):
        build(other)


def test_errors_name_the_place(images: Path, features: Path, tmp_path: Path) -> None:
    for name, changes, message in [
        ("bsrnet-x4", ("data.lr_patch=20",), "data.hr_patch is 64"),
        ("bsrnet-x4", ("data.degradation.name=bsrgam",), "did you mean 'bsrgan'?"),
        ("bsrnet-x4", ("data.degradation.options.camra=true",), "did you mean 'camera'?"),
        (
            "bsrnet-x4",
            ("data.degradation.kind=realsr", "data.degradation.noise=none.safetensors"),
            "none.safetensors",
        ),
        ("realsr-df2k", ("data.noise=none.safetensors",), "wildsr estimate noise"),
        ("realsr-df2k", ("data.lr_patch=50",), "its patches are 48 pixels wide"),
        ("edl-ntire", ("networks.generator.architecture=RRDBNet",), "needs an EDLNet"),
        ("ddnsr-track1", ("data.hr_patch=64",), "must be 4 times"),
        (
            "realsr-df2k",
            ("objective.adversarial.loss=lsgan",),
            "objective.adversarial.relative_to: a relativistic loss",
        ),
        (
            "srrescgan",
            ("objective.adversarial.high_pass=8",),
            "objective.adversarial.high_pass: the size of a low-pass",
        ),
        (
            "dsgan",
            ("objective.terms.colour.kernel=6",),
            "objective.terms.colour.kernel: the size of a low-pass",
        ),
        ("dsgan", ("networks.discriminator.architecture=PatchGAN",), "needs a DSGANDiscriminator"),
        ("rrdb-psnr", ("networks.d.architecture=PatchGAN",), "has d, which is not trained"),
        ("rrdb-psnr", ("scale=3",), "cannot upscale by 3"),
        ("realsr-dped", (f"validation.folder={images / 'HR'}",), "must hold the folders LR and HR"),
        ("dsgan", (f"validation.folder={images / 'HR'}",), "does not upscale"),
    ]:
        with pytest.raises(RecipeError) as caught:
            build(tiny(name, images, changes), features)
        assert message in str(caught.value), str(caught.value)
    with pytest.raises(
        RecipeError, match=r"objective\.terms\.features needs(.|\n)*vgg19\.pth(.|\n)*--features"
    ):
        build(tiny("realsr-df2k", images), tmp_path)


def test_esrgan_fs_is_a_variant(images: Path, features: Path) -> None:
    """The changes of docs/training.md give the original's losses and filters."""
    changes = (
        "data.inject_noise=false",
        "objective.adversarial.high_pass=9",
        "objective.terms.pixel.kind=colour",
        "objective.terms.pixel.kernel=9",
        "objective.terms.pixel.borders=zeros",
        "objective.terms.pixel.weight=0.01",
    )
    objective = build(tiny("realsr-df2k", images, changes), features).objective
    assert isinstance(objective, GanObjective)
    one, other = torch.rand(2, 1, 3, 24, 20).unbind()
    low = [torch.nn.functional.avg_pool2d(each, 9, 1, 4) for each in (one, other)]
    pixel = objective.terms["pixel"]
    torch.testing.assert_close(pixel.loss(one, other), (low[0] - low[1]).abs().mean())
    assert pixel.weight == 0.01
    assert objective.adversarial.view is not None
    torch.testing.assert_close(objective.adversarial.view(one), 0.5 + 0.5 * (one - low[0]))


def test_learning_rates_of_the_originals() -> None:
    """The steps, counted from zero, at which rates change."""
    realsr = RECIPES["realsr-df2k"].optimizers["generator"].build_rate(60_000)
    assert [realsr(step) for step in (0, 4998, 4999, 9999, 59_999)] == [1e-4, 1e-4, 5e-5, 2.5e-5, 1e-4 / 16]
    # BSRGAN's count goes on from the 400 k steps of BSRNet.
    bsrgan = RECIPES["bsrgan-x4"].optimizers["generator"].build_rate(800_000)
    assert [bsrgan(step) for step in (0, 399_998, 399_999, 799_999)] == [5e-5, 5e-5, 2.5e-5, 2.5e-5]
    ddnsr = RECIPES["ddnsr-track1"].optimizers["up"].build_rate(300 * 1024)
    assert [ddnsr(step) for step in (0, 51_199, 51_200, 307_199)] == [1e-4, 1e-4, 5e-5, 1.25e-5]
    dsgan = RECIPES["dsgan"].optimizers["generator"].build_rate(64_800)
    assert dsgan(32_400) == dsgan(32_615) == 2e-4
    assert dsgan(32_616) == pytest.approx(2e-4 * 149 / 150)
    ours = RECIPES["wildsr-compact-x4"].optimizers["generator"].build_rate(1000)
    assert ours(0) < ours(50) < ours(99) > ours(500) > ours(999) > 0.009 * ours(99)


def test_values_that_may_change_between_parts_of_a_run(images: Path) -> None:
    recipe = tiny("realsr-df2k", images)
    longer = changed(recipe, ["train.steps=9", "data.workers=3", "files.keep=9", "data.folder=elsewhere"], "")
    assert run_of(recipe, images).identity == run_of(longer, images).identity
    assert run_of(recipe, images).identity != run_of(changed(recipe, ["seed=5"], ""), images).identity


def test_images_are_kept_in_memory_if_they_fit(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_budget() > 0
    recipe = tiny("rrdb-psnr", images)
    kept = build(recipe).data
    assert kept.images["HR"].kept
    monkeypatch.setattr("wildsr.recipes.run.image_budget", lambda: 1000)
    read = build(recipe)
    assert not read.data.images["HR"].kept
    assert "read when needed" in read.notes[0]
    first, second = kept.dataset.sample(3), read.data.dataset.sample(3)
    assert all(torch.equal(first[role], second[role]) for role in ("lr", "hr"))


def test_stores_take_precedence_over_folders(images: Path, tmp_path: Path) -> None:
    for role in ("HR", "LR"):
        write_store(tmp_path / f"{role}.lmdb", contents(images / role, ["0.png", "1.png"]))
    changes = ("data.inject_noise=false", "objective.terms.features.weight=0")
    stored = build(tiny("realsr-df2k", tmp_path, changes)).data.dataset.sample(1)
    plain = build(tiny("realsr-df2k", images, changes)).data.dataset.sample(1)
    assert all(torch.equal(stored[role], plain[role]) for role in ("lr", "hr"))


def test_a_trained_network_degrades(images: Path, fabric: Fabric, tmp_path: Path) -> None:
    model = train(build(tiny("dsgan", images, ("train.steps=1",))), fabric, tmp_path)
    changes = ("data.degradation.kind=learned", f"data.degradation.model={model}")
    sample = build(tiny("rrdb-psnr", images, changes)).data.dataset.sample(0)
    assert sample["lr"].shape == (3, 16, 16)
    wrong = ("data.degradation.kind=learned", "data.degradation.model=nonsense")
    with pytest.raises(RecipeError, match="nonsense"):
        build(tiny("rrdb-psnr", images, wrong))


def test_ddnsr_writes_its_degradation_network(
    images: Path, features: Path, fabric: Fabric, tmp_path: Path
) -> None:
    built = build(tiny("ddnsr-track2-div2k", images, ("train.steps=1",)), features)
    model = train(built, fabric, tmp_path / "ddnsr")
    down = model.with_stem(f"{model.stem}-down")
    others = {f"{model.stem}-{role}.safetensors" for role in ("down", "disc_up", "disc_down")}
    assert {path.name for path in model.parent.glob("*.safetensors")} == {model.name, *others}
    kept = load_file(down)
    trained = built.objective.networks["down"].state_dict()
    assert all(torch.equal(kept[key], value) for key, value in trained.items())

    learned = ("data.degradation.kind=learned", f"data.degradation.model={down}")
    references = f"data.degradation.references={images / 'LR'}"
    with pytest.raises(RecipeError, match=r"data\.degradation\.references"):
        build(tiny("rrdb-psnr", images, learned))
    degrading = build(tiny("rrdb-psnr", images, (*learned, references, "train.steps=1")))
    assert degrading.data.dataset.sample(0)["lr"].shape == (3, 16, 16)
    train(degrading, fabric, tmp_path / "next")

    (tmp_path / "other").mkdir()
    down.rename(tmp_path / "other" / down.name)
    with pytest.raises(TrainingError, match=r"-down\.safetensors exists"):
        train(built, fabric, tmp_path / "other")
