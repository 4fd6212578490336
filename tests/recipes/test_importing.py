"""Option files of the originals as recipes: every value where it belongs, and a list of what has no counterpart."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wildsr.cli.main import app
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.importing.importer import Imported, import_recipe
from wildsr.recipes.importing.settings import without_comments
from wildsr.recipes.yaml import flat, load_recipe

# Values that no built-in recipe has, so that each must come from the file.
BASICSR = """
name: my_run
use_tb_logger: false
model: srgan
distortion: sr
scale: 4
gpu_ids: [0, 1]
datasets:
  train:
    name: train
    mode: LQGT
    aug: noise
    noise_data: ../mine/noise/
    dataroot_GT: ../mine/HR
    dataroot_LQ: ../mine/LR
    use_shuffle: true
    n_workers: 3
    batch_size: 7
    GT_size: 96
    use_flip: true
    use_rot: false
    color: RGB
  val:
    name: val
    mode: LQGT
    dataroot_GT: ../valid/HR
    dataroot_LQ: ../valid/LR
network_G: {which_model_G: RRDBNet, in_nc: 3, out_nc: 3, nf: 32, nb: 5}
network_D: {which_model_D: NLayerDiscriminator, in_nc: 3, nf: 48, nlayer: 2}
path:
  pretrain_model_G: ../pretrained_model/RRDB_ESRGAN_x4.pth
  strict_load: false
  resume_state: ~
train:
  lr_G: !!float 2e-4
  weight_decay_G: 0
  beta1_G: 0.8
  beta2_G: 0.99
  lr_D: !!float 3e-4
  weight_decay_D: 0.5
  beta1_D: 0.7
  beta2_D: 0.98
  lr_scheme: MultiStepLR
  niter: 1234
  warmup_iter: -1
  lr_steps: [100, 200]
  lr_gamma: 0.25
  pixel_criterion: l2
  pixel_weight: !!float 3e-2
  feature_criterion: l1
  feature_weight: 2
  gan_type: gan
  gan_weight: !!float 7e-3
  D_update_ratio: 3
  D_init_iters: 11
  manual_seed: 5
  val_freq: !!float 123
logger: {print_freq: 17, save_checkpoint_freq: !!float 321}
"""
KAIR = """
{
  "task": "my_run" // where // it goes
  , "model": "gan"
  , "gpu_ids": [0]
  , "scale": 2
  , "n_channels": 3
  , "path": {"root": "superresolution", "pretrained_netG": null, "pretrained_netE": null}
  , "datasets": {
    "train": {
      "name": "http://not.a.comment", "dataset_type": "blindsr", "dataroot_H": "mine/HR", "dataroot_L": null
      , "degradation_type": "bsrgan_plus", "H_size": 200, "shuffle_prob": 0.3, "lq_patchsize": 48, "use_sharp": true
      , "dataloader_shuffle": true, "dataloader_num_workers": 3, "dataloader_batch_size": 7
    }
    , "test": {"name": "test", "dataset_type": "blindsr", "dataroot_H": "valid/HR", "dataroot_L": null}
  }
  , "netG": {"net_type": "rrdbnet", "in_nc": 3, "out_nc": 3, "nf": 32, "nb": 5, "gc": 16, "act_mode": "R"
    , "init_type": "orthogonal", "init_bn_type": "uniform", "init_gain": 0.4}
  , "netD": {"net_type": "discriminator_patchgan", "in_nc": 3, "base_nc": 48, "n_layers": 2, "norm_type": "spectral"
    , "init_type": "orthogonal", "init_gain": 0.3}
  , "train": {
    "G_lossfn_type": "l2", "G_lossfn_weight": 3
    , "F_lossfn_type": "l2", "F_lossfn_weight": 2, "F_feature_layer": [7, 34], "F_weights": [0.5, 0.25]
    , "F_use_input_norm": false, "F_use_range_norm": false
    , "gan_type": "ragan", "D_lossfn_weight": 0.02, "E_decay": 0.99, "D_init_iters": 11
    , "G_optimizer_type": "adam", "G_optimizer_lr": 2e-4, "G_optimizer_wd": 0.5
    , "D_optimizer_type": "adam", "D_optimizer_lr": 3e-4, "D_optimizer_wd": 0
    , "G_scheduler_type": "MultiStepLR", "G_scheduler_milestones": [100, 200], "G_scheduler_gamma": 0.25
    , "D_scheduler_type": "MultiStepLR", "D_scheduler_milestones": [150], "D_scheduler_gamma": 0.1
    , "checkpoint_test": 50000000000, "checkpoint_save": 321, "checkpoint_print": 17
  }
}
"""


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., Imported]:
    def run(text: str, name: str = "options.yml", base: str | None = None) -> Imported:
        path = tmp_path / name
        path.write_text(text)
        return import_recipe(path, base)

    return run


def test_every_value_of_basicsr(imported: Callable[..., Imported]) -> None:
    done = imported(BASICSR)
    assert done.base == "realsr-dped"
    values = flat(done.recipe)
    expected = {
        "name": "my_run",
        "seed": 5,
        "networks.generator.features": 32,
        "networks.generator.blocks": 5,
        "networks.generator.start": "esrgan-x4",
        "networks.generator.start_whole": False,
        "networks.discriminator.architecture": "PatchGAN",
        "networks.discriminator.features": 48,
        "networks.discriminator.layers": 2,
        "objective.terms.pixel.kind": "l2",
        "objective.terms.pixel.weight": 0.03,
        "objective.terms.features.weight": 2.0,
        "objective.adversarial.loss": "vanilla",
        "objective.adversarial.relative_to": None,
        "objective.adversarial.weight": 0.007,
        "objective.adversarial.generator_every": 3,
        "objective.adversarial.generator_after": 11,
        "optimizers.generator.rate": 2e-4,
        "optimizers.generator.betas": [0.8, 0.99],
        "optimizers.generator.schedule.at": [100, 200],
        "optimizers.generator.schedule.factor": 0.25,
        "optimizers.discriminator.rate": 3e-4,
        "optimizers.discriminator.betas": [0.7, 0.98],
        "optimizers.discriminator.weight_decay": 0.5,
        "data.lr_patch": 24,
        "data.augment": "mirror",
        "data.inject_noise": True,
        "data.lr": "../mine/LR",
        "data.hr": "../mine/HR",
        "data.noise": "../mine/noise",
        "data.workers": 3,
        "train.batch_size": 7,
        "train.steps": 1234,
        "validation.every": 123,
        "files.log_every": 17,
        "files.save_every": 321,
        "files.tensorboard": False,
    }
    assert {place: values[place] for place in expected} == expected
    assert [one.place for one in done.leftovers] == [
        "gpu_ids",
        "datasets.val.dataroot_GT",
        "datasets.val.dataroot_LQ",
    ]


def test_every_value_of_kair(imported: Callable[..., Imported]) -> None:
    done = imported(KAIR, "options.json")
    assert done.base == "bsrgan-x4"
    values = flat(done.recipe)
    expected = {
        "name": "my_run",
        "scale": 2,
        "networks.generator.features": 32,
        "networks.generator.blocks": 5,
        "networks.generator.growth": 16,
        "networks.generator.start": None,
        "networks.generator.orthogonal": 0.4,
        "networks.discriminator.architecture": "PatchGAN",
        "networks.discriminator.variant": "kair",
        "networks.discriminator.spectral": True,
        "networks.discriminator.features": 48,
        "networks.discriminator.layers": 2,
        "networks.discriminator.orthogonal": 0.3,
        "objective.terms.pixel.kind": "l2",
        "objective.terms.pixel.weight": 3.0,
        "objective.terms.features.distance": "l2",
        "objective.terms.features.weight": 2.0,
        "objective.terms.features.layers.conv2_2": 0.5,
        "objective.terms.features.layers.conv5_4": 0.25,
        "objective.terms.features.normalise": False,
        "objective.adversarial.relative_to": "all",
        "objective.adversarial.weight": 0.02,
        "objective.adversarial.generator_after": 11,
        "optimizers.generator.rate": 2e-4,
        "optimizers.generator.weight_decay": 0.5,
        "optimizers.generator.schedule.factor": 0.25,
        "optimizers.discriminator.schedule.at": [150],
        "networks.generator.relu": True,
        "data.degradation.name": "bsrgan-plus",
        "data.degradation.options.shuffle_prob": 0.3,
        "data.hr": ["mine/HR"],
        "data.hr_patch": 200,
        "data.lr_patch": 48,
        "data.sharpen": True,
        "train.batch_size": 7,
        "train.ema": 0.99,
        "validation.every": flat(RECIPES["bsrgan-x4"])["validation.every"],
        "files.save_every": 321,
    }
    assert {place: values[place] for place in expected} == expected
    assert "objective.terms.features.layers.conv1_2" not in values, "layers of the base do not stay"
    assert [one.place for one in done.leftovers] == ["gpu_ids", "datasets.test.dataroot_H"]
    assert any("train.steps" in note for note in done.notes)


@pytest.mark.parametrize("name", ["models/400000_G.pth", "models\\\\400000_G.pth"])
def test_milestones_of_kair_are_counted_from_the_steps_of_its_starting_model(
    imported: Callable[..., Imported], name: str
) -> None:
    text = KAIR.replace('"pretrained_netG": null', f'"pretrained_netG": "{name}"')
    text = text.replace('"G_scheduler_milestones": [100, 200]', '"G_scheduler_milestones": [800000, 1600000]')
    text = text.replace('"D_scheduler_milestones": [150]', '"D_scheduler_milestones": [400000, 500000]')
    done = imported(text, "options.json")
    values = flat(done.recipe)
    assert values["optimizers.generator.schedule.at"] == [400_000, 1_200_000]
    assert values["optimizers.generator.rate"] == 2e-4
    assert values["optimizers.discriminator.schedule.at"] == [100_000]
    assert values["optimizers.discriminator.rate"] == pytest.approx(3e-5), "one milestone has passed"
    assert any("counts on from step 400,000" in note for note in done.notes)


def test_edl_keeps_its_network_and_objective(imported: Callable[..., Imported]) -> None:
    done = imported(BASICSR.replace("  lr_scheme", "  cr_weight: !!float 1e-3\n  lr_scheme"))
    assert done.base == "edl-ntire"
    values = flat(done.recipe)
    assert values["networks.generator.architecture"] == "EDLNet"
    assert values["objective.pixel_terms.pixel.weight"] == 0.03
    assert "train.cr_weight" in [one.place for one in done.leftovers]
    assert imported(BASICSR, base="edl-aim").recipe.networks["generator"].architecture == "EDLNet"


def test_options_without_a_discriminator(imported: Callable[..., Imported]) -> None:
    text = BASICSR.replace("network_D:", "unused_D:").replace("model: srgan", "model: sr")
    done = imported(text)
    assert done.base == "rrdb-psnr"
    assert set(done.recipe.networks) == {"generator"}
    assert flat(done.recipe)["data.kind"] == "paired"
    leftovers = {one.place for one in done.leftovers}
    assert {"unused_D.nf", "train.gan_type", "train.lr_D"} <= leftovers


def test_bicubic_data_of_kair(imported: Callable[..., Imported]) -> None:
    text = KAIR.replace('"blindsr"', '"sr"')
    text = text[: text.index(', "netD"')] + text[text.index(', "train": {\n    "G') :]
    done = imported(text, "options.json")
    assert done.base == "rrdb-psnr"
    values = flat(done.recipe)
    expected = {
        "data.degradation.name": "bicubic",
        "data.degradation.options.values": "exact",
        "data.hr_patch": 200,
        "data.lr_patch": 100,
        "data.context": 8,
    }
    assert {place: values[place] for place in expected} == expected


@pytest.mark.parametrize("given", ['"shuffle_prob": 0.3, ', '"shuffle_prob": 0, ', ""])
def test_kair_shuffles_every_tenth_by_default(imported: Callable[..., Imported], given: str) -> None:
    done = imported(KAIR.replace('"shuffle_prob": 0.3, ', given), "options.json")
    shuffled = flat(done.recipe)["data.degradation.options.shuffle_prob"]
    assert shuffled == (0.3 if "0.3" in given else 0.1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("which_model_G: RRDBNet", "which_model_G: MSRResNet", "not of MSRResNet"),
        ("NLayerDiscriminator", "Other", "no discriminator Other"),
        ("network_G", "network_X", "neither network_G"),
        ("nb: 5", "nb: many", "cannot be read"),
        ("niter: 1234", "niter: -3", "train.steps"),
        ("scale: 4", "scale: [", "not proper YML"),
    ],
)
def test_what_cannot_be_imported(imported: Callable[..., Imported], old: str, new: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        imported(BASICSR.replace(old, new))


def test_unknown_losses_are_left_over(imported: Callable[..., Imported]) -> None:
    done = imported(BASICSR.replace("gan_type: gan", "gan_type: hinge"))
    assert "train.gan_type" in [one.place for one in done.leftovers]


def test_comments_of_kair() -> None:
    assert without_comments('{"a": "//", "b\\"//": 1} // c\n// d') == '{"a": "//", "b\\"//": 1} \n'


def test_command_writes_a_recipe_that_loads(tmp_path: Path) -> None:
    (tmp_path / "options.yml").write_text(BASICSR)
    run = CliRunner().invoke
    arguments = ["recipe", "import", str(tmp_path / "options.yml")]
    printed = run(app, arguments)
    assert printed.exit_code == 0
    assert "without a counterpart: gpu_ids: [0, 1]" in printed.stderr
    assert "#   gpu_ids: [0, 1]" in printed.stdout
    written = run(app, [*arguments, "-o", str(tmp_path / "mine.yaml")])
    assert written.exit_code == 0
    assert load_recipe(tmp_path / "mine.yaml").name == "my_run"
    assert run(app, [*arguments, "-o", str(tmp_path / "mine.yaml")]).exit_code == 2
    assert run(app, [*arguments, "-o", str(tmp_path / "mine.yaml"), "--overwrite"]).exit_code == 0
    assert run(app, ["recipe", "import", str(tmp_path / "missing.json")]).exit_code == 2


def test_keys_and_names_cannot_end_a_comment(imported: Callable[..., Imported]) -> None:
    """A line break in a key would otherwise add a line to the recipe."""
    done = imported(BASICSR + '"odd\\nseed: 77\\u2028seed": 1\n')
    text = done.to_yaml("a\nseed: 78.yml")
    assert not [line for line in text.splitlines() if line.startswith(("seed: 77", "seed: 78"))]
    assert "# From a seed: 78.yml;" in text


def test_infinite_sizes_are_refused(imported: Callable[..., Imported]) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        imported(KAIR.replace('"nf": 32', '"nf": 1e999', 1), "options.json")
    with pytest.raises(RecipeError, match="cannot be read"):
        imported(BASICSR.replace("scale: 4", "scale: 0", 1))
