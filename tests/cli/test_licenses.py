"""``wildsr --licenses``."""

from collections.abc import Callable

from typer.testing import Result

Run = Callable[..., Result]


def test_everything_that_is_needed_is_listed_with_a_licence(wildsr: Run) -> None:
    done = wildsr("--licenses")
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in done.output.splitlines()]
    licences = {name: licence for name, _, licence in rows}
    assert licences["wildsr"] == "Apache-2.0"
    assert licences["model wildsr-faithful-x4"] == "Apache-2.0"
    assert licences["model wildsr-photo-x4"] == "BSD-3-Clause"
    assert licences["model wildsr-photo-faithful-x4"] == "BSD-3-Clause"
    assert {"torch", "openvino", "pyvips", "numpy", "typer"} <= set(licences)
    assert all(licences.values())
    assert "MPL" in licences["certifi"] or "certifi" not in licences
