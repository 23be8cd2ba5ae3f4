"""What is negotiated: the SOP classes that are taken, and the transfer syntaxes that are read."""

from typing import Final

from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    BlendingSoftcopyPresentationStateStorage,
    ChestCADSRStorage,
    ColorSoftcopyPresentationStateStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    EncapsulatedCDAStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    ExtensibleSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    PseudoColorSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
    XRayRadiationDoseSRStorage,
    XRayRadiofluoroscopicImageStorage,
)
from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    Verification,
)

from shared.dicom.files import TRANSFER_SYNTAXES

_IMAGES: Final = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    XRayRadiofluoroscopicImageStorage,
    SecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
)
"""Those that a radiograph may come as; of the multi-frame ones a single frame is read."""

_COMPANIONS: Final = (
    BasicTextSRStorage,
    EnhancedSRStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
    ExtensibleSRStorage,
    ChestCADSRStorage,
    XRayRadiationDoseSRStorage,
    KeyObjectSelectionDocumentStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ColorSoftcopyPresentationStateStorage,
    PseudoColorSoftcopyPresentationStateStorage,
    BlendingSoftcopyPresentationStateStorage,
    EncapsulatedPDFStorage,
    EncapsulatedCDAStorage,
)
"""What travels with a study: set aside with success, or a PACS's job would fail over it for ever."""

_PLAIN: Final = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
# The order is only for readers: of what a peer offers, the first that is here is agreed on.
_SYNTAXES: Final = sorted(TRANSFER_SYNTAXES)


def offered() -> list[PresentationContext]:
    """Return what every peer may use."""
    return [
        build_context(Verification, _PLAIN),
        build_context(StorageCommitmentPushModel, _PLAIN),
        build_context(ModalityPerformedProcedureStep, _PLAIN),
        build_context(ModalityWorklistInformationFind, _PLAIN),
        *(build_context(uid, _SYNTAXES) for uid in (*_IMAGES, *_COMPANIONS)),
    ]


def is_image(uid: UID | str | None) -> bool:
    """Tell whether objects of a SOP class may be radiographs."""
    return uid in _IMAGES


def is_storage(uid: UID | str | None) -> bool:
    """Tell whether objects of a SOP class are taken by C-STORE."""
    return uid in _IMAGES or uid in _COMPANIONS
