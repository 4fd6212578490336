"""The training loop: learning, exact resuming, files, and failures."""

import errno
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from small_runs import (
    BF16,
    FP32,
    Pixel,
    RandomBatches,
    SmallGan,
    optimizers_of,
    rates_of,
    run_in,
    settings,
)
from torch import Tensor, nn

from wildsr.training import state_files
from wildsr.training.errors import Interrupted, TrainingError
from wildsr.training.events import Event, Saved, TrainingNote, TrainingProgress, Validated
from wildsr.training.logs import Logs
from wildsr.training.loop import fit
from wildsr.training.objective import Batch
from wildsr.training.processes import Hardware, start
from wildsr.training.settings import RunSettings, Validation
from wildsr.zoo.load import load


def train(
    folder: Path, given: RunSettings, objective: object = None, hardware: Hardware = FP32, **more: object
) -> Path:
    objective = objective or SmallGan()
    networks = objective.networks  # type: ignore[attr-defined]
    arguments = {"batches": RandomBatches(), "run": run_in(folder), **more}
    batches, run = arguments.pop("batches"), arguments.pop("run")
    return fit(
        start(hardware),
        objective,
        optimizers_of(networks),
        rates_of(networks),
        batches,
        given,
        run,
        **arguments,
    )  # type: ignore[arg-type]


def last_state(folder: Path) -> dict[str, object]:
    return torch.load(state_files.states(run_in(folder))[-1], weights_only=True)  # type: ignore[no-any-return]


def assert_same(one: object, other: object, where: str = "state") -> None:
    """Compare nested values bit for bit."""
    assert type(one) is type(other), where
    if isinstance(one, Tensor):
        assert torch.equal(one, other), where  # type: ignore[arg-type]
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where  # type: ignore[attr-defined]
        for key, value in one.items():
            assert_same(value, other[key], f"{where}.{key}")  # type: ignore[index]
    elif isinstance(one, list | tuple):
        for number, (mine, its) in enumerate(zip(one, other, strict=True)):  # type: ignore[call-overload]
            assert_same(mine, its, f"{where}.{number}")
    else:
        assert one == other, where


def lines(folder: Path) -> list[dict[str, object]]:
    kept = []
    for line in (folder / "log.jsonl").read_text().splitlines():
        values = json.loads(line)
        kept.append({k: v for k, v in values.items() if k not in ("seconds_per_step", "waiting_for_data")})
    return kept


class StopAfter:
    """Sends this process a signal when batch ``step`` is asked for."""

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        self.step, self.number = step, number

    def __call__(self, first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(RandomBatches()(first_step), start=first_step):
            if step == self.step:
                os.kill(os.getpid(), self.number)
            yield batch


def test_learns_logs_and_writes_a_model(tmp_path: Path) -> None:
    events: list[Event] = []
    path = train(
        tmp_path, settings(40, log_every=10, save_every=20, ema=0.5), Pixel(), on_event=events.append
    )
    logged = lines(tmp_path)
    assert [line["step"] for line in logged] == [10, 20, 30, 40]
    assert logged[-1]["g/l1"] < logged[0]["g/l1"]  # type: ignore[operator]
    assert logged[0]["rate/g"] == pytest.approx(1e-4)
    progress = [event for event in events if isinstance(event, TrainingProgress)]
    assert [event.step for event in progress] == list(range(1, 41))
    assert progress[-1].seconds_left == 0
    assert set(progress[0].losses) == {"g/l1"}
    assert [event.step for event in events if isinstance(event, Saved)] == [0, 20, 40]
    assert (tmp_path / "recipe.yaml").read_text() == "name: small\n"
    assert path == tmp_path / "small.safetensors"


def test_the_model_file_is_the_average(tmp_path: Path) -> None:
    path = train(tmp_path, settings(4))
    model = load(path)
    assert (model.contract.architecture, model.contract.scale) == ("SRVGGNetCompact", 2)
    assert model.contract.licence == "Apache-2.0"
    with safe_open(path, "pt") as file:
        assert file.metadata()["steps"] == "4"
    state = last_state(tmp_path)
    for name, value in model.network.state_dict().items():
        assert torch.equal(value, state["average"][name])  # type: ignore[index]
        assert not torch.equal(value, state["networks"]["g"][name])  # type: ignore[index]


@pytest.mark.parametrize("hardware", [FP32, BF16], ids=lambda hardware: hardware.precision)
@pytest.mark.parametrize("stopped_at", [1, 3, 5])
def test_a_stopped_run_resumes_exactly(tmp_path: Path, hardware: Hardware, stopped_at: int) -> None:
    given = settings(7, accumulate=2, clip=1.0, ema_warmup=True, fresh_optimizers_at=(4,))
    train(tmp_path / "whole", given, hardware=hardware)
    with pytest.raises(Interrupted) as stopped:
        train(tmp_path / "halves", given, hardware=hardware, batches=StopAfter(stopped_at))
    # The signal came while batch number stopped_at was made, so that its step was still done.
    assert (stopped.value.signal, stopped.value.step) == (signal.SIGTERM, stopped_at + 1)
    assert stopped.value.state.exists()
    images = RandomBatches()
    train(tmp_path / "halves", given, hardware=hardware, batches=images)
    assert images.seen[0] == stopped_at + 1
    assert_same(last_state(tmp_path / "whole"), last_state(tmp_path / "halves"))
    assert lines(tmp_path / "whole") == lines(tmp_path / "halves")


def test_bf16_differs_from_fp32(tmp_path: Path) -> None:
    train(tmp_path / "a", settings(2), hardware=FP32)
    train(tmp_path / "b", settings(2), hardware=BF16)
    one, other = last_state(tmp_path / "a")["networks"], last_state(tmp_path / "b")["networks"]
    assert not torch.equal(one["g"]["body.0.weight"], other["g"]["body.0.weight"])  # type: ignore[index]
    assert one["g"]["body.0.weight"].dtype == other["g"]["body.0.weight"].dtype == torch.float32  # type: ignore[index]


def test_random_state_and_signal_handlers_of_the_caller_are_restored(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    objective = Pixel()
    torch.manual_seed(5)
    train(tmp_path, settings(2), objective)
    assert torch.equal(torch.rand(1), expected)
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_fresh_optimizers_are_reset(tmp_path: Path) -> None:
    train(tmp_path / "kept", settings(4), Pixel())
    train(tmp_path / "fresh", settings(4, fresh_optimizers_at=(2,)), Pixel())
    steps = [
        last_state(tmp_path / name)["optimizers"]["g"]["state"][0]["step"].item()  # type: ignore[index]
        for name in ("kept", "fresh")
    ]
    assert steps == [4, 2]


def test_only_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    train(tmp_path, settings(7, save_every=1, keep=2), Pixel())
    assert [path.name for path in state_files.states(run_in(tmp_path))] == [
        "step-00000006.pt",
        "step-00000007.pt",
    ]


def test_validation_chooses_the_best_model(tmp_path: Path) -> None:
    values = iter([3.0, 5.0, 4.0])
    modes = []

    def judge(network: nn.Module) -> Validation:
        modes.append((network.training, torch.is_grad_enabled()))
        return Validation({"score": next(values)}, {"one": torch.rand(3, 4, 5)})

    events: list[Event] = []
    given = settings(6, every=2, best_by="score", ema=0.0)
    objective = Pixel()
    train(tmp_path, given, objective, validate=judge, on_event=events.append)
    judged = [event for event in events if isinstance(event, Validated)]
    assert [(event.step, event.metrics["score"], event.best) for event in judged] == [
        (2, 3.0, True),
        (4, 5.0, True),
        (6, 4.0, False),
    ]
    assert modes == [(False, False)] * 3
    assert objective.networks["g"].training
    assert last_state(tmp_path)["best"] == {"score": [5.0, 4]}
    with safe_open(tmp_path / "small-best.safetensors", "pt") as file:
        assert file.metadata()["steps"] == "4"
    assert (tmp_path / "samples" / "one" / "step-00000006.png").exists()
    assert [line["validation/score"] for line in lines(tmp_path) if "validation/score" in line] == [
        3.0,
        5.0,
        4.0,
    ]


def test_an_unknown_metric_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="'psnr': there is score"):
        train(tmp_path, settings(2, best_by="psnr"), Pixel(), validate=lambda _: Validation({"score": 1.0}))


def test_tensorboard_gets_curves(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(tmp_path, settings(4, tensorboard=True), Pixel())
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in found.Scalars("g/l1")] == [2, 4]


class TroubleAt:
    """Random batches, some of which make the loss NaN."""

    def __init__(self, *steps: int) -> None:
        self.steps = steps
        self.seen: list[int] = []

    def __call__(self, first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(RandomBatches()(first_step), start=first_step):
            self.seen.append(step)
            if step in self.steps:
                batch["hr"] = batch["hr"] * float("nan")
            yield batch


def test_after_nan_it_returns_to_the_last_checkpoint_and_skips_the_batches(tmp_path: Path) -> None:
    events: list[Event] = []
    trouble = TroubleAt(4)
    train(tmp_path, settings(8), batches=trouble, on_event=events.append)
    # Saved after step 3; batch 4 is bad, so that step 3 begins again with batch 5.
    assert trouble.seen == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    notes = [event.text for event in events if isinstance(event, TrainingNote)]
    assert notes == ["'g/l1' was nan in step 5; training continues from step 3 with other images"]
    state = last_state(tmp_path)
    assert (state["step"], state["skipped"]) == (8, 2)
    assert all(torch.isfinite(value).all() for value in state["average"].values())  # type: ignore[union-attr]
    assert [line["step"] for line in lines(tmp_path)] == [2, 3, 4, 6, 8]


def test_a_run_with_nan_resumes_exactly(tmp_path: Path) -> None:
    train(tmp_path / "whole", settings(8), batches=TroubleAt(4))
    with pytest.raises(Interrupted):
        train(tmp_path / "halves", settings(8), batches=_bad_then_stop())
    train(tmp_path / "halves", settings(8), batches=TroubleAt(4))
    assert_same(last_state(tmp_path / "whole"), last_state(tmp_path / "halves"))


def _bad_then_stop() -> object:
    def batches(first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(TroubleAt(4)(first_step), start=first_step):
            if step == 6:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch

    return batches


def test_repeated_nan_is_an_error_with_advice(tmp_path: Path) -> None:
    trouble = TroubleAt(*range(4, 100))
    with pytest.raises(
        TrainingError, match=r"'g/l1' was nan in step 4; this is failure 3 since step 3.*learning rate"
    ):
        train(tmp_path, settings(8, attempts=2), batches=trouble)
    assert last_state(tmp_path)["step"] == 3


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    class Poisoned(Pixel):
        def losses(self, batch: Batch):  # type: ignore[no-untyped-def]
            # A finite loss whose gradient is not.
            found = super().losses(batch)
            weight = next(self.networks["g"].parameters())
            found["g"]["root"] = (weight - weight.detach()).abs().sum().sqrt()
            return found

    with pytest.raises(TrainingError, match="'g/weights' was nan in step 1"):
        train(tmp_path, settings(3, attempts=0, save_every=1), Poisoned())
    assert last_state(tmp_path)["step"] == 0


def test_another_recipe_is_refused_with_the_differences(tmp_path: Path) -> None:
    train(tmp_path, settings(2), Pixel(), run=run_in(tmp_path, blocks="16", seed="1"))
    with pytest.raises(TrainingError, match=r"another recipe.*blocks was 16, is 23"):
        train(tmp_path, settings(4), Pixel(), run=run_in(tmp_path, blocks="23", seed="1"))


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    train(tmp_path, settings(2), Pixel())
    with pytest.raises(TrainingError, match="does not fit"):
        train(tmp_path, settings(4), SmallGan())


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    train(tmp_path, settings(2), Pixel())
    path = state_files.states(run_in(tmp_path))[-1]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"step-00000002.pt cannot be read.*remove it"):
        train(tmp_path, settings(4), Pixel())


@pytest.mark.parametrize(
    "change",
    [
        {"identity": None},
        {"identity": {"a": 1}},
        {"step": -2},
        {"step": 10**12},
        {"step": 1},
        {"networks": []},
    ],
    ids=str,
)
def test_a_forged_checkpoint_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    train(tmp_path, settings(2), Pixel())
    path = state_files.states(run_in(tmp_path))[-1]
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(TrainingError, match=r"step-00000002.pt is damaged or was renamed"):
        train(tmp_path, settings(4), Pixel())


def test_a_checkpoint_that_calls_a_function_is_refused(tmp_path: Path) -> None:
    """PyTorch itself would call ``bytearray`` with any size."""
    train(tmp_path, settings(2), Pixel())
    path = state_files.states(run_in(tmp_path))[-1]
    torch.save({**torch.load(path, weights_only=True), "extra": bytearray(10)}, path)
    with pytest.raises(TrainingError, match="objects besides weights"):
        train(tmp_path, settings(4), Pixel())


def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    seen = []

    def second(_: Event) -> None:
        if not seen:
            with pytest.raises(TrainingError, match="another process is training in"):
                train(tmp_path, settings(2), Pixel())
            seen.append(True)

    train(tmp_path, settings(2), Pixel(), on_event=second)
    assert seen
    train(tmp_path, settings(3), Pixel())
    assert not (tmp_path / ".lock").exists()


def test_a_user_defined_network_is_written_with_the_name_of_its_class(tmp_path: Path) -> None:
    class OwnNetwork(nn.Sequential):
        pass

    events: list[Event] = []
    network = OwnNetwork(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
    path = train(tmp_path, settings(1, ema=0.0), Pixel({"g": network}), on_event=events.append)
    with safe_open(path, "pt") as file:
        assert file.metadata()["architecture"] == "OwnNetwork"
    other = OwnNetwork(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
    other.load_state_dict(load_file(path))
    assert torch.equal(other[0].weight, network[0].weight)
    notes = [event.text for event in events if isinstance(event, TrainingNote)]
    assert any("OwnNetwork is not one of wildsr's networks" in note for note in notes)


def test_all_networks_are_written_beside_the_model(tmp_path: Path) -> None:
    path = train(tmp_path, settings(2))
    state = last_state(tmp_path)["networks"]
    found = {file.name: load_file(file) for file in tmp_path.glob("*.safetensors")}
    assert found.keys() == {path.name, "small-G.safetensors", "small-d.safetensors"}
    for name, role in (("small-G", "g"), ("small-d", "d")):
        weights = {k: v for k, v in state[role].items() if v.is_floating_point()}  # type: ignore[index]
        assert_same(found[f"{name}.safetensors"], weights)
    assert not torch.equal(found["small-G.safetensors"]["body.0.weight"], found[path.name]["body.0.weight"])


def test_the_best_model_is_kept_for_each_metric(tmp_path: Path) -> None:
    values = iter([(3.0, 0.5), (5.0, 0.6), (4.0, 0.4)])

    def judge(_: nn.Module) -> Validation:
        score, distance = next(values)
        return Validation({"score": score, "distance": distance}, {}, frozenset({"distance"}))

    events: list[Event] = []
    given = settings(6, every=2, best_by=("score", "distance"), ema=0.0)
    train(tmp_path, given, Pixel(), validate=judge, on_event=events.append)
    judged = [event.best_by for event in events if isinstance(event, Validated)]
    assert judged == [("score", "distance"), ("score",), ("distance",)]
    assert last_state(tmp_path)["best"] == {"score": [5.0, 4], "distance": [0.4, 6]}
    for metric, step in (("score", "4"), ("distance", "6")):
        with safe_open(tmp_path / f"small-best-{metric}.safetensors", "pt") as file:
            assert file.metadata()["steps"] == step


def test_a_metric_that_cannot_be_computed_here_is_left_out_of_several(tmp_path: Path) -> None:
    given = settings(1, best_by=("score", "lpips"), ema=0.0)
    train(tmp_path, given, Pixel(), validate=lambda _: Validation({"score": 1.0}))
    assert last_state(tmp_path)["best"] == {"score": [1.0, 1]}
    assert (tmp_path / "small-best-score.safetensors").is_file()
    assert not (tmp_path / "small-best-lpips.safetensors").exists()


def test_a_checkpoint_of_an_older_version_is_resumed(tmp_path: Path) -> None:
    """Its keys had other names, and its best value was that of a single metric."""
    judge = iter([3.0, 2.0])
    run = run_in(tmp_path, **{"now.called": "1"})
    run = replace(run, current=lambda old: {key.replace("once", "now"): value for key, value in old.items()})
    given = settings(2, every=2, best_by="score", ema=0.0)
    train(tmp_path, given, Pixel(), run=run, validate=lambda _: Validation({"score": next(judge)}))
    state = state_files.states(run)[-1]
    content = torch.load(state, weights_only=True)
    torch.save({**content, "identity": {"once.called": "1"}, "best": [3.0, 2]}, state)
    longer = settings(4, every=4, best_by="score", ema=0.0)
    train(tmp_path, longer, Pixel(), run=run, validate=lambda _: Validation({"score": next(judge)}))
    assert last_state(tmp_path)["best"] == {"score": [3.0, 2]}


def test_training_continues_on_a_full_disk_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.save

    def save(content: object, file: object) -> None:
        if content["step"] == 3:  # type: ignore[index]
            file.write(b"half of it")  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(content, file)  # type: ignore[arg-type]

    monkeypatch.setattr(torch, "save", save)
    events: list[Event] = []
    train(tmp_path, settings(6), Pixel(), on_event=events.append)
    (note,) = [event.text for event in events if isinstance(event, TrainingNote)]
    assert "No space left on device" in note
    assert "step-00000003.pt" in note
    assert not any(path.suffix == ".tmp" for path in (tmp_path / "state").iterdir())
    assert [event.step for event in events if isinstance(event, Saved)] == [0, 6]


def test_training_continues_if_the_log_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Logs, "line", full)
    monkeypatch.setattr(Logs, "images", full)
    events: list[Event] = []
    judged = Validation({"score": 1.0}, {"one": torch.rand(3, 4, 5)})
    train(tmp_path, settings(2), Pixel(), validate=lambda _: judged, on_event=events.append)
    notes = [event.text for event in events if isinstance(event, TrainingNote)]
    assert len(notes) == 3  # the losses, the metrics, the images
    assert all("No space left on device" in note and "Training continues" in note for note in notes)
    assert last_state(tmp_path)["step"] == 2


def test_a_full_disk_at_the_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, settings(3), Pixel())
    before = state_files.states(run_in(tmp_path))[-1].read_bytes()

    def save(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(TrainingError, match=r"No space left on device.*saved before is intact"):
        train(tmp_path, settings(5), Pixel())
    assert state_files.states(run_in(tmp_path))[-1].read_bytes() == before


def test_errors_of_the_data_are_raised_after_saving_a_checkpoint(tmp_path: Path) -> None:
    def batches(first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(RandomBatches()(first_step), start=first_step):
            if step == 5:
                raise RuntimeError("a worker process was killed")
            yield batch

    with pytest.raises(RuntimeError, match="a worker process was killed"):
        train(tmp_path, settings(8), batches=batches)
    assert last_state(tmp_path)["step"] == 5
    train(tmp_path, settings(8))
    train(tmp_path.with_name("whole"), settings(8))
    assert_same(last_state(tmp_path), last_state(tmp_path.with_name("whole")))


def test_errors_of_the_data_caused_by_a_signal_do_not_hide_it(tmp_path: Path) -> None:
    def batches(first_step: int) -> Iterator[Batch]:
        for step, batch in enumerate(RandomBatches()(first_step), start=first_step):
            if step == 5:
                os.kill(os.getpid(), signal.SIGTERM)
                raise RuntimeError("DataLoader worker exited")
            yield batch

    with pytest.raises(Interrupted) as stopped:
        train(tmp_path, settings(8), batches=batches)
    assert (stopped.value.signal, stopped.value.step) == (signal.SIGTERM, 5)
    assert last_state(tmp_path)["step"] == 5


def test_running_out_of_memory_is_an_error_with_advice(tmp_path: Path) -> None:
    class Large(Pixel):
        def losses(self, batch: Batch):  # type: ignore[no-untyped-def]  # noqa: ARG002
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    with pytest.raises(TrainingError, match=r"memory ran out in step 1: .*accumulate"):
        train(tmp_path, settings(2), Large())


def test_a_model_without_a_checkpoint_is_not_overwritten(tmp_path: Path) -> None:
    path = train(tmp_path, settings(2), Pixel())
    before = path.read_bytes()
    for state in state_files.states(run_in(tmp_path)):
        state.unlink()
    with pytest.raises(TrainingError, match=r"small.safetensors exists"):
        train(tmp_path, settings(2), Pixel())
    assert path.read_bytes() == before


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    path = train(tmp_path, settings(3), Pixel())
    before = path.read_bytes()
    images = RandomBatches()
    assert train(tmp_path, settings(3), Pixel(), batches=images) == path
    assert (path.read_bytes(), images.seen) == (before, [])


def test_fp16_on_a_cpu_is_refused() -> None:
    with pytest.raises(TrainingError, match="bf16"):
        start(Hardware("cpu", precision="fp16"))


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("keep", 0), ("ema", 1.0), ("clip", 0.0)])
def test_impossible_settings_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        settings(**{"steps": 1, name: value})  # type: ignore[arg-type]
