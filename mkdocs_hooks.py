"""Builds the pages of the site that are generated: the reference of all recipe keys, and the page of contributing."""

import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

REPOSITORY_FILES = re.compile(r"\[([^]]*)\]\((?:\.\./)+((?:src|tests|benchmarks)/[^)]*|[A-Z]+\.md)\)")
"""Links to files outside the documentation; the site shows their paths instead."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    files.append(File.generated(config, "recipes.md", content=recipes_page()))
    contributing = (Path(config.config_file_path).parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "contributing.md", content=contributing.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace links to source files by their paths."""
    return REPOSITORY_FILES.sub(r"\1 (`\2`)", markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Show the references of docstrings, such as ``:func:`name```, as plain code."""
    return re.sub(r":(?:func|class|data|mod|meth|attr):<code>~?([^<]*)</code>", r"<code>\1</code>", html)


def recipes_page() -> str:
    """The Markdown page of the built-in recipes and of all keys, from the nodes themselves."""
    from wildsr.recipes import RECIPES
    from wildsr.recipes.config import Recipe

    schema = Recipe.model_json_schema()
    nodes: dict[str, Any] = schema["$defs"]
    parts = [
        "# Recipes",
        "A recipe completely describes a training run. This page is generated from the recipe classes; "
        "`wildsr recipe show NAME` prints a recipe with all its values, `wildsr recipe show --schema` the schema for "
        "editors, and `--set PLACE=VALUE` overrides a value. [Train](training.md) explains how they are used.",
        "## Built-in recipes",
        _table(("recipe", "purpose"), [(f"`{name}`", one.about) for name, one in RECIPES.items()]),
        "## Keys of a recipe",
        _keys(schema),
        "## Nodes",
        "A node is chosen by its `kind` or `architecture`, shown in brackets.",
    ]
    for name in sorted(nodes, key=lambda name: _label(name, nodes[name])):
        parts += [f"### {_label(name, nodes[name])}", nodes[name].get("description", ""), _keys(nodes[name])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _label(name: str, node: dict[str, Any]) -> str:
    chosen = [
        node["properties"][key] for key in ("architecture", "kind") if key in node.get("properties", {})
    ]
    label = name.removesuffix("Config").removesuffix("Settings")
    value = chosen[0].get("const") if chosen else None
    return f"{label} (`{value}`)" if value else label


def _keys(node: dict[str, Any]) -> str:
    required = node.get("required", [])
    rows = []
    for key, one in node.get("properties", {}).items():
        if "const" in one:
            continue
        default = "required" if key in required else f"`{json.dumps(one.get('default'), ensure_ascii=False)}`"
        if "default" not in one and key not in required:
            default = "see its node"
        rows.append((f"`{key}`", _type(one), default, one.get("description", "")))
    return _table(("key", "type", "default", "meaning"), rows) if rows else "No keys."


def _type(one: dict[str, Any]) -> str:
    if "$ref" in one:
        return one["$ref"].rpartition("/")[2].removesuffix("Config").removesuffix("Settings")
    if "enum" in one:
        return ", ".join(f"`{json.dumps(value)}`" for value in one["enum"])
    for key in ("anyOf", "oneOf"):
        if key in one:
            return " or ".join(dict.fromkeys(_type(each) for each in one[key]))
    if one.get("type") == "array":
        items = one.get("items") or {"type": "value"}
        return f"list of {_type(items)}"
    if one.get("type") == "object":
        inner = one.get("additionalProperties")
        return f"mapping to {_type(inner)}" if isinstance(inner, dict) else "mapping"
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    bounds = [
        f"{sign} {one[key]:g}"
        for key, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if key in one
    ]
    return " ".join([str(one.get("format") or one.get("type", "any")), *bounds])


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(_cell(cell) for cell in cells) + " |"

    return "\n".join([line(headings), "|" + "---|" * len(headings), *map(line, rows)])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("``", "`").split())
