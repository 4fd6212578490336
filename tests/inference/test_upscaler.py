"""Tiled equals untiled, and errors are reported."""

import dataclasses
import sys

import pytest
import torch
from small_models import noise, small_model
from torch import Tensor, nn

from wildsr.image import quantize
from wildsr.inference import upscaler as module
from wildsr.inference.engine import Array, NotFinite, OutOfMemory, Wait
from wildsr.inference.errors import UpscaleError
from wildsr.inference.tile_costs import FLAT
from wildsr.inference.upscaler import Upscaler
from wildsr.ops.dihedral import MODES, dihedral, undo_dihedral
from wildsr.ops.resize import resize
from wildsr.zoo.blend import blend
from wildsr.zoo.model import Model

LEVEL = 1 / 255


def whole(model: Model, lr: Tensor) -> Tensor:
    with torch.inference_mode():
        return model(lr).clamp(0, 1)


@pytest.mark.parametrize("size", [(96, 75), (41, 130)])
def test_tiled_equals_untiled_at_the_receptive_field(
    model: Model, runtime: str, size: tuple[int, int]
) -> None:
    lr = noise(size[0] + 2 * model.contract.receptive_field, size[1])
    tiled = Upscaler(model, precision="exact", tile=32, overlap=model.contract.receptive_field)
    assert runtime in tiled.engine
    calls: list[int] = []
    result = tiled(lr, lambda _, total: calls.append(total))
    assert calls[0] > 1
    torch.testing.assert_close(result, whole(model, lr), atol=2e-5, rtol=0)


def test_tiled_equals_untiled_within_a_level_at_the_default_overlap(model: Model) -> None:
    lr = noise(120, 75)
    result = Upscaler(model, precision="exact", tile=48)(lr)
    torch.testing.assert_close(result, whole(model, lr), atol=LEVEL, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2), (7, 5), (5, 64)])
def test_tiny_and_odd_images(model: Model, size: tuple[int, int]) -> None:
    lr = noise(*size)
    result = Upscaler(model, precision="exact")(lr)
    assert result.shape[-2:] == (size[0] * model.contract.scale, size[1] * model.contract.scale)
    torch.testing.assert_close(result, whole(model, lr), atol=2e-5, rtol=0)


def test_flips_and_turns_commute_with_the_ensemble(model: Model) -> None:
    upscale = Upscaler(model, precision="exact", ensemble=True, tile=32)
    lr = noise(40, 36)
    if model.contract.size_multiple > 1:
        lr = lr[..., :32]
    straight = upscale(lr)
    for mode in MODES:
        turned = undo_dihedral(upscale(dihedral(lr, mode)), mode)
        # The noise estimate of SRResCGAN sees the rows of a turned image in another order.
        tolerance = LEVEL if "srrescgan" in model.contract.name else 2e-5
        torch.testing.assert_close(turned, straight, atol=tolerance, rtol=0)


def test_ensemble_is_the_mean_of_eight(model: Model) -> None:
    lr = noise(24, 32)
    with torch.inference_mode():
        expected = sum(undo_dihedral(model(dihedral(lr, mode)), mode) for mode in MODES) / 8
    assert isinstance(expected, Tensor)
    result = Upscaler(model, precision="exact", ensemble=True)(lr)
    torch.testing.assert_close(result, expected.clamp(0, 1), atol=2e-5, rtol=0)


def test_back_projection_is_the_same_tiled(model: Model) -> None:
    if model.contract.scale == 1:
        pytest.skip("nothing to project back at scale 1")
    lr = noise(80, 64)
    upscale = {
        tile: Upscaler(
            model, precision="exact", back_projection=0.2, tile=tile, overlap=model.contract.receptive_field
        )(lr)
        for tile in (32, 200)
    }
    torch.testing.assert_close(upscale[32], upscale[200], atol=2e-5, rtol=0)
    assert (upscale[200] - whole(model, lr)).abs().max() > 1e-3


def test_a_batch_is_its_images_one_by_one(model: Model) -> None:
    upscale = Upscaler(model, precision="exact")
    one, other = noise(20, 24, 1), noise(20, 24, 2)
    batch = upscale(torch.cat([one, other]))
    torch.testing.assert_close(batch, torch.cat([upscale(one), upscale(other)]), atol=0, rtol=0)


def test_strength_blends_toward_another_model() -> None:
    model, other, lr = small_model("compact"), small_model("compact", seed=1), noise(20, 24)
    half = Upscaler(model, precision="exact", strength=0.5, toward=other)
    expected = Upscaler(blend(other, model, 0.5), precision="exact")(lr)
    assert torch.equal(half(lr), expected)
    none = Upscaler(model, precision="exact", strength=0.0, toward=other)
    assert torch.equal(none(lr), Upscaler(other, precision="exact")(lr))


def test_strength_blends_toward_the_plain_resize() -> None:
    model, lr = small_model("compact"), noise(50, 40)
    plain = resize(lr, (200, 160)).clamp(0, 1)
    full = Upscaler(model, precision="exact")(lr)
    torch.testing.assert_close(Upscaler(model, strength=0.0, tile=32)(lr), plain, atol=1e-5, rtol=0)
    half = Upscaler(model, precision="exact", strength=0.5)(lr)
    inside = (full > 0) & (full < 1) & (plain > 0) & (plain < 1)
    torch.testing.assert_close(half[inside], ((plain + full) / 2)[inside], atol=1e-5, rtol=0)


class _Standin:
    """An engine that computes with PyTorch at once; ``run`` may be replaced."""

    name = "stand-in"
    version = "1"
    costs = FLAT
    at_once = 1

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def batch(self, *_: int) -> int:
        return self.at_once

    def run(self, tiles: Tensor) -> Tensor:
        with torch.inference_mode():
            return self.network(tiles)

    def start(self, tiles: Array, levels: bool) -> Wait:
        out = self.run(torch.from_numpy(tiles))
        result = (quantize(out).permute(0, 2, 3, 1) if levels else out).numpy()

        def wait() -> Array:
            if not out.isfinite().all():
                raise NotFinite
            return result

        return wait


class _Limited(_Standin):
    """An engine with memory for a limited number of pixels."""

    def __init__(self, network: nn.Module, pixels: int, at_once: int = 1) -> None:
        super().__init__(network)
        self.pixels, self.at_once = pixels, at_once
        self.seen: list[tuple[int, int]] = []

    def batch(self, *_: int) -> int:
        """Like an engine that looks at the memory, which is still in use while the error is handled."""
        return self.at_once if sys.exc_info()[0] is None else 1

    def run(self, tiles: Tensor) -> Tensor:
        tile = tiles.shape[-1] * tiles.shape[-2]
        if len(tiles) * tile > self.pixels:
            raise OutOfMemory("out of memory")
        self.seen.append((len(tiles), tile))
        return super().run(tiles)


def with_engine(monkeypatch: pytest.MonkeyPatch, make: object) -> None:
    monkeypatch.setattr(
        module, "engine_maker", lambda model, *_: (lambda half: make(model.unit_range, half), False)
    )  # type: ignore[operator]


def test_out_of_memory_shrinks_the_tile_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    engines: list[_Limited] = []

    def make(network: nn.Module, _: bool) -> _Limited:
        engines.append(_Limited(network, 48 * 48))
        return engines[-1]

    with_engine(monkeypatch, make)
    model, lr = small_model("compact"), noise(150, 170)
    result = Upscaler(model)(lr)
    torch.testing.assert_close(result, whole(model, lr), atol=LEVEL, rtol=0)
    assert max(engines[0].seen)[1] <= 48 * 48


def test_equal_tiles_are_computed_together_and_fewer_when_memory_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engines: list[_Limited] = []

    def make(network: nn.Module, _: bool) -> _Limited:
        engines.append(_Limited(network, 3 * 48 * 48, at_once=5))
        return engines[-1]

    with_engine(monkeypatch, make)
    model, lr = small_model("compact"), noise(150, 170)
    result = Upscaler(model, tile=48)(lr)
    torch.testing.assert_close(result, whole(model, lr), atol=LEVEL, rtol=0)
    assert max(engines[0].seen)[0] == 2, "five did not fit, so half of that"
    assert min(engines[0].seen)[1] > 40 * 40, "the tiles themselves stayed as they were"


def test_memory_for_no_tile_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with_engine(monkeypatch, lambda network, _: _Limited(network, 10))
    with pytest.raises(UpscaleError, match="not enough memory for a tile"):
        Upscaler(small_model("compact"))(noise(100, 100))


class _Overflowing(_Standin):
    """An engine that overflows in half precision, or always."""

    def __init__(self, network: nn.Module, broken: bool) -> None:
        super().__init__(network)
        self.broken = broken

    def run(self, tiles: Tensor) -> Tensor:
        with torch.no_grad():
            out: Tensor = self.network(tiles)
        out[..., :1, :1] = float("inf") if self.broken else 0.5
        return out


@pytest.mark.parametrize("always", [False, True])
def test_infinity_falls_back_to_float32_and_is_never_passed_on(
    monkeypatch: pytest.MonkeyPatch, always: bool
) -> None:
    with_engine(monkeypatch, lambda network, half: _Overflowing(network, half or always))
    upscale = Upscaler(small_model("compact"), precision="half")
    if always:
        with pytest.raises(UpscaleError, match="NaN or infinite values"):
            upscale(noise(20, 20))
    else:
        assert upscale(noise(20, 20))[0, 0, 0, 0] == 0.5


def test_a_model_that_half_precision_spoils_runs_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rounding(_Standin):
        def __init__(self, network: nn.Module, step: float) -> None:
            super().__init__(network)
            self.name, self.step = f"rounding {step}", step

        def run(self, tiles: Tensor) -> Tensor:
            out = super().run(tiles)
            return (out / self.step).round() * self.step if self.step else out

    for step, chosen in ((0.1, "rounding 0"), (0.001, "rounding 0.001")):
        monkeypatch.setattr(
            module,
            "engine_maker",
            lambda model, *_, step=step: (lambda half: Rounding(model.unit_range, step if half else 0), True),
        )
        assert Upscaler(small_model("compact")).engine == chosen
        assert Upscaler(small_model("compact"), precision="exact").engine == "rounding 0"


def test_changed_weights_are_not_taken_for_the_compiled_ones() -> None:
    first, second = small_model("compact", seed=0), small_model("compact", seed=1)
    lr = noise(16, 16)
    Upscaler(first, precision="exact")(lr)
    torch.testing.assert_close(Upscaler(second, precision="exact")(lr), whole(second, lr), atol=2e-5, rtol=0)


def test_images_of_many_sizes_do_not_pile_up_compiled_models() -> None:
    from wildsr.inference.openvino_engine import KEPT_IN_MEMORY, OpenVinoEngine, works

    if not works():
        pytest.skip("OpenVINO has no CPU here")
    model = small_model("compact")
    engine = OpenVinoEngine(lambda: model.network, "many sizes", half=False)
    for size in [*range(8, 20), 8]:
        lr = noise(size, size)
        torch.testing.assert_close(
            torch.from_numpy(engine.start(lr.numpy(), False)()).clamp(0, 1),
            whole(model, lr),
            atol=2e-5,
            rtol=0,
        )
    assert len(engine._requests) == KEPT_IN_MEMORY


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strength": 1.5}, "strength is 1.5"),
        ({"tile": 8}, "at least 32"),
        ({"overlap": -1}, "cannot be negative"),
        ({"device": "toaster"}, "unknown device 'toaster'"),
        ({"device": "cuda:99"}, "not available here"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Upscaler(small_model("compact"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 3, 8, 8), (1, 1, 8, 8), (1, 3, 0, 8)])
def test_bad_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected one RGB image"):
        list(Upscaler(small_model("compact")).pieces(torch.zeros(shape)))


def test_nan_in_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        Upscaler(small_model("compact"))(torch.full((1, 3, 8, 8), float("nan")))


def test_the_contract_names_the_domain() -> None:
    model = small_model("srrescgan")
    assert model.contract.value_range == 255
    assert dataclasses.replace(model.contract, name="other").scale == 4
