"""Option files in the form of the first BasicSR: RealSR's, RWSR-EDL's and ESRGAN-FS's ``train_*.yml``."""

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


def base_of(options: OptionFile) -> str:
    """The built-in recipe that a file is nearest to."""
    if not options.given("network_D.which_model_D"):
        return "rrdb-psnr"
    if options.given("train.cr_weight"):
        return "edl-ntire"
    return (
        "realsr-dped" if options.take("network_D.which_model_D") == "NLayerDiscriminator" else "realsr-df2k"
    )


def basicsr_changes(options: OptionFile, base: str) -> Changes:
    """The values of a file as changes of the recipe ``base``.

    Raises:
        RecipeError: for a network that wildsr does not train in this way.
    """
    changes = Changes()
    edl = base.startswith("edl")
    with_gan = options.given("network_D.which_model_D")
    scale = int(options.take("scale", 4))
    changes.put("scale", scale)
    if options.given("name"):
        changes.put("name", str(options.take("name")))
    if options.given("train.manual_seed"):
        changes.put("seed", int(options.take("train.manual_seed")))
    _networks(options, changes, with_gan)
    _data(options, changes, scale)
    _losses(options, changes, with_gan, "pixel_terms" if edl else "terms")
    _optimizers(options, changes, with_gan)
    _run(options, changes)
    return changes


def _networks(options: OptionFile, changes: Changes, with_gan: bool) -> None:
    name = options.take("network_G.which_model_G", "RRDBNet")
    if name != "RRDBNet":
        raise RecipeError(f"network_G.which_model_G: wildsr imports options of RRDBNet, not of {name}")
    for place in ("network_G.in_nc", "network_G.out_nc", "network_D.in_nc"):
        options.expect(place, 3)
    changes.put("networks.generator.features", int(options.take("network_G.nf", 64)))
    changes.put("networks.generator.blocks", int(options.take("network_G.nb", 23)))
    put_start(options, "path.pretrain_model_G", changes, "generator")
    changes.put("networks.generator.start_whole", bool(options.take("path.strict_load", True)))
    if not with_gan:
        return
    name = options.take("network_D.which_model_D")
    features = int(options.take("network_D.nf", 64))
    if name == "discriminator_vgg_128":
        changes.put("networks.discriminator.architecture", "VGG128Discriminator")
    elif name == "NLayerDiscriminator":
        changes.put("networks.discriminator.architecture", "PatchGAN")
        changes.put("networks.discriminator.layers", int(options.take("network_D.nlayer", 3)))
    else:
        raise RecipeError(f"network_D.which_model_D: wildsr has no discriminator {name}")
    changes.put("networks.discriminator.features", features)
    if options.given("path.pretrain_model_D"):
        put_start(options, "path.pretrain_model_D", changes, "discriminator")


def _data(options: OptionFile, changes: Changes, scale: int) -> None:
    train = "datasets.train"
    options.take(f"{train}.name")
    options.expect(f"{train}.mode", "LQGT")
    options.expect(f"{train}.color", "RGB")
    options.expect(f"{train}.use_shuffle", True)
    changes.put("data.kind", "paired")
    changes.put("data.lr_patch", int(options.take(f"{train}.GT_size", 128)) // scale)
    flip, rotate = (bool(options.take(f"{train}.{key}", False)) for key in ("use_flip", "use_rot"))
    changes.put("data.augment", "all" if rotate else "mirror" if flip else "none")
    noise = options.take(f"{train}.aug") == "noise"
    changes.put("data.inject_noise", noise)
    for key, place in (
        ("dataroot_LQ", "lr"),
        ("dataroot_GT", "hr"),
        *((("noise_data", "noise"),) if noise else ()),
    ):
        if options.given(f"{train}.{key}"):
            changes.put(f"data.{place}", str(options.take(f"{train}.{key}")))
    if options.given(f"{train}.n_workers"):
        changes.put("data.workers", int(options.take(f"{train}.n_workers")))
    changes.put("train.batch_size", int(options.take(f"{train}.batch_size", 16)))
    for key in ("name", "mode"):
        options.take(f"datasets.val.{key}")
    for key in ("dataroot_GT", "dataroot_LQ"):
        options.leave(
            f"datasets.val.{key}", "give the folder that holds HR and LR with `wildsr train --val FOLDER`"
        )


def _losses(options: OptionFile, changes: Changes, with_gan: bool, pixel_terms: str) -> None:
    pixel = f"objective.{pixel_terms}.pixel"
    put_loss(options, "train.pixel_criterion", "train.pixel_weight", changes, pixel)
    if not with_gan:
        return
    options.expect("train.feature_criterion", "l1", "l2")
    changes.put("objective.terms.features.distance", options.take("train.feature_criterion", "l1"))
    changes.put("objective.terms.features.weight", float(options.take("train.feature_weight", 1.0)))
    put_gan(options, "train.gan_type", "train.gan_weight", changes)
    changes.put("objective.adversarial.generator_every", int(options.take("train.D_update_ratio", 1)))
    changes.put("objective.adversarial.generator_after", int(options.take("train.D_init_iters", 0)))
    options.leave("train.cr_weight", "RWSR-EDL's code never reads it")


def _optimizers(options: OptionFile, changes: Changes, with_gan: bool) -> None:
    options.expect("train.lr_scheme", "MultiStepLR")
    at, factor = options.take("train.lr_steps"), options.take("train.lr_gamma")
    warmup = int(options.take("train.warmup_iter", -1))
    for network, letter in (("generator", "G"), ("discriminator", "D"))[: 2 if with_gan else 1]:
        place = f"optimizers.{network}"
        changes.put(f"{place}.rate", float(options.take(f"train.lr_{letter}", 1e-4)))
        betas = [
            float(options.take(f"train.beta{index}_{letter}", default))
            for index, default in ((1, 0.9), (2, 0.999))
        ]
        changes.put(f"{place}.betas", betas)
        changes.put(f"{place}.weight_decay", float(options.take(f"train.weight_decay_{letter}", 0.0) or 0.0))
        put_steps_of_rates(changes, network, at, factor)
        if warmup > 0:
            changes.put(f"{place}.schedule.warmup", warmup)


def _run(options: OptionFile, changes: Changes) -> None:
    for place, ours in (
        ("train.niter", "train.steps"),
        ("logger.print_freq", "files.log_every"),
        ("logger.save_checkpoint_freq", "files.save_every"),
    ):
        if options.given(place):
            changes.put(ours, int(options.take(place)))
    put_validation(options, "train.val_freq", changes)
    if options.given("use_tb_logger"):
        changes.put("files.tensorboard", bool(options.take("use_tb_logger")))
    options.take("model")
    options.expect("distortion", "sr")
    options.leave("gpu_ids", "devices are given with `wildsr train --devices`")
