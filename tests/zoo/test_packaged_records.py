"""The records of the embedded models that come with the package."""

from packaged_records import made

from wildsr.zoo import records


def test_they_are_those_of_the_weights() -> None:
    assert records.PACKAGED.read_text(encoding="utf-8") == made(), (
        "the embedded weights or the facts about their architectures changed: "
        "run python tests/zoo/packaged_records.py"
    )
