"""Modules import only from lower layers, and ``import wildsr`` loads no heavy dependency."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import wildsr

SOURCE = Path(wildsr.__file__).parent
LAYERS = [
    {"errors", "storage"},
    {"ops"},
    {"image"},
    {"networks"},
    {"losses"},
    {"degradations"},
    {"zoo"},
    {"estimation"},
    {"data"},
    {"inference"},
    {"export", "spandrel_plugin"},
    {"evaluation"},
    {"training"},
    {"recipes"},
    {"adapt"},
    {"web", "cluster"},
    {"cli"},
]
NEVER = {("training", "inference"), ("training", "evaluation")}
"""Training and inference meet only in a model file."""
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
HEAVY = {"torch", "openvino", "numpy", "pyvips", "lightning", "fastapi", "uvicorn"}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: use absolute imports"
            names = (
                [node.module or ""] if node.module != "wildsr" else [f"wildsr.{a.name}" for a in node.names]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("wildsr.")}
    return rooms - {"__version__"}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_leftwards(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    assert room in RANK, f"{path} is in no layer of ARCHITECTURE.md"
    for other in imported_rooms(path) - {room}:
        assert RANK[other] < RANK[room], f"{path}: {room} must not import {other}"
        assert (room, other) not in NEVER, f"{path}: {room} must not import {other}"


@pytest.mark.parametrize(
    "statement",
    [
        "import wildsr",
        "from typer.testing import CliRunner; from wildsr.cli.main import app;"
        "result = CliRunner().invoke(app, ['--help']); assert result.exit_code == 0, result.output",
        "from typer.testing import CliRunner; from wildsr.cli.main import app;"
        "result = CliRunner().invoke(app, ['models']); assert result.exit_code == 0, result.output",
        "from typer.testing import CliRunner; from wildsr.cli.main import app;"
        "result = CliRunner().invoke(app, ['data', 'list']); assert result.exit_code == 0, result.output",
    ],
    ids=["import", "help", "models", "data"],
)
def test_import_and_help_load_nothing_heavy(statement: str) -> None:
    code = f"{statement}\nimport sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("package", ["wildsr", "wildsr.degradations", "wildsr.estimation", "wildsr.data"])
def test_exported_members_exist(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = module.nonsense


@pytest.mark.parametrize("package", ["wildsr", "wildsr.degradations", "wildsr.estimation", "wildsr.data"])
def test_packages_load_names_on_first_use(package: str) -> None:
    code = f"import {package}, sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_cores_are_counted_in_one_place() -> None:
    """``os.cpu_count`` ignores affinity and the limits of containers; one file describes the machine with it."""
    users = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "cpu_count" in path.read_text()
    }
    assert users == {"storage/cores.py", "inference/openvino_engine.py"}


def test_every_error_is_exported() -> None:
    """Every class that derives from WildsrError is exported by the package, except those of optional services."""
    bases: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        if room_of(path) in ("web", "cluster"):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    errors = {"WildsrError"}
    while found := {name for name, above in bases.items() if above & errors} - errors:
        errors |= found
    assert {"ImageError", "ModelError", "RecipeError"} < errors
    assert errors == {name for name in wildsr.__all__ if name in bases and _is_exception(name)}
    assert all(issubclass(getattr(wildsr, name), wildsr.WildsrError) for name in errors)


def _is_exception(name: str) -> bool:
    value = getattr(wildsr, name)
    return isinstance(value, type) and issubclass(value, Exception)
