"""The one label vocabulary: what a classifier can find, named and coded once for every service.

    LABELS                  id -> Label: display names, SNOMED CT and RadLex codes
    NO_FINDING              the id that is not a label beside others
    CHESTXRAY14, CHEXPERT14, XRV18   the ids of three data sets, in the order in which these publish them
    display_name            what a person reads for an id

What each data set calls them is training's business: `training/datasets/label_names.py`.

An id is part of URLs, of object keys and of model cards: it never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from shared.domain.reports import Language


class Code(NamedTuple):
    """A concept of a terminology: its identifier there and the name that the terminology gives it."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that a chest radiograph may show.

    Attributes:
        id: letters, digits, `_` and `-` only.
        name_en: the display name in English.
        name_es: the display name in Spanish.
        snomed_ct: the SNOMED CT concept (a finding or a disorder), or None where none says the same.
        radlex: the RadLex term, or None where none says the same.

    A code is here only when a published copy of the terminology, or several independent users of it, give it
    this meaning: no code is better than a wrong one.
    """

    id: str
    name_en: str
    name_es: str
    snomed_ct: Code | None = None
    radlex: Code | None = None


NO_FINDING: Final = "No_Finding"
"""No label beside others: it says that all are absent. A data set has it; a classifier bundle may not."""

_LABELS: Final = (
    Label(
        "Atelectasis",
        "Atelectasis",
        "Atelectasia",
        snomed_ct=Code("46621007", "Atelectasis"),
        radlex=Code("RID28493", "atelectasis"),
    ),
    Label("Cardiomegaly", "Cardiomegaly", "Cardiomegalia", snomed_ct=Code("8186001", "Cardiomegaly")),
    Label(
        "Effusion",
        "Pleural effusion",
        "Derrame pleural",
        snomed_ct=Code("60046008", "Pleural effusion"),
        radlex=Code("RID34539", "pleural effusion"),
    ),
    Label(
        "Infiltration",
        "Pulmonary infiltrate",
        "Infiltrado pulmonar",
        snomed_ct=Code("409609008", "Radiologic infiltrate of lung"),
    ),
    Label(
        "Mass",
        "Lung mass",
        "Masa pulmonar",
        snomed_ct=Code("309529002", "Lung mass"),
        radlex=Code("RID39056", "lung mass"),
    ),
    Label(
        "Nodule",
        "Lung nodule",
        "Nódulo pulmonar",
        snomed_ct=Code("786838002", "Nodule of lung"),
        radlex=Code("RID50149", "pulmonary nodule"),
    ),
    Label(
        "Pneumonia",
        "Pneumonia",
        "Neumonía",
        snomed_ct=Code("233604007", "Pneumonia"),
        radlex=Code("RID5350", "pneumonia"),
    ),
    Label(
        "Pneumothorax",
        "Pneumothorax",
        "Neumotórax",
        snomed_ct=Code("36118008", "Pneumothorax"),
        radlex=Code("RID5352", "pneumothorax"),
    ),
    Label(
        "Consolidation",
        "Consolidation",
        "Consolidación pulmonar",
        snomed_ct=Code("95436008", "Lung consolidation"),
        radlex=Code("RID43255", "consolidation"),
    ),
    Label(
        "Edema",
        "Pulmonary edema",
        "Edema pulmonar",
        snomed_ct=Code("19242006", "Pulmonary edema"),
        radlex=Code("RID4866", "pulmonary edema"),
    ),
    Label(
        "Emphysema",
        "Emphysema",
        "Enfisema pulmonar",
        snomed_ct=Code("87433001", "Pulmonary emphysema"),
        radlex=Code("RID4799", "emphysema"),
    ),
    Label(
        "Fibrosis", "Pulmonary fibrosis", "Fibrosis pulmonar", snomed_ct=Code("51615001", "Fibrosis of lung")
    ),
    Label("Pleural_Thickening", "Pleural thickening", "Engrosamiento pleural"),
    Label(
        "Hernia",
        "Diaphragmatic hernia",
        "Hernia diafragmática",
        snomed_ct=Code("39839004", "Diaphragmatic hernia"),
    ),
    Label(
        "Enlarged_Cardiomediastinum",
        "Enlarged cardiomediastinal silhouette",
        "Ensanchamiento cardiomediastínico",
    ),
    Label("Lung_Opacity", "Lung opacity", "Opacidad pulmonar"),
    Label("Lung_Lesion", "Lung lesion", "Lesión pulmonar"),
    Label("Pleural_Other", "Other pleural abnormality", "Otra alteración pleural"),
    Label(
        "Fracture",
        "Fracture",
        "Fractura",
        snomed_ct=Code("125605004", "Fracture of bone"),
        radlex=Code("RID4650", "fracture"),
    ),
    Label("Support_Devices", "Support devices", "Dispositivos de soporte"),
    Label("COVID-19", "COVID-19", "COVID-19", snomed_ct=Code("840539006", "COVID-19")),
    Label(
        "Tuberculosis",
        "Pulmonary tuberculosis",
        "Tuberculosis pulmonar",
        snomed_ct=Code("154283005", "Pulmonary tuberculosis"),
    ),
    Label("Foreign_Object", "Foreign object", "Cuerpo extraño"),
    Label(NO_FINDING, "No finding", "Sin hallazgos"),
)

LABELS: Final[Mapping[str, Label]] = MappingProxyType({label.id: label for label in _LABELS})
"""Every id, `NO_FINDING` too."""

CHESTXRAY14: Final = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
"""ChestX-ray14, in the order of Wang et al. 2017 (arXiv 1705.02315)."""

CHEXPERT14: Final = (
    NO_FINDING,
    "Enlarged_Cardiomediastinum",
    "Cardiomegaly",
    "Lung_Opacity",
    "Lung_Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Effusion",
    "Pleural_Other",
    "Fracture",
    "Support_Devices",
)
"""CheXpert, in the order of the columns of its train.csv."""

XRV18: Final = (
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung_Lesion",
    "Fracture",
    "Lung_Opacity",
    "Enlarged_Cardiomediastinum",
)
"""torchxrayvision's outputs, in the order of its `default_pathologies`."""


def display_name(label: str, language: Language) -> str:
    """Return what a person reads for an id, in English or Spanish.

    Raises:
        KeyError: there is no such label.
    """
    entry = LABELS[label]
    return entry.name_es if language is Language.SPANISH else entry.name_en


def name_of(label: str, language: Language) -> str:
    """Return what a person reads for a label; a model's own label stands for itself."""
    return display_name(label, language) if label in LABELS else label
