"""Option files of KAIR: ``train_bsrgan_x4_psnr.json``, ``train_bsrgan_x4_gan.json`` and ``train_rrdb_psnr.json``."""

import re
from typing import Any

from wildsr.recipes.errors import RecipeError
from wildsr.recipes.importing.changes import (
    Changes,
    put_gan,
    put_loss,
    put_start,
    put_steps_of_rates,
    put_validation,
)
from wildsr.recipes.importing.settings import OptionFile

_VGG_LAYERS = {2: "conv1_2", 7: "conv2_2", 16: "conv3_4", 25: "conv4_4", 34: "conv5_4"}
_BICUBIC_REACH = 4
"""More LR pixels than bicubic's kernel reaches, at any scale."""
_SHUFFLE_PROB = 0.1
_DEGRADATIONS = {"bsrgan": "bsrgan", "bsrgan_plus": "bsrgan-plus"}


_STEPS_OF_FILE = re.compile(r"(?:.*[/\\])?(\d+)_[GE]\.pth")
"""The name of KAIR's checkpoints, which is where it takes the number of steps from."""


def base_of(options: OptionFile) -> str:
    """The built-in recipe that a file is nearest to."""
    if options.given("netD.net_type"):
        return "bsrgan-x4"
    return "bsrnet-x4" if options.take("datasets.train.dataset_type") == "blindsr" else "rrdb-psnr"


def kair_changes(options: OptionFile, base: str) -> Changes:  # noqa: ARG001
    """The values of a file as changes of the recipe ``base``.

    Raises:
        RecipeError: for a network or kind of data that wildsr does not train in this way.
    """
    changes = Changes()
    with_gan = options.given("netD.net_type")
    scale = int(options.take("scale", 4))
    changes.put("scale", scale)
    if options.given("task"):
        changes.put("name", str(options.take("task")))
    options.take("model")
    options.expect("n_channels", 3)
    options.expect("sigma", 0)
    options.expect("sigma_test", 0)
    options.expect("merge_bn", False)
    options.take("merge_bn_startpoint")
    _networks(options, changes, with_gan)
    _data(options, changes, scale)
    _losses(options, changes, with_gan)
    _optimizers(options, changes, with_gan)
    _run(options, changes)
    return changes


def _networks(options: OptionFile, changes: Changes, with_gan: bool) -> None:
    name = options.take("netG.net_type")
    if name not in ("rrdbnet", "rrdb"):
        raise RecipeError(f"netG.net_type: wildsr imports options of rrdbnet and rrdb, not of {name}")
    for place in ("netG.in_nc", "netG.out_nc", "netD.in_nc"):
        options.expect(place, 3)
    width = options.take("netG.nf", options.take("netG.nc", 64))
    generator = "networks.generator"
    for field, value in (
        ("features", width),
        ("blocks", options.take("netG.nb", 23)),
        ("growth", options.take("netG.gc", 32)),
    ):
        changes.put(f"{generator}.{field}", int(value))
    put_start(options, "path.pretrained_netG", changes, "generator")
    changes.put(f"{generator}.start_whole", bool(options.take("train.G_param_strict", True)))
    options.expect("netG.act_mode", "L", "R")
    if options.take("netG.act_mode") == "R":
        changes.put(f"{generator}.relu", True)
    options.expect("netG.bias", True)
    options.expect("netG.upsample_mode", "upconv")
    options.expect("netG.downsample_mode", "strideconv")
    for place in ("netG.ng", "netG.reduction", "netG.init_bn_type", "netD.init_bn_type"):
        options.take(place)  # KAIR reads them for other networks only
    _initial(options, changes, "netG", "generator", not options.given("path.pretrained_netG"))
    if not with_gan:
        return
    _discriminator(options, changes)
    _initial(options, changes, "netD", "discriminator", not options.given("path.pretrained_netD"))
    options.take("train.D_param_strict")
    if options.given("path.pretrained_netD"):
        put_start(options, "path.pretrained_netD", changes, "discriminator")


def _initial(options: OptionFile, changes: Changes, place: str, network: str, anew: bool) -> None:
    """Initial weights, of a network that starts anew."""
    options.expect(f"{place}.init_type", "orthogonal")
    gain = options.take(f"{place}.init_gain")
    if anew and options.take(f"{place}.init_type") == "orthogonal":
        changes.put(f"networks.{network}.orthogonal", float(gain or 0.2))
    else:
        changes.put(f"networks.{network}.orthogonal", None)


def _discriminator(options: OptionFile, changes: Changes) -> None:
    name = options.take("netD.net_type")
    place = "networks.discriminator"
    spectral = options.take("netD.norm_type") == "spectral"
    layers = int(options.take("netD.n_layers", 3))
    options.take("netD.act_mode")
    if name == "discriminator_unet":
        changes.put(f"{place}.architecture", "UNetDiscriminator")
    elif name == "discriminator_patchgan":
        changes.put(f"{place}.architecture", "PatchGAN")
        changes.put(f"{place}.variant", "kair")
        changes.put(f"{place}.layers", layers)
        changes.put(f"{place}.spectral", spectral)
    elif name == "discriminator_vgg_128":
        changes.put(f"{place}.architecture", "VGG128Discriminator")
    else:
        raise RecipeError(f"netD.net_type: wildsr has no discriminator {name}")
    changes.put(f"{place}.features", int(options.take("netD.base_nc", 64)))


def _data(options: OptionFile, changes: Changes, scale: int) -> None:
    train = "datasets.train"
    kind = options.take(f"{train}.dataset_type")
    if kind not in ("blindsr", "sr"):
        raise RecipeError(f"{train}.dataset_type: wildsr imports blindsr and sr, not {kind}")
    options.take(f"{train}.name")
    options.expect(f"{train}.dataloader_shuffle", True)
    patch = int(options.take(f"{train}.H_size", 96))
    changes.put("data.kind", "degraded")
    changes.put("data.hr_patch", patch)
    if kind == "sr":
        changes.put("data.degradation.kind", "preset")
        changes.put("data.degradation.name", "bicubic")
        changes.put("data.degradation.options", {"values": "exact"})
        changes.put("data.lr_patch", patch // scale)
        changes.put("data.context", _BICUBIC_REACH * scale)
    else:
        name = str(options.take(f"{train}.degradation_type", "bsrgan"))
        if name not in _DEGRADATIONS:
            raise RecipeError(f"{train}.degradation_type: wildsr has {', '.join(_DEGRADATIONS)}, not {name}")
        changes.put("data.degradation.kind", "preset")
        changes.put("data.degradation.name", _DEGRADATIONS[name])
        changes.put("data.lr_patch", int(options.take(f"{train}.lq_patchsize", 72)))
        changes.put("data.sharpen", bool(options.take(f"{train}.use_sharp", False)))
        _shuffle(options, changes, f"{train}.shuffle_prob", name)
    if options.given(f"{train}.dataroot_H"):
        changes.put("data.hr", [str(options.take(f"{train}.dataroot_H"))])
    options.leave(f"{train}.dataroot_L", "LR images are made of HR images")
    if options.given(f"{train}.dataloader_num_workers"):
        changes.put("data.workers", int(options.take(f"{train}.dataloader_num_workers")))
    changes.put("train.batch_size", int(options.take(f"{train}.dataloader_batch_size", 16)))


def _shuffle(options: OptionFile, changes: Changes, place: str, degradation: str) -> None:
    value = options.take(place)
    if degradation == "bsrgan":
        return  # KAIR's bsrgan does not read it
    # As KAIR's dataset_blindsr.py, which takes 0 for a missing value too.
    changes.put("data.degradation.options", {"shuffle_prob": float(value or _SHUFFLE_PROB)})


def _losses(options: OptionFile, changes: Changes, with_gan: bool) -> None:
    put_loss(options, "train.G_lossfn_type", "train.G_lossfn_weight", changes, "objective.terms.pixel")
    if not with_gan:
        return
    features = "objective.terms.features"
    options.expect("train.F_lossfn_type", "l1", "l2")
    changes.put(f"{features}.distance", options.take("train.F_lossfn_type", "l1"))
    changes.put(f"{features}.weight", float(options.take("train.F_lossfn_weight", 1.0)))
    layers = _vgg_layers(options.take("train.F_feature_layer", 34), options.take("train.F_weights", 1.0))
    changes.put(f"{features}.layers", layers)
    changes.put(f"{features}.normalise", bool(options.take("train.F_use_input_norm", True)))
    options.expect("train.F_use_range_norm", False)
    put_gan(options, "train.gan_type", "train.D_lossfn_weight", changes)
    changes.put("objective.adversarial.generator_after", int(options.take("train.D_init_iters", 0)))


def _vgg_layers(layers: Any, weights: Any) -> dict[str, float]:
    layers = layers if isinstance(layers, list) else [layers]
    weights = weights if isinstance(weights, list) else [weights] * len(layers)
    unknown = [layer for layer in layers if layer not in _VGG_LAYERS]
    if unknown or len(weights) != len(layers):
        raise RecipeError(
            f"train.F_feature_layer: wildsr knows layers {', '.join(map(str, _VGG_LAYERS))} of VGG-19 by KAIR's "
            f"numbers, each with a weight, not {layers} with {weights}"
        )
    return {_VGG_LAYERS[layer]: float(weight) for layer, weight in zip(layers, weights, strict=True)}


def steps_before(options: OptionFile) -> int:
    """The steps of the checkpoint that training starts from; KAIR counts on from there."""
    match = _STEPS_OF_FILE.fullmatch(str(options.take("path.pretrained_netG") or ""))
    return int(match[1]) if match else 0


def _optimizers(options: OptionFile, changes: Changes, with_gan: bool) -> None:
    before = steps_before(options)
    for network, letter in (("generator", "G"), ("discriminator", "D"))[: 2 if with_gan else 1]:
        place = f"optimizers.{network}"
        options.expect(f"train.{letter}_optimizer_type", "adam")
        options.expect(f"train.{letter}_scheduler_type", "MultiStepLR")
        changes.put(f"{place}.weight_decay", float(options.take(f"train.{letter}_optimizer_wd", 0.0) or 0.0))
        at = options.take(f"train.{letter}_scheduler_milestones")
        factor = float(options.take(f"train.{letter}_scheduler_gamma", 0.5) or 0.5)
        passed = sum(int(step) <= before for step in at or ())
        rate = float(options.take(f"train.{letter}_optimizer_lr", 1e-4))
        changes.put(f"{place}.rate", rate * factor**passed)
        later = None if at is None else [int(step) - before for step in at if int(step) > before]
        put_steps_of_rates(changes, network, later, factor)
        options.leave(
            f"train.{letter}_optimizer_reuse",
            "a resumed run keeps the state of its optimizers, a new run starts without it",
        )


def _run(options: OptionFile, changes: Changes) -> None:
    changes.put("train.ema", float(options.take("train.E_decay", 0.0) or 0.0))
    for place, ours in (("checkpoint_save", "files.save_every"), ("checkpoint_print", "files.log_every")):
        if options.given(f"train.{place}"):
            changes.put(ours, int(options.take(f"train.{place}")))
    put_validation(options, "train.checkpoint_test", changes)
    options.take("path.root")
    options.take("train.E_param_strict")
    for place in ("G_regularizer_orthstep", "G_regularizer_clipstep", "G_optimizer_clipgrad"):
        options.leave(f"train.{place}", "wildsr has no such regularization")
    options.leave("path.pretrained_netE", "averaged weights start from those of the generator")
    options.leave("gpu_ids", "devices are given with `wildsr train --devices`")
    options.leave("dist", "several devices are given with `wildsr train --devices`")
    for key in (
        "name",
        "dataset_type",
        "degradation_type",
        "H_size",
        "shuffle_prob",
        "lq_patchsize",
        "use_sharp",
    ):
        options.take(f"datasets.test.{key}")
    for key in ("dataroot_H", "dataroot_L"):
        options.leave(f"datasets.test.{key}", "give a folder to validate on with `wildsr train --val FOLDER`")
