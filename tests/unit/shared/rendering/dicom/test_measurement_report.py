"""Findings as coded measurements: TID 1500, read back by highdicom."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from highdicom.sr import (
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
    srread,
)
from pydicom.sr.codedict import codes

from shared.domain.findings import FindingStatus
from shared.rendering.dicom.measurement_report import RECTANGLE, render
from tests.support.dicom_documents import ALL, BARE, CHANGED, COMPUTED, DIGITAL, DOCUMENT, SIGNED
from tests.support.documents import ADA, BOB, STUDY_UID


def document_of(document) -> Comprehensive3DSR:
    read = srread(BytesIO(render(document)))
    assert isinstance(read, Comprehensive3DSR)
    return read


def content_of(document) -> MeasurementReport:
    content = document_of(document).content
    assert isinstance(content, MeasurementReport)
    return content


def groups_of(content: MeasurementReport):
    groups: list[Any] = [
        *content.get_planar_roi_measurement_groups(),
        *content.get_image_measurement_groups(),
    ]
    return {group.finding_type.meaning: group for group in groups}


def evaluations_of(content: MeasurementReport) -> dict[str, str]:
    """Return the items of the container that holds names and values."""
    (container,) = (
        item for item in content[0].ContentSequence if item.name.meaning == "Qualitative Evaluations"
    )
    return {
        item.name.meaning: item.value.meaning if item.ValueType == "CODE" else item.value
        for item in container.ContentSequence
    }


def values_of(group) -> dict[str, str]:
    return {item.name.meaning: item.value.meaning for item in group.get_qualitative_evaluations()}


def test_each_finding_has_its_code_its_probability_and_its_place():
    groups = groups_of(content_of(DOCUMENT))
    assert groups.keys() == {"Pleural effusion", "Nodule of lung", "Rib_Notching"}
    effusion = groups["Pleural effusion"]
    assert (effusion.finding_type.value, effusion.finding_type.scheme_designator) == ("60046008", "SCT")
    assert [(item.name, item.value) for item in effusion.get_measurements()] == [
        (codes.DCM.Probability, pytest.approx(0.8125))
    ]
    assert values_of(effusion)["Presence of property"] == "Present"
    assert values_of(groups["Nodule of lung"])["Presence of property"] == "Uncertain"
    (site,) = groups["Nodule of lung"].finding_sites
    assert (site.value.meaning, site.laterality.meaning) == ("Upper zone of lung", "Right")
    assert groups["Rib_Notching"].finding_sites[0].laterality is None


def test_a_box_is_a_rectangle_of_its_image_s_own_pixels_as_ohif_knows_one():
    content = content_of(DOCUMENT)
    regions = {
        meaning: (group.tracking_identifier, group.roi, group.roi.ContentSequence[0])
        for meaning, group in groups_of(content).items()
        if meaning != "Rib_Notching"
    }
    tracking, region, source = regions["Pleural effusion"]
    assert tracking == RECTANGLE == "Cornerstone3DTools@^0.1.0:RectangleROI"
    assert region.graphic_type.value == "POLYLINE"
    assert region.value.tolist() == [[1000, 1500], [1500, 1500], [1500, 2250], [1000, 2250], [1000, 1500]]
    assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == f"{STUDY_UID}.2.1"
    assert (
        regions["Nodule of lung"][2].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == f"{STUDY_UID}.3.1"
    )


def test_ohif_finds_the_box_in_the_number_of_its_group():
    for group in content_of(DOCUMENT).get_planar_roi_measurement_groups():
        (number,) = (item for item in group[0].ContentSequence if item.ValueType == "NUM")
        (box,) = (item for item in group[0].ContentSequence if item.ValueType == "SCOORD")
        (inside,) = number.ContentSequence
        assert (inside.RelationshipType, inside.ValueType) == ("INFERRED FROM", "SCOORD")
        assert list(inside.GraphicData) == list(box.GraphicData)
        images = [item.ContentSequence[0].ReferencedSOPSequence[0] for item in (box, inside)]
        assert images[0].ReferencedSOPInstanceUID == images[1].ReferencedSOPInstanceUID


def test_a_finding_without_a_box_refers_to_its_image():
    (source,) = groups_of(content_of(DOCUMENT))["Rib_Notching"].source_images
    assert source.referenced_sop_instance_uid == f"{STUDY_UID}.2.1"


def test_findings_keep_their_tracking_uid_over_versions():
    def uids(document):
        return {meaning: group.tracking_uid for meaning, group in groups_of(content_of(document)).items()}

    drafted = uids(DOCUMENT)
    assert len(set(drafted.values())) == 3
    # Of the third the text says nothing that can be read.
    assert uids(SIGNED) == {meaning: drafted[meaning] for meaning in ("Pleural effusion", "Nodule of lung")}


def test_what_is_absent_is_a_name_with_a_value_and_no_finding():
    assert evaluations_of(content_of(DOCUMENT))["Pneumothorax"] == "Absent"


def test_the_text_of_the_report_goes_with_it():
    evaluations = evaluations_of(content_of(DOCUMENT))
    assert evaluations["Impression"] == "Left pleural effusion.\r\nPossible lung nodule."
    assert evaluations["Finding"] == "There is a left pleural effusion.\r\nNo pneumothorax detected."


def test_our_own_codes_are_explained_and_others_are_not():
    (scheme,) = document_of(DOCUMENT).CodingSchemeIdentificationSequence
    assert scheme.CodingSchemeDesignator == "99CXRREPORTER"
    own = groups_of(content_of(DOCUMENT))["Rib_Notching"].finding_type
    assert (own.value, own.scheme_designator) == ("Rib_Notching", "99CXRREPORTER")
    known = replace(DOCUMENT, findings=DOCUMENT.findings[:3])
    assert "CodingSchemeIdentificationSequence" not in document_of(known)


def test_a_person_s_report_has_what_the_person_says_and_no_box_of_what_was_denied():
    content = content_of(CHANGED)
    groups = groups_of(content)
    assert groups.keys() == {"Pleural effusion", "Fracture of bone"}
    assert not content.get_planar_roi_measurement_groups()
    assert not groups["Fracture of bone"].get_measurements()
    assert evaluations_of(content)["Nodule of lung"] == "Absent"


def test_the_images_are_evidence_by_study_and_series():
    (study,) = document_of(DOCUMENT).CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == STUDY_UID
    assert {
        series.SeriesInstanceUID: [item.ReferencedSOPClassUID for item in series.ReferencedSOPSequence]
        for series in study.ReferencedSeriesSequence
    } == {f"{STUDY_UID}.2": [DIGITAL], f"{STUDY_UID}.3": [COMPUTED]}
    (request,) = document_of(DOCUMENT).ReferencedRequestSequence
    assert (request.AccessionNumber, request.StudyInstanceUID) == ("A-2026/17", STUDY_UID)


def test_images_without_uids_are_left_out_and_the_findings_stay():
    document = document_of(BARE)
    assert "CurrentRequestedProcedureEvidenceSequence" not in document
    content = content_of(BARE)
    assert not content.get_planar_roi_measurement_groups()
    assert len(content.get_image_measurement_groups()) == 3
    assert "Image Library" not in {item.name.meaning for item in content[0].ContentSequence}


def test_an_image_of_a_maker_s_own_kind_is_referred_to_without_a_box():
    images = [
        replace(image, instance=replace(image.instance, sop_class_uid="1.2.3"))
        for image in DOCUMENT.images
        if image.instance
    ]
    content = content_of(replace(DOCUMENT, images=images))
    assert not content.get_planar_roi_measurement_groups()
    (source,) = groups_of(content)["Pleural effusion"].source_images
    assert source.referenced_sop_instance_uid == f"{STUDY_UID}.2.1"


def test_the_library_says_how_large_an_image_is_and_of_which_modality():
    first, second = DOCUMENT.images
    assert second.instance
    odd = replace(second, instance=replace(second.instance, modality="HC"))
    (library,) = (
        item
        for item in content_of(replace(DOCUMENT, images=[first, odd]))[0].ContentSequence
        if item.name.meaning == "Image Library"
    )
    entries = [
        [item.value.meaning if item.ValueType == "CODE" else item.value for item in image.ContentSequence]
        for image in library.ContentSequence[0].ContentSequence
    ]
    assert entries == [["Digital Radiography", 2500, 2000], ["Other", 1250, 1000]]


def test_a_study_in_which_nothing_was_found_has_no_group():
    normal = replace(
        DOCUMENT, findings=[replace(line, status=FindingStatus.ABSENT) for line in DOCUMENT.findings]
    )
    content = content_of(normal)
    assert "Imaging Measurements" not in {item.name.meaning for item in content[0].ContentSequence}
    assert evaluations_of(content)["Pleural effusion"] == "Absent"


@pytest.mark.parametrize(
    ("state", "flags", "observer"),
    [
        ("drafted", ("PRELIMINARY", "PARTIAL", "UNVERIFIED"), None),
        ("edited", ("PRELIMINARY", "PARTIAL", "UNVERIFIED"), None),
        ("signed", ("FINAL", "COMPLETE", "VERIFIED"), ADA),
        ("amended", ("FINAL", "COMPLETE", "VERIFIED"), ADA),
    ],
)
def test_only_a_signed_report_is_verified_by_whoever_signed(state, flags, observer):
    document = document_of(ALL[state])
    assert (document.PreliminaryFlag, document.CompletionFlag, document.VerificationFlag) == flags
    observers = [str(item.VerifyingObserverName) for item in document.get("VerifyingObserverSequence", [])]
    assert observers == ([f"{observer}^"] if observer else [])
    content = content_of(ALL[state])
    assert len(content.get_observer_contexts(observer_type=codes.DCM.Person)) == len(observers)
    (device,) = content.get_observer_contexts(observer_type=codes.DCM.Device)
    identity = device.observer_identifying_attributes
    assert isinstance(identity, DeviceObserverIdentifyingAttributes)
    assert identity.serial_number == "d" * 64
    assert BOB not in observers


def test_a_later_version_names_the_one_that_it_was_made_of():
    first = document_of(DOCUMENT)
    later = document_of(replace(SIGNED, version=2, made_from=1))
    (study,) = later.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == first.SeriesInstanceUID
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert "PredecessorDocumentsSequence" not in first


def test_a_spanish_report_says_that_it_is():
    content = content_of(ALL["spanish"])
    assert content[0].ContentSequence[0].value.meaning == "Spanish"
    assert evaluations_of(content)["Impression"] == "Derrame pleural."
