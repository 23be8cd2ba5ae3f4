"""A hospital end to end: its PACS routes a study to us, and gets the report into that very study."""

import subprocess
from pathlib import Path

import httpx
import pydicom
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types

from cxr.local.state import load_state
from tests.support.browser import Tab
from tests.support.orthanc import orthanc
from tests.support.stack import FullStack, wait_until

# The simplest rule there is, and a dangerous one: whatever comes into a study, ours too, has it sent again.
ROUTE_EVERYTHING = """
function OnStableStudy(studyId, tags, metadata)
  RestApiPost('/modalities/cxr/store', studyId)
end
"""
SR, PDF, CAPTURE = (
    "1.2.840.10008.5.1.4.1.1.88.34",
    "1.2.840.10008.5.1.4.1.1.104.1",
    "1.2.840.10008.5.1.4.1.1.7",
)


def sop_classes(pacs_url: str, study_uid: str) -> list[str]:
    """Return what a QIDO client finds in a study."""
    found = httpx.get(
        f"{pacs_url}/studies/{study_uid}/instances", headers={"Accept": "application/dicom+json"}, timeout=60
    )
    return sorted(str(item["00080016"]["Value"][0]) for item in found.raise_for_status().json())


def test_orthanc_s_rule_sends_a_study_and_the_report_comes_back_into_it(
    stack: FullStack, tab: Tab, samples: Path, tmp_path: Path
):
    state = load_state(stack.home.state)
    assert state is not None
    film = pydicom.dcmread(samples / "chest-4.dcm")
    script = tmp_path / "route.lua"
    script.write_text(ROUTE_EVERYTHING, encoding="ascii")
    modalities = {"cxr": ["CXR", "127.0.0.1", state.ports.dicom]}
    with (
        orthanc(tmp_path, settings={"DicomModalities": modalities, "LuaScripts": [str(script)]}) as pacs,
        stack.client() as client,
    ):
        there = {"host": "127.0.0.1", "port": pacs.dicom_port, "ae_title": pacs.aet}
        client.destinations.add("orthanc", "dicom", **there)
        try:
            tested = client.destinations.test("orthanc").test
            assert tested is not None
            assert tested.passed, tested.answer
            subprocess.run(
                ["storescu", "-aec", pacs.aet, "127.0.0.1", str(pacs.dicom_port), samples / "chest-4.dcm"],
                check=True,
                timeout=60,
            )
            wait_until(
                lambda: len(sop_classes(pacs.web, film.StudyInstanceUID)) == 4,
                timeout=300,
                what="the report in Orthanc",
            )
            found = sop_classes(pacs.web, film.StudyInstanceUID)
            assert found == sorted([film.SOPClassUID, SR, PDF, CAPTURE])
            (delivery,) = client.deliveries.list(state="delivered")
            study = client.study(delivery.study_id)
            assert study.order is not None
            assert study.order.study_instance_uid == film.StudyInstanceUID
            _see_it_on_the_page(tab, study.id)
            # Orthanc sends its study once more, with our objects in it: nothing is made of those.
            wait_until(
                lambda: len(pacs.client.get("/jobs").json()) > 1, timeout=120, what="the second sending"
            )
            wait_until(
                lambda: all(job["State"] == "Success" for job in pacs.client.get("/jobs?expand").json()),
                timeout=120,
                what="its success",
            )
            again = client.study(study.id)
            assert again.status == "completed"
            assert [one.event for one in again.timeline].count("reported") == 1
            assert sop_classes(pacs.web, film.StudyInstanceUID) == found
        finally:
            client.destinations.remove("orthanc")


def _see_it_on_the_page(tab: Tab, study_id: str) -> None:
    tab.open(f"#/studies/{study_id}")
    tab.wait_until_final()
    panel = tab.page.locator("#deliveries")
    panel.get_by_text("Sent to (1 of 1)").click()
    row = panel.locator("li").first
    row.get_by_text("orthanc").wait_for()
    assert "delivered · version 1" in row.inner_text()
    assert "dicom-sr: stored; dicom-pdf: stored; dicom-sc: stored" in row.inner_text()
    assert Axe().run(tab.page, context="#deliveries").response["violations"] == []
