"""Lists the names and signatures that the package declares; ``python tests/public_surface.py`` rewrites the file."""

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

FILE = Path(__file__).with_name("public_surface.txt")
MODULES = (
    "wildsr",
    "wildsr.networks",
    "wildsr.losses",
    "wildsr.degradations",
    "wildsr.zoo",
    "wildsr.estimation",
    "wildsr.inference",
    "wildsr.export",
    "wildsr.evaluation",
    "wildsr.training",
    "wildsr.recipes",
    "wildsr.recipes.config",
    "wildsr.adapt",
)
_SPECIAL = ("__init__", "__call__")


def surface() -> str:
    """One section per module: every declared name with its signature, classes with their public members."""
    return "\n".join(f"{name}\n{_section(name)}" for name in MODULES)


def _section(module_name: str) -> str:
    module = importlib.import_module(module_name)
    return "".join(_described(name, getattr(module, name)) for name in sorted(module.__all__))


def _described(name: str, value: object) -> str:
    where = getattr(value, "__module__", "") or ""
    if not where.startswith("wildsr") or not (inspect.isclass(value) or inspect.isfunction(value)):
        return f"    {name}\n"
    node = ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        members = "".join(f"        {line}\n" for line in _members(node))
        return f"    class {name}({bases})\n{members}"
    assert isinstance(node, ast.FunctionDef)
    return f"    {_signature(node, name)}\n"


def _members(node: ast.ClassDef) -> list[str]:
    lines = []
    for member in node.body:
        if isinstance(member, ast.FunctionDef):
            if not member.name.startswith("_") or member.name in _SPECIAL:
                property_like = any("property" in ast.unparse(each) for each in member.decorator_list)
                lines.append(("property " if property_like else "") + _signature(member, member.name))
        elif isinstance(member, ast.AnnAssign) and not ast.unparse(member.target).startswith("_"):
            lines.append(ast.unparse(member))
    return lines


def _signature(node: ast.FunctionDef, name: str) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"def {name}({ast.unparse(node.args)}){returns}"


if __name__ == "__main__":
    FILE.write_text(surface(), encoding="utf-8")
