"""Draws chest radiographs that belong to no patient, from what many real ones have in common.

normal PA films -> `align` (affine, then optical flow, to their own mean) -> `learn` -> `draw`

Two things are drawn: the build of the chest (the aligned films' coarse gray levels and the flows, each
by principal components with random coefficients) and its texture (ribs, vessels, noise: each fine band
of a Laplacian pyramid is patched together from a dozen films along random seams). Alignment is what
lets a rib of one film go on as the same rib of another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Film = NDArray[np.float32]

SIDE: Final = 512
"""Side of the square on which everything happens, in pixels."""
_COARSE: Final = 256
_BANDS: Final = 4
_KEPT: Final = 0.7
"""Share of the films that are used: those that look most like the mean after the affine step."""
_MARGIN: Final = 20


@dataclass(frozen=True, slots=True)
class Aligned:
    """Films brought onto one chest.

    Attributes:
        films: (N, SIDE, SIDE) gray levels, zero mean and unit deviation each.
        covered: (N, SIDE, SIDE) 1 where the original film reaches, else 0.
        flows: (N, _COARSE, _COARSE, 2) where each pixel of the common chest lies in the film.
    """

    films: Film
    covered: Film
    flows: Film


def align(films: Sequence[Film]) -> Aligned:
    """Bring films onto their common shape.

    Args:
        films: each (SIDE, SIDE) in [0, 1].
    """
    affines = _affines([_flatten(_shrunk(film)) for film in films])
    moved = [_affine(film, matrix) for film, matrix in zip(films, affines, strict=True)]
    covers = [
        _affine(np.ones_like(film), matrix, border=0.0) for film, matrix in zip(films, affines, strict=True)
    ]
    flat = np.stack([_flatten(_shrunk(film)) for film in moved])
    likeness = np.array([_correlation(flat.mean(axis=0), film) for film in flat])
    kept = np.flatnonzero(likeness >= np.quantile(likeness, 1.0 - _KEPT))
    flows = _flows(flat[kept])
    warped = [warp(moved[index], flow) for index, flow in zip(kept, flows, strict=True)]
    covered = [warp(covers[index], flow) for index, flow in zip(kept, flows, strict=True)]
    return Aligned(np.stack([_standard(film) for film in warped]), np.stack(covered), flows)


def _affines(flat: Sequence[Film]) -> list[NDArray[np.float32]]:
    matrices = [np.eye(2, 3, dtype=np.float32) for _ in flat]
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)
    for _ in range(3):
        mean = np.mean([_affine(film, matrix) for film, matrix in zip(flat, matrices, strict=True)], axis=0)
        for index, film in enumerate(flat):
            try:
                _, matrices[index] = cv2.findTransformECC(
                    mean.astype(np.float32), film, matrices[index].copy(), cv2.MOTION_AFFINE, stop, None, 9
                )
            except cv2.error:  # no agreement with the mean: it is sorted out later
                continue
    return matrices


def _flows(flat: Film) -> Film:
    mean = flat.mean(axis=0)
    flows = np.zeros((*flat.shape, 2), np.float32)
    for turn in range(4):
        flows = np.stack([_flow(mean, film) for film in flat])
        warped = np.stack([warp(film, flow) for film, flow in zip(flat, flows, strict=True)])
        mean = np.median(warped, axis=0) if turn < 2 else warped.mean(axis=0)
        mean *= flat[0].std() / mean.std()
    return flows


def _flow(target: Film, film: Film) -> Film:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setVariationalRefinementAlpha(60)
    search.setVariationalRefinementIterations(10)
    gray = [np.clip((image + 3.0) / 6.0 * 255.0, 0, 255).astype(np.uint8) for image in (target, film)]
    return np.asarray(
        cv2.GaussianBlur(search.calc(gray[0], gray[1], np.zeros((*film.shape, 2), np.float32)), (0, 0), 6.0),
        np.float32,
    )


def warp(film: Film, flow: Film) -> Film:
    """Fetch each pixel from where the flow says it lies; the flow may be of a coarser grid."""
    height, width = film.shape
    fine = cv2.resize(flow, (width, height)) * np.float32(width / flow.shape[1])
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(
        cv2.remap(
            film, columns + fine[..., 0], rows + fine[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        ),
        np.float32,
    )


@dataclass(frozen=True, slots=True)
class Components:
    """A mean and the directions in which examples differ from it, longest first, in deviations."""

    mean: Film
    directions: Film

    def draw(self, random: np.random.Generator, *, count: int, spread: float) -> Film:
        """Draw an example, at most 1.5 `spread` deviations from the mean along each direction."""
        weights = np.clip(random.normal(size=count), -1.5, 1.5) * spread
        drawn: Film = self.mean + np.tensordot(weights.astype(np.float32), self.directions[:count], axes=1)
        return drawn


@dataclass(frozen=True, slots=True)
class ChestModel:
    """What was learnt: coarse gray levels, shapes, and the fine bands of each film.

    Attributes:
        bands: _BANDS arrays of (N, h, w), from fine to coarse, without what is far from usual there.
        covered: (N, SIDE, SIDE), see `Aligned`.
    """

    coarse: Components
    shape: Components
    bands: tuple[Film, ...]
    covered: Film


def learn(aligned: Aligned) -> ChestModel:
    """Split aligned films into what is drawn by components and what is patched together."""
    pyramids = [_pyramid(film) for film in aligned.films]
    bands = tuple(_usual(np.stack([pyramid[0][level] for pyramid in pyramids])) for level in range(_BANDS))
    return ChestModel(
        _components(np.stack([pyramid[1] for pyramid in pyramids])),
        _components(aligned.flows),
        bands,
        aligned.covered,
    )


def _usual(band: Film) -> Film:
    """Cut off what three deviations do not hold: lead letters, clips, wires."""
    limit = 3.0 * np.asarray(cv2.GaussianBlur(band.std(axis=0), (0, 0), 4.0), np.float32) + 1e-3
    usual: Film = np.clip(band, -limit, limit)
    return usual


def _components(examples: Film) -> Components:
    mean = examples.mean(axis=0)
    flat = (examples - mean).reshape(len(examples), -1)
    _, scales, directions = np.linalg.svd(flat, full_matrices=False)
    scaled = directions * (scales / np.sqrt(len(examples) - 1))[:, None]
    return Components(mean, scaled.reshape(-1, *mean.shape).astype(np.float32))


def draw(model: ChestModel, seed: int) -> Film:
    """Draw one radiograph: (SIDE - 2 * margin) on each side, in [0, 1]."""
    random = np.random.default_rng(seed)
    film = model.coarse.draw(random, count=12, spread=0.7)
    donors = random.choice(len(model.covered), 12, replace=False)
    seams = _seams(random, model.covered[donors])
    for band in reversed(model.bands):
        height, width = band.shape[1:]
        weights = np.stack(
            [cv2.resize(seam, (width, height), interpolation=cv2.INTER_AREA) for seam in seams]
        )
        # The square root keeps the band's energy where two films blend.
        weights /= np.sqrt((weights**2).sum(axis=0)) + 1e-6
        film = cv2.pyrUp(film, dstsize=(width, height)) + (weights * band[donors]).sum(axis=0)
    film = warp(film, model.shape.draw(random, count=8, spread=0.6))
    film = cut(film)
    low, high = np.percentile(film, (1.0, 99.5))
    drawn: Film = np.clip(0.02 + 0.96 * (film - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return drawn


def _seams(random: np.random.Generator, covered: Film) -> Film:
    """Share the chest out among films: (donors, SIDE, SIDE), patches of some 90 pixels, soft borders."""
    cells = [random.normal(size=(SIDE // 90 + 2, SIDE // 90 + 2)).astype(np.float32) for _ in covered]
    noise = np.stack([cv2.resize(cell, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for cell in cells])
    weights = np.exp(14.0 * (noise - noise.max(axis=0))) * np.clip(covered, 0.001, 1.0)
    shares: Film = (weights / weights.sum(axis=0)).astype(np.float32)
    return shares


@dataclass(frozen=True, slots=True)
class Likeness:
    """The highest correlation of one film with any of others, in gray levels and in fine texture only."""

    gray: float
    texture: float


def nearest(film: Film, others: Film) -> Likeness:
    """Measure how near the nearest of the aligned films is to a drawn film, or to one of their own."""
    film, others = cut(film), np.stack([cut(other) for other in others])
    fine = [_texture(other) for other in others]
    return Likeness(
        max(_correlation(film, other) for other in others),
        max(_correlation(_texture(film), other) for other in fine),
    )


def cut(film: Film) -> Film:
    """Cut the margins off an aligned film; a drawn one has none any more."""
    return film[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] if film.shape[0] == SIDE else film


def _texture(film: Film) -> Film:
    return np.asarray(film - cv2.GaussianBlur(film, (0, 0), 6.0), np.float32)


def _pyramid(film: Film) -> tuple[list[Film], Film]:
    bands = []
    for _ in range(_BANDS):
        smaller = cv2.pyrDown(film)
        bands.append(np.asarray(film - cv2.pyrUp(smaller, dstsize=film.shape[::-1]), np.float32))
        film = np.asarray(smaller, np.float32)
    return bands, film


def _flatten(film: Film) -> Film:
    """Take brightness and contrast of the surroundings away, so that edges decide the alignment."""
    mean = cv2.GaussianBlur(film, (0, 0), 25.0)
    deviation = np.sqrt(cv2.GaussianBlur((film - mean) ** 2, (0, 0), 25.0))
    return np.asarray(np.clip((film - mean) / (deviation + 0.03), -3.0, 3.0), np.float32)


def _affine(film: Film, matrix: NDArray[np.float32], *, border: float | None = None) -> Film:
    """Move a film; the matrix was found at _COARSE."""
    scaled = matrix.copy()
    scaled[:, 2] *= film.shape[0] / _COARSE
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    return np.asarray(
        cv2.warpAffine(
            film, scaled, film.shape[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=mode
        ),
        np.float32,
    )


def _shrunk(film: Film) -> Film:
    return np.asarray(cv2.resize(film, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA), np.float32)


def _standard(film: Film) -> Film:
    middle = film[100:400, 100:412]
    standard: Film = (film - middle.mean()) / middle.std()
    return standard


def _correlation(one: Film, other: Film) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
