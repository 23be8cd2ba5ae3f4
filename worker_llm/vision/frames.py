"""Pictures as models want them, and boxes back on the radiograph that they are of.

A model sees a part of a radiograph, mostly resized: a `Frame` remembers which. What resizing does to it is
nothing to fractions; what cropping and padding do, a frame undoes.

Map: `frontal_and_lateral` · `Frame` -> `whole`, `centre_square`, `padded_square`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from shared.domain.findings import Box, ViewPosition
from shared.domain.reports import Region
from shared.reporting.request import Picture, Sight


@dataclass(frozen=True, slots=True)
class Frame:
    """Which rectangle of a radiograph a model was shown, as fractions of its width and height.

    With padding around the radiograph it is larger than that.

    Attributes:
        image: the radiograph's index in the study; None of a study before, on which no box is kept.
    """

    image: int | None
    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def region(self, corners: Sequence[float]) -> Region | None:
        """Return where a model's box lies on the radiograph; None of one that is empty there, or no box.

        Args:
            corners: x, y and x, y of two opposite corners, as fractions of what the model saw.
        """
        if self.image is None or len(corners) != 4:
            return None
        x = sorted(_within(self.left + self.width * corner) for corner in corners[::2])
        y = sorted(_within(self.top + self.height * corner) for corner in corners[1::2])
        try:
            return Region(self.image, Box(x[0], y[0], x[1], y[1]))
        except ValueError:
            return None


def _within(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)


def whole(picture: Picture, *, earlier: bool = False) -> tuple[Image.Image, Frame]:
    """Return all of a radiograph, gray, and its frame."""
    with Image.open(BytesIO(picture.png)) as image:
        return image.convert("L"), Frame(None if earlier else picture.image)


def centre_square(picture: Picture, *, earlier: bool = False) -> tuple[Image.Image, Frame]:
    """Return the largest square in the middle of a radiograph, gray, and its frame."""
    image, frame = whole(picture, earlier=earlier)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    cut = Frame(frame.image, left / image.width, top / image.height, side / image.width, side / image.height)
    return image.crop((left, top, left + side, top + side)), cut


def padded_square(picture: Picture, *, earlier: bool = False) -> tuple[Image.Image, Frame]:
    """Return all of a radiograph in a square, black below it or beside it, and its frame."""
    image, frame = whole(picture, earlier=earlier)
    side = max(image.size)
    square = Image.new("L", (side, side))
    square.paste(image)
    return square, Frame(frame.image, width=side / image.width, height=side / image.height)


def frontal_and_lateral(sight: Sight) -> tuple[Picture, Picture | None]:
    """Return one radiograph of each kind, for a model that takes no more; an unknown view may be frontal."""
    lateral = [picture for picture in sight.pictures if picture.view.position is ViewPosition.LATERAL]
    others = [picture for picture in sight.pictures if picture not in lateral]
    frontal = [
        picture for picture in others if picture.view.position in {ViewPosition.PA, ViewPosition.AP}
    ] or others
    if not frontal:
        return lateral[0], None
    return frontal[0], lateral[0] if lateral else None
