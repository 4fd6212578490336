"""A recipe from an option file of an original implementation, with a list of what has no counterpart."""

import re
from dataclasses import dataclass
from pathlib import Path

from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import Recipe
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.importing import basicsr, kair
from wildsr.recipes.importing.settings import Leftover, OptionFile, read_options
from wildsr.recipes.yaml import changed, dump_recipe

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")


@dataclass(frozen=True)
class Imported:
    """An imported recipe.

    Attributes:
        recipe: the recipe.
        base: the built-in recipe from which values come that the file lacks.
        leftovers: values of the file without a counterpart.
        notes: messages for the user.
    """

    recipe: Recipe
    base: str
    leftovers: tuple[Leftover, ...]
    notes: tuple[str, ...]

    def to_yaml(self, origin: str) -> str:
        """The recipe as YAML; comments at its head say where it comes from and what has no counterpart."""
        lines = [f"From {origin}; what it does not say is as in {self.base}.", *self.notes]
        if self.leftovers:
            lines.append("Without a counterpart:")
            lines += [f"  {leftover}" for leftover in self.leftovers]
        # Names of files and keys may contain line breaks, which would end the comment.
        comments = (f"# {_UNPRINTABLE.sub(' ', line)}\n" for line in lines)
        return "".join(comments) + dump_recipe(self.recipe)


def import_recipe(path: Path, base: str | None = None) -> Imported:
    """Read an option file of RealSR, RWSR-EDL or ESRGAN-FS (``.yml``) or of KAIR (``.json``).

    Args:
        path: the file.
        base: the built-in recipe that fills in what the file does not say; by default the nearest one.

    Raises:
        RecipeError: the file has neither format, or a recipe cannot have its network, data or values.
    """
    values = read_options(path)
    options = OptionFile(values)
    if "network_G" in values:
        form, find_base, make = "BasicSR", basicsr.base_of, basicsr.basicsr_changes
    elif "netG" in values:
        form, find_base, make = "KAIR", kair.base_of, kair.kair_changes
    else:
        raise RecipeError(
            f"{path} is no option file that wildsr imports: it has neither network_G (RealSR, RWSR-EDL, ESRGAN-FS) nor "
            "netG (KAIR); SRResCGAN and DDNSR have their settings in code, see the recipes srrescgan and ddnsr-track1"
        )
    notes = []
    if base is None:
        base = find_base(options)
        notes.append(f"Taken for a file of {form} like that of {base}; --base names another recipe.")
    if base not in RECIPES:
        raise RecipeError(f"there is no recipe '{base}'; see `wildsr recipe list`")
    try:
        changes = make(options, base)
    except (TypeError, ValueError, ArithmeticError) as error:  # infinite sizes, a scale of 0
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"{path} has a value that cannot be read: {error}") from error
    changes.put("about", f"Imported from {path.name}; otherwise like {base}.")
    recipe = changed(RECIPES[base], changes.all, str(path))
    if form == "KAIR":
        notes.append(f"KAIR's options name no end; train.steps is that of {base}.")
        notes.append(_counted(kair.steps_before(options)))
    return Imported(recipe, base, options.leftovers, tuple(notes))


def _counted(before: int) -> str:
    if before:
        return f"KAIR counts on from step {before:,}, that of its starting model: milestones are earlier by as many."
    return (
        "KAIR counts on from the step of the newest model in its models folder. If that is not 0, name it as "
        "path.pretrained_netG, such as 400000_G.pth, and import the file again: milestones are then earlier by as many."
    )
