"""UIDs of what is made of a study."""

import dataclasses

from pydicom.uid import UID

from shared.rendering import identity
from tests.unit.shared.rendering.test_rendering import DOCUMENT

OWN = "1.2.826.0.1.3680043.8.498.1"


def of_study(uid: str | None):
    return dataclasses.replace(DOCUMENT, order=dataclasses.replace(DOCUMENT.order, study_instance_uid=uid))


def test_a_study_keeps_its_own_uid_where_that_is_valid():
    assert identity.study_uid(of_study(OWN)) == OWN
    made = {identity.study_uid(of_study(uid)) for uid in (None, "", "1.02.3", "Jane Roe", "1." * 40)}
    assert made == {"2.25.2127944570064068648823018695360981777"}


def test_versions_share_a_report_and_a_series_and_have_an_object_each():
    later = dataclasses.replace(DOCUMENT, version=3)
    assert identity.report_uuid(later) == identity.report_uuid(DOCUMENT)
    assert identity.series_uid(later, "gsps") == identity.series_uid(DOCUMENT, "gsps")
    uids = {
        identity.instance_uid(document, name) for document in (DOCUMENT, later) for name in ("gsps", "pdf")
    }
    uids |= {identity.series_uid(DOCUMENT, name) for name in ("gsps", "pdf")}
    assert len(uids) == 6
    assert all(UID(uid).is_valid for uid in uids)
