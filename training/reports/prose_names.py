"""How radiologists name what our labels mean, beyond the words of our own reports (`shared/words/en.toml`).

    NAMES      label -> phrases, compared in small letters, word by word
    PATTERNS   label -> spaCy token patterns, where words may stand between
    NOT_OURS   phrases that hold one of the names and mean another thing
    OPENINGS, CLOSINGS, NEITHER   what negspacy's list of negations lacks for radiographs

Two labels in one key, joined by "+": the phrase says both. Chosen on Open-I's reports without the 300 of
`measure_reports labeller`; no sentence of a report stands here.
"""

from collections.abc import Mapping
from typing import Any, Final

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "Atelectasis": ("atelectases", "atelectatic"),
    "Cardiomegaly": (
        "borderline heart size",
        "borderline enlarged heart",
        "enlarged heart size",
    ),
    "Consolidation": ("consolidative",),
    "Effusion": ("effusion", "effusions"),
    "Effusion+Pneumothorax": ("hydropneumothorax",),
    "Emphysema": ("emphysematous", "bullous disease"),
    "Fibrosis": ("fibrotic",),
    "Fracture": ("fractured",),
    "Hernia": ("hiatus hernia",),
    "Lung_Opacity": (
        "air space disease",
        "air space opacities",
        "air space opacity",
        "airspace disease",
        "airspace opacification",
        "opacification",
        "opacifications",
    ),
    "Mass": ("mass", "masses"),
    "Pleural_Other": (
        "pleural plaque",
        "pleural plaques",
        "pleural scar",
        "pleural scarring",
        "pleuroparenchymal scarring",
    ),
    "Pleural_Thickening": ("apical capping", "apical thickening", "fissural thickening", "pleural capping"),
    "Pneumonia": ("bronchopneumonia", "pneumonias", "pneumonitis"),
    "Support_Devices": (
        "aicd",
        "cardiac device",
        "catheter",
        "catheters",
        "central line",
        "defibrillator",
        "dual lumen",
        "endotracheal tube",
        "generator",
        "icd",
        "mediport",
        "nasogastric tube",
        "ng tube",
        "pacemaker",
        "pacer",
        "pacing leads",
        "picc",
        "port",
        "prosthesis",
        "stimulator",
        "tracheostomy",
        "tube",
        "tubes",
        "valve replacement",
    ),
}

_GROWN: Final = {"LOWER": {"IN": ["enlarged", "enlargement", "borderline"]}}
_IS: Final = {"LOWER": {"IN": ["is", "are", "appears", "remains", "size", "silhouette", "contour", "shadow"]}}
_HOW: Final = {
    "LOWER": {
        "IN": ["not", "mildly", "moderately", "slightly", "markedly", "severely", "significantly", "grossly"]
    }
}
PATTERNS: Final[Mapping[str, list[list[dict[str, Any]]]]] = {
    "Cardiomegaly": [
        [
            {"LOWER": {"IN": ["heart", "cardiac"]}},
            {**_IS, "OP": "*"},
            {**_HOW, "OP": "*"},
            _GROWN,
        ],
        [_GROWN, {"LOWER": "heart"}, {"LOWER": "size", "OP": "?"}],
    ],
}

NOT_OURS: Final = (
    "abdominal mass",
    "breast mass",
    "chest wall mass",
    "hilar mass",
    "mediastinal mass",
    "mediastinal masses",
    "mediastinal emphysema",
    "pericardial effusion",
    "pericardial effusions",
    "subcutaneous emphysema",
    "thyroid mass",
)

OPENINGS: Final = (
    "clear of",
    "free from",
    "not detected:",
    "removal of",
    "resolution of",
    "resolved",
)
"""Negations of what comes after them."""
CLOSINGS: Final = (
    "has resolved",
    "have resolved",
    "is absent",
    "is not detected",
    "are not detected",
    "is not identified",
    "are not identified",
    "is not present",
    "are not present",
    "is not seen",
    "are not seen",
    "not well seen",
    "may not be demonstrated",
    "removed",
)
"""Negations of what comes before them."""
NEITHER: Final = (
    "cannot be excluded",
    "cannot be entirely excluded",
    "cannot exclude",
    "not entirely excluded",
    "not excluded",
    "difficult to exclude",
)
"""Words that hold a negation and negate nothing."""
