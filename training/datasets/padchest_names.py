"""What the label names of PadChest and PadChest-GR say of our labels.

    states_of_names    names of one report -> State of each label that they speak of

A report is read as complete: what it does not name is absent. There are two exceptions. "unchanged" points
to an earlier report, so that nothing is absent beside it. And a name may leave a label open without being
surely a positive of it: "mass" may be of the breast, and a pulmonary mass is a lung lesion by some
definitions. Names are compared as a whole: "pseudonodule" is no "nodule".
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from shared.labels import LABELS, NO_FINDING
from training.datasets.label_names import NAMES
from training.table import State

LEAVE_OUT: Final = frozenset({"exclude", "suboptimal study"})
"""Names that speak of the image instead of the patient."""

_UNCHANGED: Final = "unchanged"
_NORMAL: Final = "normal"
_OPEN: Final = {
    "Mass": ("mass",),
    "Nodule": ("granuloma", "calcified granuloma", "miliary opacities"),
    "Lung_Lesion": (
        "mass", "pulmonary mass", "nodule", "multiple nodules", "granuloma", "calcified granuloma",
        "lepidic adenocarcinoma", "cavitation", "abscess", "cyst", "lymphangitis carcinomatosa",
    ),
    "Infiltration": ("consolidation", "air bronchogram", "miliary opacities"),
    "Consolidation": ("alveolar pattern",),
    "Edema": (
        "heart insufficiency", "kerley lines", "vascular redistribution", "central vascular redistribution",
        "hilar congestion",
    ),
    "Emphysema": ("COPD signs", "bullas", "air trapping", "hyperinflated lung"),
    "Fibrosis": ("fibrotic band", "asbestosis signs"),
    "Effusion": ("empyema",),
    "Pleural_Thickening": ("fissure thickening", "minor fissure thickening", "major fissure thickening"),
    "Pleural_Other": ("asbestosis signs", "pleural mass", "empyema"),
    "Enlarged_Cardiomediastinum": ("cardiomegaly", "mediastinal mass"),
    "Fracture": ("vertebral compression", "vertebral anterior compression"),
    "Support_Devices": (
        "electrical device", "artificial heart valve", "artificial mitral heart valve",
        "artificial aortic heart valve", "prosthesis", "endoprosthesis", "aortic endoprosthesis",
        "humeral prosthesis", "mammary prosthesis", "ventriculoperitoneal drain tube", "gastrostomy tube",
        "nephrostomy tube", "double J stent", "osteosynthesis material", "bone cement", "metal",
        "suture material",
    ),
    "Tuberculosis": ("tuberculosis sequelae",),
}  # fmt: skip
"""Our label -> names of PadChest's table beside which it cannot be called absent. A reading of ours."""

_LEFT_OPEN: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        name: frozenset(label for label, names in _OPEN.items() if name in names)
        for name in {name for names in _OPEN.values() for name in names}
    }
)

_SAID: Final = {label for labels in NAMES["padchest"].values() for label in labels} - {"COVID-19"}
LABELS_OF_PADCHEST: Final = tuple(label for label in LABELS if label in _SAID)
"""Those that PadChest may speak of; the name for COVID-19 is its sister set's."""


def states_of_names(names: Iterable[str]) -> dict[str, State]:
    """Return what the names of one report say.

    Args:
        names: stripped; blank ones say nothing.
    """
    told = {name for name in names if name}
    states = {
        label: State.PRESENT
        for name in told
        for label in NAMES["padchest"].get(name, ())
        if label in LABELS_OF_PADCHEST and label != NO_FINDING
    }
    findings = told - {_NORMAL, _UNCHANGED}
    if findings and _NORMAL not in told:
        states[NO_FINDING] = State.ABSENT
    elif _NORMAL in told and not findings:
        states[NO_FINDING] = State.PRESENT
    if told and (_NORMAL in told or _UNCHANGED not in told):
        left_open = {label for name in told for label in _LEFT_OPEN.get(name, ())} | {NO_FINDING}
        for label in LABELS_OF_PADCHEST:
            if label not in left_open:
                states.setdefault(label, State.ABSENT)
    return states
