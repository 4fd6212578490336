"""The example of docs/evaluation.md runs as it stands; metrics of one's own are checked like the built-in ones."""

import re
from pathlib import Path

import pytest
import torch
from evaluation_images import photograph, save_folder
from torch import Tensor

import wildsr.evaluation as public
from wildsr.evaluation import FunctionMetric, MeasureOptions, Results, evaluate_results
from wildsr.evaluation.metrics import open_meters

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"
LONGEST = 30


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(block.splitlines()) <= LONGEST
    image = photograph()
    save_folder(tmp_path / "originals", a=image, b=image.flip(-1))
    save_folder(tmp_path / "results", a=image, b=image.roll(2, -1).flip(-1))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, str(PAGE), "exec"), names)
    results = Results.from_json((tmp_path / "out" / "results.json").read_text())
    assert [metric.name for metric in results.metrics] == ["psnr", "gradients"]
    assert "horizontal and vertical" in results.metrics[1].definition
    values = results.column("gradients", "mine")
    assert values["", "a"] == 0
    assert values["", "b"] > 0
    assert "gradients" in (tmp_path / "report.html").read_text()


def brightness(images: Tensor) -> Tensor:
    assert images.dtype == torch.float32
    return images.mean((1, 2, 3))


def test_without_a_reference(tmp_path: Path) -> None:
    grey = torch.full((1, 3, 16, 16), 51 / 255)
    metric = FunctionMetric("brightness", brightness, "mean of RGB", reference=False)
    results = evaluate_results(
        {"mine": save_folder(tmp_path / "r", a=grey)}, measure=MeasureOptions((metric,))
    )
    assert results.column("brightness", "mine")["", "a"] == pytest.approx(0.2)


def test_what_is_refused(tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "r", a=torch.rand(1, 3, 16, 16))
    own = FunctionMetric("psnr", brightness, "a name that is taken")
    with pytest.raises(ValueError, match="two metrics named 'psnr'"):
        evaluate_results({"mine": folder}, measure=MeasureOptions((own,)))
    needs = FunctionMetric("needs", lambda a, b: (a - b).mean((1, 2, 3)), "a difference")
    with pytest.raises(ValueError, match="compare with a ground truth, and there is none"):
        evaluate_results({"mine": folder}, measure=MeasureOptions((needs,)))
    flat = FunctionMetric("flat", lambda a: a.mean(), "a number for all", reference=False)
    with pytest.raises(TypeError, match="one for each image"):
        evaluate_results({"mine": folder}, measure=MeasureOptions((flat,)))


@pytest.mark.parametrize("name", ["fid", "kid"])
def test_metrics_that_are_known_but_not_computed_say_why(name: str) -> None:
    with pytest.raises(ValueError, match=f"wildsr does not compute {name.upper()}: .+"):
        open_meters([name], public.MetricSettings())


def test_the_surface_exists() -> None:
    for name in public.__all__:
        assert getattr(public, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = public.nonsense
