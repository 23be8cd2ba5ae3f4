"""Our copy of PS3.15's table E.1-1 says what another one does."""

from itertools import chain

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as other
from pydicom.tag import Tag

from shared.dicom.deidentify.table import ACTIONS, BASIC, Action, basic_of

LISTS = {
    "X": other.X_TAGS, "Z": other.Z_TAGS, "D": other.D_TAGS, "U": other.U_TAGS,
    "X/Z": other.X_Z_TAGS, "X/D": other.X_D_TAGS, "Z/D": other.Z_D_TAGS, "X/Z/D": other.X_Z_D_TAGS,
}  # fmt: skip
REPEATED = {0x5000, 0x6000}
"""Groups that go whole, `header` says."""


def test_every_attribute_has_the_action_of_the_standard():
    for letters, tags in LISTS.items():
        for group, element, *_ in tags:
            if group in REPEATED:
                continue
            tag = group << 16 | element
            done = BASIC.get(tag, ACTIONS[tag])
            assert done is basic_of(letters) or done is Action.KEEP, (letters, f"{tag:08X}")
    listed = {group << 16 | element for group, element, *_ in chain(*LISTS.values(), other.X_Z_U_STAR_TAGS)}
    assert {tag for tag in listed if tag >> 16 not in REPEATED} == set(ACTIONS)


def test_what_is_kept_is_a_device_or_no_identity_or_holds_references_alone():
    kept = {tag for tag, action in ACTIONS.items() if action is Action.KEEP}
    assert {Tag(word) for word in ("PatientAge", "PatientSex", "DeviceSerialNumber", "StationName")} <= kept
    assert not {Tag(word) for word in ("PatientID", "PatientName", "InstitutionName", "OperatorsName")} & kept
    assert ACTIONS[Tag("PatientBirthDate")] is Action.EMPTY
    assert ACTIONS[Tag("StudyDate")] is Action.SHIFT
