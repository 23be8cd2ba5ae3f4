"""How often the maps of a classifier point at the right side and at the right height, as its card says it.

`training/scoring/placing.py` measures it against outlines and decides from which concentration either may be
said; `worker_cnn/places.py` goes by that.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rightness(_Figures):
    """How often something was right.

    Attributes:
        concentration: of the map, at least.
        maps: so concentrated, of as many images.
        right: of these.
        low: of the exact 95 % interval of the share that is right (Clopper and Pearson); 0 without any map.
        high: likewise; 1 without any.
    """

    concentration: Share
    maps: Annotated[int, Field(ge=0)]
    right: Annotated[int, Field(ge=0)]
    low: Share
    high: Share


class Placing(_Figures):
    """How often a label's maps, or those of all labels, were right of one thing: the side, or the zone.

    Attributes:
        patients: whose images were outlined.
        steps: the more concentrated the maps, the fewer they are; the first step is of all.
        left_out: of the maps of patients who were left out when it was chosen from where it may be said:
            those that it would have been said of. None where it may not be said of any.
    """

    patients: Annotated[int, Field(ge=0)]
    steps: tuple[Rightness, ...]
    left_out: Rightness | None = None


class Placings(_Figures):
    """Both, of all labels together.

    Attributes:
        table: of the outlines, in words.
        not_of: patients whose outlines chose a threshold, and so count in nothing here.
        command: what measures it again.
    """

    side: Placing
    zone: Placing
    table: str
    not_of: Annotated[int, Field(ge=0)]
    command: str
