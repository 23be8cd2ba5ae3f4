"""What each data set calls the labels: our id -> its exact spellings, one table a set.

    NAMES     data set -> its name -> our ids: mostly one; several where the name says all of them; none where
              no label of ours says the same
    EITHER    data set -> its name -> ids of which a positive shows at least one, without saying which
    label_for, labels_for   the id, or ids, of a name

A name is compared as a whole, letter by letter, never by a part of it: "pseudonodule" is no "nodule". It has
an id here only when a positive one is surely a positive of that label. Strip what is around it first:
PadChest writes " nodule" inside its lists.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

Spellings: TypeAlias = Mapping[str, tuple[str, ...]]


def _names(spellings: Spellings, *, without_label: Iterable[str] = ()) -> Spellings:
    """Turn a table of our id -> its names around: name -> our ids."""
    ids: dict[str, tuple[str, ...]] = dict.fromkeys(without_label, ())
    for label, names in spellings.items():
        for name in names:
            ids[name] = (*ids.get(name, ()), label)
    return MappingProxyType(ids)


_NIH: Final = {
    "Atelectasis": ("Atelectasis",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Effusion": ("Effusion",),
    "Infiltration": ("Infiltration", "Infiltrate"),  # the second in BBox_List_2017.csv
    "Mass": ("Mass",),
    "Nodule": ("Nodule",),
    "Pneumonia": ("Pneumonia",),
    "Pneumothorax": ("Pneumothorax",),
    "Consolidation": ("Consolidation",),
    "Edema": ("Edema",),
    "Emphysema": ("Emphysema",),
    "Fibrosis": ("Fibrosis",),
    "Pleural_Thickening": ("Pleural_Thickening",),
    "Hernia": ("Hernia",),
    "No_Finding": ("No Finding",),
}
"""Data_Entry_2017*.csv, "Finding Labels", cut at "|"."""

_CHEXPERT: Final = {
    "No_Finding": ("No Finding",),
    "Enlarged_Cardiomediastinum": ("Enlarged Cardiomediastinum",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Lung_Opacity": ("Lung Opacity",),
    "Lung_Lesion": ("Lung Lesion",),
    "Edema": ("Edema",),
    "Consolidation": ("Consolidation",),
    "Pneumonia": ("Pneumonia",),
    "Atelectasis": ("Atelectasis",),
    "Pneumothorax": ("Pneumothorax",),
    "Effusion": ("Pleural Effusion",),
    "Pleural_Other": ("Pleural Other",),
    "Fracture": ("Fracture",),
    "Support_Devices": ("Support Devices",),
}
"""The columns of CheXpert, of CheXpert Plus, of MIMIC-CXR's chexpert and negbio tables and of BRAX."""

_MIMIC_CXR: Final[Spellings] = {
    **_CHEXPERT,
    "No_Finding": ("No Finding", "No Findings"),
    "Lung_Opacity": ("Lung Opacity", "Airspace Opacity"),
}
"""The second ones in the radiologist's labels of its test set (mimic-cxr-2.1.0-test-set-labeled.csv)."""

_CHEXLOCALIZE: Final[Spellings] = {
    **_CHEXPERT,
    "Lung_Opacity": ("Lung Opacity", "Airspace Opacity"),
}
"""CheXpert's test labels, and the masks of CheXlocalize, whose first release had the second name."""

_NIH_GOOGLE: Final = {
    "Fracture": ("Fracture",),
    "Pneumothorax": ("Pneumothorax",),
    "Lung_Opacity": ("Airspace opacity",),
    "Lung_Lesion": ("Nodule or mass",),
}
"""The columns that Google's radiologists filled for images of ChestX-ray14."""

_NIH_GOOGLE_ALL: Final = {
    label: tuple(name.replace("_", " ") for name in names[:1])
    for label, names in _NIH.items()
    if label != "No_Finding"
}
"""The columns of their second set; beside them "Abnormal" and "Other"."""

_TORCHXRAYVISION: Final = {
    **{label: names[:1] for label, names in _NIH.items() if label != "No_Finding"},
    "Lung_Lesion": ("Lung Lesion",),
    "Fracture": ("Fracture",),
    "Lung_Opacity": ("Lung Opacity",),
    "Enlarged_Cardiomediastinum": ("Enlarged Cardiomediastinum",),
}
"""The output names of its models (`default_pathologies`)."""

_PADCHEST: Final = {
    "No_Finding": ("normal",),
    "Atelectasis": (
        "atelectasis",
        "laminar atelectasis",
        "lobar atelectasis",
        "segmental atelectasis",
        "total atelectasis",
        "round atelectasis",
        "atelectasis basal",
    ),
    "Cardiomegaly": ("cardiomegaly",),
    "Effusion": (
        "pleural effusion",
        "loculated pleural effusion",
        "loculated fissural effusion",
        "hydropneumothorax",
    ),
    "Infiltration": (  # the set's own tree puts the patterns under infiltrates
        "infiltrates",
        "alveolar pattern",
        "interstitial pattern",
        "ground glass pattern",
        "reticular interstitial pattern",
        "reticulonodular interstitial pattern",
    ),
    "Mass": ("pulmonary mass",),
    "Nodule": ("nodule", "multiple nodules"),
    "Lung_Lesion": ("lung metastasis",),
    "Pneumonia": ("pneumonia", "atypical pneumonia"),
    "Pneumothorax": ("pneumothorax", "hydropneumothorax"),
    "Consolidation": ("consolidation", "air bronchogram"),
    "Edema": ("pulmonary edema",),
    "Emphysema": ("emphysema",),
    "Fibrosis": ("pulmonary fibrosis",),
    "Pleural_Thickening": (
        "pleural thickening",
        "apical pleural thickening",
        "calcified pleural thickening",
    ),
    "Pleural_Other": ("pleural plaques", "calcified pleural plaques"),
    "Hernia": ("hiatal hernia",),
    "Enlarged_Cardiomediastinum": ("mediastinal enlargement", "superior mediastinal enlargement"),
    "Fracture": (
        "fracture",
        "rib fracture",
        "callus rib fracture",
        "clavicle fracture",
        "humeral fracture",
        "vertebral fracture",
    ),
    "Support_Devices": (
        "NSG tube",
        "endotracheal tube",
        "tracheostomy tube",
        "chest drain tube",
        "catheter",
        "central venous catheter",
        "central venous catheter via jugular vein",
        "central venous catheter via subclavian vein",
        "central venous catheter via umbilical vein",
        "reservoir central venous catheter",
        "pacemaker",
        "single chamber device",
        "dual chamber device",
        "dai",  # the Spanish for an implanted defibrillator
    ),
    "Tuberculosis": ("tuberculosis",),
    "COVID-19": ("COVID 19",),  # in its sister set BIMCV-COVID19, which uses the same names
}
"""Column "Labels". A bare "mass" may be of the breast or the mediastinum, so it has no label here."""

_PADCHEST_WITHOUT: Final = ("mass", "pseudonodule", "tuberculosis sequelae", "unchanged", "exclude")

_VINDR: Final = {
    "No_Finding": ("No finding",),
    "Atelectasis": ("Atelectasis",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Consolidation": ("Consolidation",),
    "Edema": ("Edema",),
    "Emphysema": ("Emphysema",),
    "Infiltration": ("Infiltration",),
    "Lung_Opacity": ("Lung Opacity",),
    "Lung_Lesion": ("Nodule/Mass", "Lung tumor"),
    "Fibrosis": ("Pulmonary fibrosis",),
    "Pneumothorax": ("Pneumothorax",),
    "Pleural_Thickening": ("Pleural thickening",),
    "Effusion": ("Pleural effusion",),
    "Fracture": ("Rib fracture", "Clavicle fracture"),
    "Pneumonia": ("Pneumonia",),
    "Tuberculosis": ("Tuberculosis",),
}
"""22 local and 6 global labels; the training half says "Other diseases", the test half "Other disease"."""

_VINDR_WITHOUT: Final = (
    "Aortic enlargement",
    "Calcification",
    "Enlarged PA",
    "ILD",
    "Lung cavity",
    "Lung cyst",
    "Mediastinal shift",
    "Other lesion",
    "COPD",
    "Other disease",
    "Other diseases",
)

_OPEN_I: Final = {
    "No_Finding": ("normal",),  # stands alone, where a coder found nothing to code
    "Atelectasis": ("Pulmonary Atelectasis",),  # MeSH's own term; "Volume Loss" may be a resection
    "Cardiomegaly": ("Cardiomegaly", "Cardiac Shadow/enlarged"),  # disorder or shadow: one thing on a film
    "Effusion": ("Pleural Effusion", "Hydropneumothorax"),  # a blunted costophrenic angle may be a scar
    "Infiltration": ("Infiltrate",),  # coded where the report says infiltrate
    "Mass": ("Mass/lung",),  # with the lung: also coded of breast and mediastinum
    "Nodule": ("Nodule/lung",),  # likewise; a "Calcified Granuloma" is coded apart from it
    "Pneumonia": ("Pneumonia",),  # where it is suspected too: the terms know no doubt
    "Pneumothorax": ("Pneumothorax", "Hydropneumothorax"),  # the second says both
    "Consolidation": ("Consolidation",),  # always of the lung
    "Edema": ("Pulmonary Edema",),  # "Pulmonary Congestion" is the vessels alone, short of it
    "Emphysema": ("Emphysema", "Pulmonary Emphysema", "Bullous Emphysema"),  # overdistention may be asthma
    "Fibrosis": ("Pulmonary Fibrosis",),  # "Cicatrix/lung" is a scar in one place
    "Pleural_Thickening": ("Thickening/pleura",),  # with the pleura: bronchi thicken too
    "Pleural_Other": ("Cicatrix/pleura",),  # what no other label of the pleura says
    "Hernia": ("Hernia, Hiatal", "Hernia, Diaphragmatic"),  # an eventration is none
    "Lung_Opacity": (
        "Opacity/lung",
        "Airspace Disease/lung",
    ),  # "Density/lung" may be a vessel or a calcification
    "Fracture": ("Fractures, Bone",),  # "Deformity/ribs" may be an old one, or none
    "Support_Devices": (  # "Medical Device" may lie on the skin; "Surgical Instruments" are clips and wires
        "Catheters, Indwelling",
        "Tube, Inserted",
        "Implanted Medical Device",
    ),
    "Tuberculosis": ("Tuberculosis",),  # "Granulomatous Disease" has other causes as well
}
"""A MeSH term, cut at "/": ask for its heading, and for its heading and first qualifier joined by "/".

Beside each: why these terms, or why not a near one. "Foreign Bodies" are in the patient or on him, and a
Foreign_Object is on him: no label of ours says the same.
"""

_OPEN_I_WITHOUT: Final = ("Mass", "Nodule", "Opacity", "Thickening", "Subcutaneous Emphysema", "No Indexing")

_RICORD: Final = {"COVID-19": ("Typical Appearance",)}
"""Everybody in RICORD-1c had COVID-19; the classes say whether the radiograph looks like it."""

_RICORD_WITHOUT: Final = ("Indeterminate Appearance", "Atypical Appearance", "Negative for Pneumonia")

_CANDID_PTX: Final = {
    "Pneumothorax": ("pneumothorax",),
    "Support_Devices": ("chest tube",),
    "Fracture": ("rib fracture",),
}
"""It has a table for each finding instead of names: these are what the tables hold."""

NAMES: Final[Mapping[str, Spellings]] = MappingProxyType(
    {
        "nih": _names(_NIH),
        "chexpert": _names(_CHEXPERT),
        "chexpert-plus": _names(_CHEXPERT),
        "chexlocalize": _names(_CHEXLOCALIZE),
        "nih-google": _names(_NIH_GOOGLE),
        "nih-google-all": _names(_NIH_GOOGLE_ALL),
        "mimic-cxr": _names(_MIMIC_CXR),
        "brax": _names(_CHEXPERT),
        "torchxrayvision": _names(_TORCHXRAYVISION),
        "padchest": _names(_PADCHEST, without_label=_PADCHEST_WITHOUT),
        "vindr-cxr": _names(_VINDR, without_label=_VINDR_WITHOUT),
        "open-i": _names(_OPEN_I, without_label=_OPEN_I_WITHOUT),
        "midrc-ricord": _names(_RICORD, without_label=_RICORD_WITHOUT),
        "candid-ptx": _names(_CANDID_PTX),
    },
)

EITHER: Final[Mapping[str, Spellings]] = MappingProxyType(
    {
        "vindr-cxr": MappingProxyType({"Nodule/Mass": ("Nodule", "Mass")}),
        "nih-google": MappingProxyType({"Nodule or mass": ("Nodule", "Mass")}),
    },
)
"""Beside the id in `NAMES`: where such a name is negative all of these are absent; where it is positive each
of them is unknown. So "Nodule/Mass" is a sure Lung_Lesion, and teaches Nodule and Mass by its negatives only.
"""


def label_for(dataset: str, name: str) -> str | None:
    """Return our id for a data set's name, compared letter by letter, or None where no one id says the same.

    Several names of one set may mean the same label: it is present when any of them is, and absent only when
    all of them are.

    Raises:
        KeyError: `NAMES` does not describe that data set.
    """
    ids = labels_for(dataset, name)
    return ids[0] if len(ids) == 1 else None


def labels_for(dataset: str, name: str) -> tuple[str, ...]:
    """Return every id that a data set's name says is present ("hydropneumothorax" says two), maybe none.

    Raises:
        KeyError: `NAMES` does not describe that data set.
    """
    return NAMES[dataset].get(name, ())
