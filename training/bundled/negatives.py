"""Pictures that are no chest radiograph, for the gate to learn from: drawn here, or cut from radiographs.

Real pictures of other body parts have no licence that lets weights be shipped, so they are kept for
measuring. What is drawn here has their traits instead: long bright bones on black, bright rings as in CT,
pages of text, screens, noise, smooth gradients; and patches cut from chests, which show no whole chest.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.float32]


def draw_negatives(count: int, size: int, *, chests: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Make `count` negatives, every kind in turn: (count, size, size) uint8.

    Args:
        chests: (N, size, size) radiographs to cut patches from.
        seed: of everything random.
    """
    random = np.random.default_rng(seed)
    makers: list[Callable[[Generator, int], Picture]] = [*_DRAWN, lambda r, s: _patch(r, s, chests)]
    pictures = [makers[index % len(makers)](random, size) for index in range(count)]
    return np.stack([np.rint(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8) for picture in pictures])


def _blank(random: Generator, size: int) -> Picture:
    picture = np.full((size, size), random.uniform(0.0, 1.0), np.float32)
    return picture + random.normal(0.0, random.uniform(0.0, 0.02), picture.shape).astype(np.float32)


def _noise(random: Generator, size: int) -> Picture:
    """Noise of any grain, from single pixels to clouds."""
    grain = int(random.integers(2, size))
    small = random.normal(0.5, random.uniform(0.1, 0.4), (grain, grain)).astype(np.float32)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def _gradient(random: Generator, size: int) -> Picture:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    angle = random.uniform(0.0, 2.0 * np.pi)
    slope = x * np.cos(angle) + y * np.sin(angle)
    waves = np.sin(2 * np.pi * random.uniform(0.3, 12.0) * slope) * random.uniform(0.0, 0.4)
    return np.asarray(0.5 + random.uniform(0.2, 1.0) * slope + waves, np.float32)


def _page(random: Generator, size: int) -> Picture:
    """A page or a screen: lines of letters, boxes and rules, dark on light or light on dark."""
    image = Image.new("L", (size, size), 255)
    draw = ImageDraw.Draw(image)
    letters = "abcdefghij klmno pqrst uvwxyz 0123456789 ABCDEFG"
    for top in range(int(random.integers(2, 12)), size, int(random.integers(9, 18))):
        if random.random() < 0.8:
            text = "".join(random.choice(list(letters), int(random.integers(5, 60))))
            draw.text((int(random.integers(2, size // 3)), top), text, fill=int(random.integers(0, 120)))
    for _ in range(int(random.integers(0, 5))):
        left, top = (int(v) for v in random.integers(0, size - 20, 2))
        wide, high = (int(v) for v in random.integers(10, size // 2, 2))
        fill = int(random.integers(0, 255)) if random.random() < 0.5 else None
        draw.rectangle((left, top, left + wide, top + high), outline=0, fill=fill)
    page = np.asarray(image, np.float32) / 255.0
    return 1.0 - page if random.random() < 0.4 else page


def _limb(random: Generator, size: int) -> Picture:
    """One to five bones in soft tissue on a dark ground: an arm, a leg, a hand."""
    picture = np.zeros((size, size), np.float32)
    bones = int(random.integers(1, 6))
    angle = random.uniform(-0.5, 0.5) + (np.pi / 2 if random.random() < 0.3 else 0.0)
    direction = np.array([np.sin(angle), np.cos(angle)])
    across = np.array([direction[1], -direction[0]])
    thick = size * random.uniform(0.05, 0.3) / bones
    for bone in range(bones):
        middle = size / 2 + across * (bone - (bones - 1) / 2) * thick * 2.8 + random.normal(0.0, 4.0, 2)
        half = direction * size * random.uniform(0.25, 0.7)
        start, end = (tuple(int(v) for v in middle + sign * half) for sign in (-1, 1))
        cv2.line(picture, start, end, random.uniform(0.2, 0.45), int(thick * 2.6) + 1)
        layer = np.zeros_like(picture)
        cv2.line(layer, start, end, random.uniform(0.3, 0.6), int(thick) + 1)
        cv2.line(layer, start, end, random.uniform(0.15, 0.3), int(thick * 0.5) + 1)
        for joint in (start, end):
            cv2.circle(layer, joint, int(thick * random.uniform(0.6, 1.1)) + 1, random.uniform(0.3, 0.6), -1)
        picture = np.maximum(picture, layer + picture * 0.5)
    return _film(random, picture)


def _rings(random: Generator, size: int) -> Picture:
    """A slice: a bright ring around gray tissue with blobs, on black, as CT and MR show a head or a body."""
    picture = np.zeros((size, size), np.float32)
    middle = (size // 2 + int(random.integers(-8, 9)), size // 2 + int(random.integers(-8, 9)))
    axes = (int(size * random.uniform(0.25, 0.48)), int(size * random.uniform(0.22, 0.48)))
    cv2.ellipse(picture, middle, axes, 0, 0, 360, random.uniform(0.5, 1.0), -1)
    inner = tuple(int(axis * random.uniform(0.8, 0.95)) for axis in axes)
    cv2.ellipse(picture, middle, inner, 0, 0, 360, random.uniform(0.15, 0.6), -1)
    for _ in range(int(random.integers(2, 14))):
        place = tuple(int(m + random.uniform(-0.7, 0.7) * a) for m, a in zip(middle, inner, strict=True))
        blob = tuple(int(v) for v in random.uniform(0.03, 0.4, 2) * size / 2)
        cv2.ellipse(picture, place, blob, random.uniform(0, 180), 0, 360, random.uniform(0.0, 0.9), -1)
    return _film(random, picture)


def _scene(random: Generator, size: int) -> Picture:
    """Polygons and ellipses of any gray, blurred a little: a stand-in for photographs and drawings."""
    picture = _gradient(random, size)
    for _ in range(int(random.integers(4, 40))):
        points = (random.normal(0.5, 0.4, 2) + random.normal(0.0, 0.2, (5, 2))) * size
        gray = random.uniform(0.0, 1.0)
        if random.random() < 0.5:
            cv2.fillConvexPoly(picture, cv2.convexHull(points.astype(np.int32)), gray)
        else:
            cv2.circle(
                picture, tuple(int(v) for v in points[0]), int(random.integers(2, size // 4)), gray, -1
            )
    return _film(random, picture)


def _teeth(random: Generator, size: int) -> Picture:
    """A row or arch of bright rounded blocks: teeth, vertebrae, finger joints."""
    picture = np.full((size, size), random.uniform(0.05, 0.35), np.float32)
    count, bend = int(random.integers(5, 18)), random.uniform(-0.4, 0.4)
    for row in range(int(random.integers(1, 3))):
        for index in range(count):
            along = (index + 0.5) / count
            x = int(along * size)
            y = int(size * (0.4 + 0.2 * row + bend * (along - 0.5) ** 2 * 2))
            half = (int(size / count * 0.42) + 1, int(size * random.uniform(0.07, 0.14)))
            cv2.ellipse(picture, (x, y), half, random.uniform(-15, 15), 0, 360, random.uniform(0.5, 1.0), -1)
    return _film(random, picture.T.copy() if random.random() < 0.3 else picture)


def _film(random: Generator, picture: Picture) -> Picture:
    """Give a drawing the softness, grain and background of a film."""
    grain = random.normal(0.0, random.uniform(0.0, 0.04), picture.shape).astype(np.float32)
    soft = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.5, 4.0))
    clouds = _noise(random, len(picture)) * random.uniform(0.0, 0.15)
    return np.asarray(soft * random.uniform(0.7, 1.3) + grain + clouds, np.float32)


def _patch(random: Generator, size: int, chests: NDArray[np.uint8]) -> Picture:
    """Cut out a sixteenth to a third of the side of a radiograph: too little to be a chest."""
    chest = chests[int(random.integers(len(chests)))].astype(np.float32) / 255.0
    side = int(size * random.uniform(0.12, 0.33))
    top, left = (int(v) for v in random.integers(int(size * 0.1), int(size * 0.9) - side, 2))
    patch = chest[top : top + side, left : left + side]
    return np.asarray(cv2.resize(patch, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


_DRAWN: Final = (_blank, _noise, _gradient, _page, _limb, _rings, _scene, _teeth, _limb, _rings)
