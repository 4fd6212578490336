"""Votes on disk: the page's JSON, and the answers to a sheet as CSV with its key. Imports no torch."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from wildsr.evaluation.compare.trials import Key, load_key
from wildsr.evaluation.preference import Decision, Vote

FORMAT = 1
_CHOICES: dict[str, Decision] = {
    "left": "left",
    "l": "left",
    "right": "right",
    "r": "right",
    "tie": "tie",
    "same": "tie",
    "t": "tie",
    "=": "tie",
}


class Votes(NamedTuple):
    """The votes of one file, and the names of all contenders that it knows."""

    contenders: tuple[str, ...]
    votes: tuple[Vote, ...]


def load_votes(paths: Sequence[Path], key: Path | None = None) -> Votes:
    """The votes of several files together: JSON that the page saved, or CSV answers to a sheet.

    Args:
        paths: of the files.
        key: of the answers; by default the file that :func:`key_beside` names.

    Raises:
        ValueError: a file holds no votes, is given twice, or does not fit its key.
        OSError: a file cannot be read.
    """
    contenders: list[str] = []
    votes: list[Vote] = []
    known: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        try:
            content = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} holds no votes: it is not a text file") from error
        if content in known:
            raise ValueError(f"{path} holds the same votes as {known[content]}; give each file once")
        known[content] = path
        found = _from_csv(path, key) if path.suffix.lower() == ".csv" else _from_json(path, content)
        contenders += found.contenders
        votes += found.votes
    if not votes:
        raise ValueError(f"there are no votes in {', '.join(map(str, paths))}")
    return Votes(tuple(dict.fromkeys(contenders)), tuple(votes))


def key_beside(answers: Path) -> Path:
    """Where the key of a sheet lies: beside its folder, so that the folder can be handed to judges."""
    folder = answers.resolve().parent
    return folder.with_name(f"{folder.name}-key.json")


def _from_json(path: Path, content: str) -> Votes:
    try:
        found = json.loads(content)
        if found["wildsr_votes"] != FORMAT:
            raise ValueError(f"its format is {found['wildsr_votes']}, this wildsr reads {FORMAT}")
        votes = tuple(
            Vote(str(vote["image"]), str(vote["left"]), str(vote["right"]), _choice(vote["choice"]))
            for vote in found["votes"]
        )
        return Votes(tuple(map(str, found["contenders"])), votes)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no votes that `wildsr compare` saved: {error}") from error


def _from_csv(path: Path, key_path: Path | None) -> Votes:
    key_path = key_path or key_beside(path)
    if not key_path.is_file():
        raise ValueError(f"{path} needs the key of its sheet, and there is no {key_path}; name it with --key")
    key = load_key(key_path)
    votes = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"pair", "choice"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{path} must have the columns pair and choice, like the answers.csv of a sheet")
        for row in rows:
            if (row["choice"] or "").strip():
                votes.append(_answer(path, rows.line_num, row["pair"] or "", row["choice"], key))
    return Votes(key.contenders, tuple(votes))


def _answer(path: Path, line: int, pair: str, choice: str, key: Key) -> Vote:
    number = pair.strip().removeprefix("pair-").removesuffix(".png")
    if not number.isdecimal() or not 1 <= int(number) <= len(key.pairs):
        raise ValueError(f"{path}, line {line}: there is no pair '{pair}'; they are 1 to {len(key.pairs)}")
    found = key.pairs[int(number) - 1]
    try:
        chosen = _choice(choice)
    except ValueError as error:
        raise ValueError(f"{path}, line {line}: {error}") from error
    return Vote(key.images[found.image], key.contenders[found.left], key.contenders[found.right], chosen)


def _choice(text: str) -> Decision:
    try:
        return _CHOICES[text.strip().lower()]
    except KeyError:
        raise ValueError(f"'{text}' is not a choice; write left, right or tie") from None
