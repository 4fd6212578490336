"""Rendered images: text, line art and dead leaves, which photos contain little of."""

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from torch import Tensor

Colour = tuple[int, int, int]

_FINER = 2
"""Factor of supersampling, for smooth edges."""
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_LEAF_RADII = (4, 0.3)
"""Smallest in pixels, largest as a share of the image."""


def render_image(rng: Generator, size: int) -> Tensor:
    """Render a random image of one of the three kinds, uint8 (3, size, size) RGB, determined by the generator.

    Dead leaves are overlapping shapes whose number falls with the third power of the radius, as in photos (Lee, Mumford
    and Huang, 2001).
    """
    kind = (_leaves, _page, _lines)[int(rng.integers(3))]
    image = kind(rng, size * _FINER).resize((size, size), Image.Resampling.BOX)
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1)))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def _leaves(rng: Generator, side: int) -> Image.Image:
    palette = [_colour(rng) for _ in range(int(rng.integers(2, 7)))]
    image = Image.new("RGB", (side, side), palette[0])
    draw = ImageDraw.Draw(image)
    smallest, largest = _LEAF_RADII[0] * _FINER, _LEAF_RADII[1] * side
    count = int(rng.integers(300, 1500))
    radii = (smallest**-2 + rng.random(count) * (largest**-2 - smallest**-2)) ** -0.5
    corners = int(rng.choice((0, 0, 3, 4, 5)))
    for radius in radii:
        x, y = rng.uniform(0, side, 2)
        colour = _near(rng, palette[int(rng.integers(len(palette)))], 25)
        if corners:
            turn, flat = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1)
            angles = turn + 2 * math.pi * np.arange(corners) / corners
            draw.polygon(
                [(x + radius * math.cos(a), y + flat * radius * math.sin(a)) for a in angles], fill=colour
            )
        else:
            high = radius * rng.uniform(0.4, 1)
            draw.ellipse((x - radius, y - high, x + radius, y + high), fill=colour)
    return image


def _page(rng: Generator, side: int) -> Image.Image:
    paper, ink = _contrasting(rng)
    image = Image.new("RGB", (side, side), paper)
    draw = ImageDraw.Draw(image)
    y = -rng.uniform(0, 20)
    while y < side:
        pixels = round(_FINER * 10 * 8 ** rng.random())
        stroke = int(rng.integers(0, 1 + pixels // 20))
        colour = ink if rng.random() < 0.9 else _colour(rng)
        draw.text((-rng.uniform(0, side / 4), y), _words(rng), colour, _font(pixels), stroke_width=stroke)
        y += pixels * rng.uniform(1.1, 2)
    if rng.random() < 0.5:
        slant, tilt = rng.uniform(-0.3, 0.3), rng.uniform(-0.1, 0.1)
        matrix = (1, slant, -slant * side / 2, tilt, 1, -tilt * side / 2)
        image = image.transform(
            image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=paper
        )
    return image


def _lines(rng: Generator, side: int) -> Image.Image:
    paper, ink = _contrasting(rng)
    image = Image.new("RGB", (side, side), paper)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(5, 40))):
        width = max(1, round(_FINER * 0.7 * 12 ** rng.random()))
        colour = ink if rng.random() < 0.8 else _colour(rng)
        x, y = rng.uniform(0, side, 2)
        match int(rng.integers(4)):
            case 0:
                points = rng.uniform(-0.2 * side, 1.2 * side, (int(rng.integers(2, 5)), 2))
                draw.line([(float(a), float(b)) for a, b in points], colour, width, joint="curve")
            case 1:
                radius, start = side * rng.uniform(0.02, 0.5), rng.uniform(0, 360)
                box = (x - radius, y - radius, x + radius, y + radius)
                draw.arc(box, start, start + rng.uniform(60, 360), colour, width)
            case 2:
                a, b = rng.uniform(0.02 * side, 0.4 * side, 2)
                fill = _colour(rng) if rng.random() < 0.5 else None
                draw.rectangle((x, y, x + a, y + b), fill, colour, width)
            case _:
                _hatch(rng, draw, side, colour, width)
    return image


def _hatch(rng: Generator, draw: ImageDraw.ImageDraw, side: int, colour: Colour, width: int) -> None:
    """Render parallel lines."""
    x, y, length = rng.uniform(0, side), rng.uniform(0, side), side * rng.uniform(0.1, 0.5)
    angle, apart = rng.uniform(0, math.pi), width * rng.uniform(1.8, 5)
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    for number in range(int(rng.integers(3, 25))):
        left, top = x + number * apart * across[0], y + number * apart * across[1]
        draw.line((left, top, left + length * along[0], top + length * along[1]), colour, width)


def _words(rng: Generator) -> str:
    """A line of meaningless words."""
    common = np.arange(len(_LETTERS), 0, -1) ** 1.5
    lengths = rng.integers(1, 10, 30)
    letters = "".join(rng.choice(list(_LETTERS), int(lengths.sum()), p=common / common.sum()))
    words, start = [], 0
    for length in lengths:
        word, start = letters[start : start + length], start + length
        match int(rng.integers(8)):
            case 0:
                word = word.upper()
            case 1 | 2:
                word = word.capitalize()
            case 3:
                word = str(int(rng.integers(10**length)))
            case 4:
                word += str(rng.choice(list(".,;:!?-")))
        words.append(word)
    return " ".join(words)


def _contrasting(rng: Generator) -> tuple[Colour, Colour]:
    """Background and foreground colours: mostly dark on light, nearly grey or of any hue."""
    if rng.random() < 0.6:
        paper, ink = (_near(rng, (level,) * 3, 8) for level in (rng.uniform(190, 255), rng.uniform(0, 80)))
    else:
        paper, ink = _colour(rng), _colour(rng)
    return (ink, paper) if rng.random() < 0.3 else (paper, ink)


def _colour(rng: Generator) -> Colour:
    """A random colour, mostly greyish."""
    return _near(rng, (rng.uniform(0, 255),) * 3, 45)


def _near(rng: Generator, colour: tuple[float, float, float], deviation: float) -> Colour:
    red, green, blue = np.clip(rng.normal(colour, deviation), 0, 255).astype(int)
    return int(red), int(green), int(blue)


@lru_cache(maxsize=64)
def _font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's built-in font, so that every machine renders the same."""
    return ImageFont.load_default(pixels)
