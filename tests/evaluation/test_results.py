"""Results as JSON and back."""

import json
import math

import pytest

from wildsr.evaluation.results import Metric, Results, Row

PSNR = Metric("psnr", "PSNR", True, "dB", "of 8-bit RGB", reference=True)


def results() -> Results:
    rows = (
        Row("a", "bicubic", {"psnr": 30.1}, dataset="one", seconds=0.5, peak_bytes=123, lr="lr/a.png"),
        Row("b", "bicubic", {"psnr": math.inf}, dataset="one"),
        Row("b", "mine", {"psnr": math.nan}, dataset="one"),
        Row("a", "mine", {}, dataset="two", notes={"psnr": "too small"}),
    )
    return Results({"scale": 4}, (PSNR,), ("bicubic", "mine"), rows)


def test_there_and_back() -> None:
    text = results().to_json()
    again = Results.from_json(text)
    assert again.to_json() == text
    assert again.rows[0] == results().rows[0]
    assert again.rows[1].values["psnr"] == math.inf
    assert math.isnan(again.rows[2].values["psnr"])
    assert again.rows[3].notes == {"psnr": "too small"}
    assert again.metrics == (PSNR,)


def test_the_json_is_standard() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(results().to_json(), parse_constant=refuse)["methods"] == ["bicubic", "mine"]


def test_columns_leave_out_what_has_no_value() -> None:
    assert results().column("psnr", "bicubic") == {("one", "a"): 30.1, ("one", "b"): math.inf}
    assert results().column("psnr", "mine", "two") == {}
    assert results().datasets == ("one", "two")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "not a results file"),
        ("[]", "not a results file"),
        ("{}", "not a results file"),
        ('{"wildsr_results": 99}', "format 99"),
        ('{"wildsr_results": 1}', "damaged"),
        ('{"wildsr_results": 1, "rows": [{"image": 3}]}', "damaged"),
    ],
)
def test_other_content_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Results.from_json(text)
