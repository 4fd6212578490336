"""`wildsr adapt` on City100 (CameraSR): real photos of two cameras, with their ground truth; prints Markdown tables.

    wildsr data pull city100 --to city100 && wildsr data layout city100 city100 -o data
    python benchmarks/city100.py data -o FOLDER --minutes 20

As in `wildsr benchmark camerasr`, LR is the given LR downscaled to a quarter. The command gets the LR photos of the 95
scenes that CameraSR's authors train on, and as sharp images (`--sharp`) the HR images of the same scenes, not as pairs.
The adapted model, written or not, is then measured beside others on the authors' five test scenes, by the metrics of
the benchmark.
"""

import argparse
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from wildsr.adapt import AdaptNote, AdaptOptions, AdaptStage, adapt
from wildsr.evaluation.benchmark import PROTOCOLS, SCALE, benchmark_method, datasets_of
from wildsr.evaluation.candidates import BICUBIC, Candidate, InferenceSettings
from wildsr.evaluation.evaluate import MeasureOptions, RunOptions, evaluate_methods
from wildsr.evaluation.output import write_output

TEST_SCENES = ("001", "016", "048", "060", "098")
"""Those of Test_DSLR and Test_Phone in the authors' repository."""
PROTOCOL = PROTOCOLS["camerasr"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with sets/city100, from `wildsr data layout`")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for photos, models, results")
    parser.add_argument("--minutes", type=float, default=20, help="for each camera")
    parser.add_argument("--model", "-m", action="append", default=[], help="further models to measure")
    parser.add_argument("--features", type=Path)
    given = parser.parse_args()
    run = RunOptions(InferenceSettings("cpu", "exact"), given.output / "cache", False)
    measures = MeasureOptions(PROTOCOL.metrics, PROTOCOL.border, given.features)
    methods = [benchmark_method(name, given.data) for name in [BICUBIC, "default", *given.model]]
    for pairs in datasets_of("camerasr", given.data, given.output / "cache"):
        folder = given.output / pairs.name
        photos, sharp = folder / "photos", folder / "sharp"
        for part in (photos, sharp):
            part.mkdir(parents=True, exist_ok=True)
        for name, lr, hr in pairs.samples:
            if name not in TEST_SCENES and hr is not None:
                shutil.copyfile(lr, photos / f"{name}.png")
                shutil.copyfile(hr, sharp / f"{name}.png")
        adapted = Candidate(
            "adapted", str(adapted_model(photos, sharp, folder / "adapted.safetensors", given))
        )
        tested = replace(pairs, samples=tuple(one for one in pairs.samples if one.image in TEST_SCENES))
        results = evaluate_methods([*methods, adapted], [tested], measures, run, scale=SCALE)
        write_output(results, folder / "results", against="default")
        print((folder / "results" / "results.md").read_text(encoding="utf-8"))


def adapted_model(photos: Path, sharp: Path, model: Path, given: argparse.Namespace) -> Path:
    """Adapt; a finished or interrupted run is continued. Returns the trained model, also if it was declined."""
    began = time.monotonic()

    def show(event: object) -> None:
        if isinstance(event, AdaptStage | AdaptNote):
            print(f"{model.parent.name} {time.monotonic() - began:6.0f} s  {event.text}", file=sys.stderr)

    options = AdaptOptions(minutes=given.minutes, sharp=sharp, features=given.features)
    result = adapt(photos, model, options, on_event=show)
    print(f"{model.parent.name}: {result.verdict.reason}")
    return result.work / "candidate.safetensors"


if __name__ == "__main__":
    main()
