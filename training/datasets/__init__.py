"""One adapter a data set, each from its published layout to `training/table.py`; `READERS` has them by id."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from training.datasets.base import DatasetReader
from training.datasets.brax import Brax
from training.datasets.candid_ptx import CandidPtx
from training.datasets.chexlocalize import CheXlocalize
from training.datasets.chexpert import CheXpert
from training.datasets.chexpert_plus import CheXpertPlus
from training.datasets.chexpert_test import CheXpertTest
from training.datasets.midrc_commons import MidrcCommons
from training.datasets.midrc_ricord import MidrcRicord
from training.datasets.mimic_cxr import MimicCxr, MimicCxrTest
from training.datasets.nih import Nih
from training.datasets.nih_google import NihGoogle
from training.datasets.nih_google_all import NihGoogleAll
from training.datasets.object_cxr import ObjectCxr
from training.datasets.open_i import OpenI
from training.datasets.padchest import PadChest
from training.datasets.padchest_gr import PadChestGr
from training.datasets.rsna_pneumonia import RsnaPneumonia
from training.datasets.siim_acr import SiimAcr
from training.datasets.vindr_cxr import VinDrCxr

READERS: Final[Mapping[str, DatasetReader]] = MappingProxyType(
    {
        "nih": Nih(),
        "nih_google": NihGoogle(),
        "nih_google_all": NihGoogleAll(),
        "rsna_pneumonia": RsnaPneumonia(),
        "siim_acr": SiimAcr(),
        "chexpert": CheXpert(),
        "chexpert_test": CheXpertTest(),
        "chexlocalize": CheXlocalize(),
        "chexpert_plus": CheXpertPlus(),
        "mimic_cxr": MimicCxr(),
        "mimic_cxr_test": MimicCxrTest(),
        "open_i": OpenI(),
        "brax": Brax(),
        "candid_ptx": CandidPtx(),
        "padchest": PadChest(),
        "padchest_gr": PadChestGr(),
        "vindr_cxr": VinDrCxr(),
        "midrc_ricord": MidrcRicord(),
        "midrc_commons": MidrcCommons(),
        "object_cxr": ObjectCxr(),
    }
)
"""One line a data set, by the id that the command line and the tables use."""
