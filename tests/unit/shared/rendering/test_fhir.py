"""A report as a FHIR R4 document."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import fhirkit
import pytest
from pydicom.sr._concepts_dict import concepts

from shared.domain.findings import Zone
from shared.domain.orders import NO_ORDER, Order
from shared.domain.reports import ReportStatus
from shared.errors import NotPossibleError
from shared.rendering import terms
from shared.rendering.document import ReportDocument
from shared.rendering.fhir import codes
from shared.rendering.fhir.bundle import render
from shared.rendering.formats import FORMATS
from tests.support.documents import (
    ADA,
    ALL,
    AMENDED,
    BARE,
    BOB,
    DRAFTED,
    EDITED,
    SIGNED,
    SPANISH,
    STUDY_UID,
    WITHDRAWN,
)

Json = dict[str, Any]
XHTML = "{http://www.w3.org/1999/xhtml}"


def bundle_of(document: ReportDocument) -> Json:
    bundle: Json = json.loads(render(document))
    return bundle


def resources(document: ReportDocument, resource_type: str) -> list[Json]:
    entries = (entry["resource"] for entry in bundle_of(document)["entry"])
    return [each for each in entries if each["resourceType"] == resource_type]


def only(document: ReportDocument, resource_type: str) -> Json:
    (one,) = resources(document, resource_type)
    return one


def observations(document: ReportDocument) -> dict[str, Json]:
    return {each["code"]["text"]: each for each in resources(document, "Observation")}


def inside(value: object) -> Iterator[object]:
    yield value
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for member in members:
        yield from inside(member)


def codes_in(concept: Json) -> list[str]:
    return [coding["code"] for coding in concept["coding"]]


def sections(document: ReportDocument) -> dict[str, Json]:
    return {codes_in(each["code"])[0]: each for each in only(document, "Composition")["section"]}


def shown(narrative: Json) -> str:
    return "\n".join(ET.fromstring(narrative["div"]).itertext())


every_state = pytest.mark.parametrize("document", ALL.values(), ids=ALL)


@every_state
def test_a_reader_of_another_make_finds_nothing_wrong(document: ReportDocument):
    assert [str(issue) for issue in fhirkit.validate(render(document))] == []


def test_that_reader_finds_what_is_wrong():
    wrong = bundle_of(DRAFTED)
    del wrong["entry"][0]["resource"]["title"]
    wrong["entry"][1]["resource"]["issued"] = "yesterday"
    wrong["entry"][2]["resource"]["nickname"] = "Taro"
    found = [issue.path for issue in fhirkit.validate(wrong)]
    expected = ["entry[0].resource.title", "entry[1].resource.issued", "entry[2].resource.nickname"]
    assert found == [f"Bundle.{path}" for path in expected]


@every_state
def test_every_reference_is_to_an_entry_of_its_type(document: ReportDocument):
    entries = bundle_of(document)["entry"]
    types = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in entries}
    assert len(types) == len(entries)
    referred = [each for each in inside(entries) if isinstance(each, dict) and "reference" in each]
    assert all(types[each["reference"]] == each["type"] for each in referred)
    # Nothing lies in it that the report does not lead to.
    reached = {each["reference"] for each in referred}
    assert types.keys() - reached <= {
        entry["fullUrl"]
        for entry in entries
        if entry["resource"]["resourceType"] in {"DiagnosticReport", "Provenance"}
    }


@every_state
def test_the_composition_leads_and_nothing_is_empty(document: ReportDocument):
    bundle = bundle_of(document)
    order = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert order[:4] == ["Composition", "DiagnosticReport", "Patient", "ImagingStudy"]
    assert not any(each in (None, "", [], {}) for each in inside(bundle))
    assert render(document) == render(replace(document))


@every_state
def test_the_status_and_the_mark_of_an_ai_stand_on_whatever_may_be_filed_alone(document: ReportDocument):
    digital_source = "compositeWithT" if document.attestations else "t"
    for resource_type in ("Composition", "DiagnosticReport"):
        filed = only(document, resource_type)
        assert filed["status"] == document.status
        assert filed["meta"]["security"][0]["code"] == "AIAST"
        assert len(filed["meta"]["security"]) == 1 + bool(document.attestations)
        assert filed["meta"]["tag"][0]["code"] == f"{digital_source}rainedAlgorithmicMedia"
    assert {each["status"] for each in resources(document, "Observation")} <= {document.status}


def test_until_somebody_signs_a_reader_sees_that_nobody_has():
    for narrative in (only(DRAFTED, "DiagnosticReport")["text"], only(DRAFTED, "Composition")["text"]):
        assert "Chest radiograph report (preliminary)" in shown(narrative)
        assert "NOT A MEDICAL DEVICE" in shown(narrative)
    assert only(DRAFTED, "Composition")["title"] == "Chest radiograph report (preliminary)"
    assert "attester" not in only(DRAFTED, "Composition")
    assert "resultsInterpreter" not in only(EDITED, "DiagnosticReport")
    assert not resources(DRAFTED, "Practitioner")


def test_critical_findings_stand_above_the_sections():
    head = shown(only(replace(DRAFTED, critical=["Effusion"]), "Composition")["text"])
    assert "Critical findings of the classifier:\nPleural effusion on the left (0.81)" in head
    assert "Critical" not in shown(only(DRAFTED, "Composition")["text"])


def test_versions_of_a_report_share_its_identifier_and_each_replaces_the_document_before():
    identifiers = {json.dumps(only(document, "DiagnosticReport")["identifier"]) for document in ALL.values()}
    assert len(identifiers) == 1
    assert [only(SIGNED, "Composition")["identifier"]] == only(SIGNED, "DiagnosticReport")["identifier"]
    (replaced,) = only(SIGNED, "Composition")["relatesTo"]
    assert replaced == {"code": "replaces", "targetIdentifier": bundle_of(EDITED)["identifier"]}
    assert "relatesTo" not in only(DRAFTED, "Composition")
    assert bundle_of(SIGNED)["identifier"] != bundle_of(EDITED)["identifier"]


def test_a_draft_states_what_the_classifier_found():
    found = observations(DRAFTED)
    assert {name: codes_in(one["valueCodeableConcept"]) for name, one in found.items()} == {
        "Pneumothorax": ["2667000"],
        "Lung nodule": ["64957009"],
        "Pleural effusion": ["52101004"],
        "Rib_Notching": ["52101004"],
    }
    effusion = found["Pleural effusion"]
    assert codes_in(effusion["code"]) == ["60046008", "RID34539"]
    assert codes_in(effusion["bodySite"]) == ["3120008"]
    probability, side = effusion["component"]
    assert codes_in(probability["code"]) == ["122157"]
    assert probability["valueQuantity"]["value"] == 0.8125
    assert (codes_in(side["code"]), codes_in(side["valueCodeableConcept"])) == (["272741003"], ["7771000"])
    assert side["valueCodeableConcept"]["text"] == "left, as displayed"
    assert codes_in(found["Lung nodule"]["bodySite"]) == ["281392002"]
    assert found["Rib_Notching"]["code"] == {"text": "Rib_Notching"}
    assert all("device" in one and "performer" not in one for one in found.values())


def test_what_a_person_changed_states_what_the_text_says_and_names_who_said_it():
    stated = observations(SIGNED)
    assert {name: codes_in(one["valueCodeableConcept"])[0] for name, one in stated.items()} == {
        "Pneumothorax": "2667000",
        "Lung nodule": "2667000",
        "Pleural effusion": "52101004",
        "Fracture": "52101004",
    }
    (side,) = stated["Pleural effusion"]["component"]
    assert codes_in(side["valueCodeableConcept"]) == ["24028007"]
    assert "text" not in side["valueCodeableConcept"]
    # Only of what the text took over is the classifier the source, with its probability.
    assert [name for name, one in stated.items() if "device" in one] == ["Pneumothorax"]
    assert [name for name, one in stated.items() if "meta" in one] == ["Pneumothorax"]
    assert all(len(one["performer"]) == 1 for one in stated.values())


def test_the_report_leads_to_its_observations_and_concludes_with_what_is_present():
    report = only(SIGNED, "DiagnosticReport")
    assert len(report["result"]) == 4
    assert [concept["text"] for concept in report["conclusionCode"]] == ["Pleural effusion", "Fracture"]
    entries = sections(SIGNED)["59776-5"]
    assert entries["entry"] == report["result"]
    text = shown(entries["text"])
    assert "Fracture: present" in text
    assert "Lung nodule: absent" in text


def test_who_signed_attests_when_and_who_withdrew_it_attests_nothing():
    names = {each["id"]: each["name"][0]["text"] for each in resources(AMENDED, "Practitioner")}
    roles = {
        f"urn:uuid:{each['id']}": names[each["practitioner"]["reference"].removeprefix("urn:uuid:")]
        for each in resources(AMENDED, "PractitionerRole")
    }
    attested = [
        (each["mode"], roles[each["party"]["reference"]], each["time"])
        for each in only(AMENDED, "Composition")["attester"]
    ]
    assert attested == [
        ("legal", ADA, "2026-01-02T03:09:00+00:00"),
        ("legal", ADA, "2026-01-02T03:11:00+00:00"),
        ("legal", BOB, "2026-01-02T03:13:00+00:00"),
    ]
    assert len(only(AMENDED, "DiagnosticReport")["resultsInterpreter"]) == 2
    assert len(only(WITHDRAWN, "Composition")["attester"]) == 1
    assert len(only(WITHDRAWN, "Composition")["author"]) == 2
    assert len(resources(WITHDRAWN, "Practitioner")) == 2


def test_provenance_tells_of_the_draft_and_of_every_act():
    draft, *acts = resources(AMENDED, "Provenance")
    assert codes_in(draft["reason"][0]) == ["AIAST"]
    assert [codes_in(act["activity"])[0] for act in acts] == ["LA", "UPDATE", "APPEND"]
    assert [act.get("reason") for act in acts] == [None, [{"text": "The side was wrong."}], None]
    assert codes_in(resources(WITHDRAWN, "Provenance")[-1]["activity"]) == ["NULLIFY"]


def test_an_addendum_stands_in_its_section_and_below_the_conclusion():
    addendum = sections(AMENDED)["55107-7"]
    assert addendum["title"] == "Addendum"
    text = "No fracture. <Told> to Dr. Foe.\nDr. Bob Poe, 2026-01-02 03:13 UTC"
    assert addendum["extension"][0]["valueAnnotation"]["text"] == text
    assert only(AMENDED, "DiagnosticReport")["conclusion"].endswith(f"\n\nAddendum\n{text}")
    assert "55107-7" not in sections(SIGNED)
    # What it denies the report no longer states.
    assert "Fracture" not in observations(AMENDED)


def test_sentences_that_the_findings_do_not_support_are_marked_until_they_are_signed():
    assert "[" not in shown(sections(SIGNED)["19005-8"]["text"])
    unsigned = replace(SIGNED, attestations=(), status=ReportStatus.PRELIMINARY)
    text = shown(sections(unsigned)["19005-8"]["text"])
    assert "[CONTRADICTS THE FINDINGS: Right pleural effusion.]" in text
    assert "[NOT SUPPORTED BY THE FINDINGS: There is a fracture.]" in text


@every_state
def test_every_narrative_is_xhtml(document: ReportDocument):
    narratives = [each for each in inside(bundle_of(document)) if isinstance(each, dict) and "div" in each]
    assert len(narratives) > 5
    for narrative in narratives:
        page = ET.fromstring(narrative["div"])
        assert page.tag == f"{XHTML}div"
        assert {each.tag for each in page.iter()} <= {f"{XHTML}{name}" for name in ("div", "p", "br")}
        assert page.attrib["lang"] == document.language
        assert shown(narrative).strip()


def test_the_text_of_the_report_lies_in_it_as_other_systems_show_it():
    (form,) = only(DRAFTED, "DiagnosticReport")["presentedForm"]
    assert form["contentType"] == "text/plain;charset=utf-8"
    assert form["title"].endswith("(preliminary)")


def test_what_the_european_profile_wants_is_there():
    """Source: hl7.fhir.eu.imaging-r4 1.0.0-ballot: its Composition, DiagnosticReport and ImagingStudy."""
    for document in ALL.values():
        composition, report = only(document, "Composition"), only(document, "DiagnosticReport")
        assert {"18726-0", "55115-0", "11329-0", "55111-9"} <= sections(document).keys()
        for section in composition["section"]:
            assert (
                "entry" in section or "emptyReason" in section or "valueAnnotation" in section["extension"][0]
            )
            assert not ("entry" in section and "emptyReason" in section)
        categories = [codes_in(each)[0] for each in report["category"]]
        assert categories == ["RAD", "85430-7", "Medical-Imaging"]
        assert composition["category"] == report["category"]
        assert composition["type"] == report["code"]
        assert composition["subject"] == report["subject"]
        assert report["extension"][0]["valueReference"]["type"] == "Composition"
        assert composition["extension"][0]["valueString"] == str(document.version)
        (identifier,) = only(document, "ImagingStudy")["identifier"]
        assert identifier["system"] == "urn:dicom:uid"
        assert re.fullmatch(r"urn:oid:[0-2](\.(0|[1-9]\d*))+", identifier["value"])


def test_the_accession_number_goes_with_every_reference_to_the_order():
    order = only(DRAFTED, "ServiceRequest")
    assert [each["value"] for each in order["identifier"]] == ["A-2026/17"]
    assert order["requester"] == {"display": "Eve Foe"}
    for resource_type in ("DiagnosticReport", "ImagingStudy"):
        (based_on,) = only(DRAFTED, resource_type)["basedOn"]
        assert based_on["identifier"] == order["identifier"][0]
    assert all(
        one["basedOn"][0]["identifier"]["value"] == "A-2026/17" for one in observations(DRAFTED).values()
    )


def test_a_study_lists_the_series_that_its_files_name():
    study = only(DRAFTED, "ImagingStudy")
    assert study["identifier"][0]["value"] == f"urn:oid:{STUDY_UID}"
    assert study["numberOfInstances"] == 2
    (series,) = study["series"]
    assert (series["uid"], series["modality"]["code"]) == (f"{STUDY_UID}.2", "DX")
    assert [instance["uid"] for instance in series["instance"]] == [f"{STUDY_UID}.2.1"]


def test_images_of_one_series_are_listed_together_and_one_without_a_modality_not_at_all():
    first = DRAFTED.images[0]
    assert first.instance is not None
    again = replace(first.instance, sop_instance_uid=f"{STUDY_UID}.2.2")
    other = replace(first.instance, series_instance_uid=f"{STUDY_UID}.1", sop_instance_uid=f"{STUDY_UID}.1.1")
    unnamed = replace(first.instance, series_instance_uid=f"{STUDY_UID}.3", modality=None)
    images = [replace(first, instance=each) for each in (first.instance, other, again, unnamed)]
    study = only(replace(DRAFTED, images=images), "ImagingStudy")
    assert [(each["uid"], each["numberOfInstances"]) for each in study["series"]] == [
        (f"{STUDY_UID}.1", 1),
        (f"{STUDY_UID}.2", 2),
    ]


def test_a_picture_without_a_header_gives_a_whole_document_that_says_what_is_not_known():
    assert only(BARE, "Patient").keys() == {"resourceType", "id"}
    assert not resources(BARE, "ServiceRequest")
    assert only(BARE, "ImagingStudy")["identifier"][0]["value"].startswith("urn:oid:2.25.")
    for code in ("55115-0", "11329-0"):
        section = sections(BARE)[code]
        assert codes_in(section["emptyReason"]) == ["unavailable"]
        assert shown(section["text"]) == "Not given."
    report = shown(only(BARE, "DiagnosticReport")["text"])
    assert "The image seems to be turned." in report
    assert "the template's stands in for it" in report


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            [
                ("ABC", "Yamada", ["Tarou"], "Tarou Yamada"),
                ("IDE", "山田", ["太郎"], "山田 太郎"),
                ("SYL", "やまだ", ["たろう"], "やまだ たろう"),
            ],
        ),
        ("=山田^太郎", [("IDE", "山田", ["太郎"], "山田 太郎")]),
        ("Roe^Ada^B^Dr.^MD^odd", [("ABC", "Roe", ["Ada", "B"], "Dr. Ada B Roe MD")]),
        ("ROE", [("ABC", "ROE", None, "ROE")]),
        ("^^", []),
        (None, []),
    ],
)
def test_each_group_of_a_name_is_a_name(written: str | None, expected: list[tuple[object, ...]]):
    patient = only(replace(DRAFTED, order=Order(patient_name=written)), "Patient")
    names = [
        (name["extension"][0]["valueCode"], name["family"], name.get("given"), name["text"])
        for name in patient.get("name", [])
    ]
    assert names == expected


def test_what_no_text_may_hold_is_left_out_and_what_looks_like_markup_is_text():
    odd = "<script>&\x00\u202e\ufffe"
    document = replace(
        DRAFTED, indication=odd, order=replace(NO_ORDER, patient_id=odd, patient_name="Roe\x07^Ada")
    )
    assert only(document, "Patient")["identifier"][0]["value"] == "<script>&"
    assert only(document, "Patient")["name"][0]["family"] == "Roe"
    assert shown(sections(document)["11329-0"]["text"]) == "<script>&"
    assert fhirkit.validate(render(document)) == []


def test_a_spanish_report_is_spanish():
    assert bundle_of(SPANISH)["language"] == "es"
    assert {"Derrame pleural", "Neumotórax"} <= observations(SPANISH).keys()
    assert sections(SPANISH)["55115-0"]["title"] == "Número de acceso"


def test_of_a_withdrawn_report_nothing_is_left_but_that_it_is():
    bundle = bundle_of(WITHDRAWN)
    report, composition = only(WITHDRAWN, "DiagnosticReport"), only(WITHDRAWN, "Composition")
    assert report["status"] == composition["status"] == ReportStatus.ENTERED_IN_ERROR
    assert "(entered in error)" in composition["title"]
    assert "Withdrawn. Do not use it for any decision." in shown(report["text"])
    assert not {"conclusion", "conclusionCode", "result"} & report.keys()
    assert not resources(WITHDRAWN, "Observation")
    text = json.dumps(bundle) + base64.b64decode(report["presentedForm"][0]["data"]).decode()
    assert "effusion" not in text
    assert "fracture" not in text


def test_a_version_that_is_not_the_report_any_more_is_no_document():
    with pytest.raises(NotPossibleError, match="version 4 is the report now"):
        render(replace(SIGNED, superseded_by=4))


def test_it_is_asked_for_by_its_media_type():
    form = FORMATS["fhir"]
    assert (form.media_type, form.extension, form.by_accept) == ("application/fhir+json", "fhir.json", True)
    assert form.render(DRAFTED) == render(DRAFTED)


@cache
def dictionary(scheme: str) -> dict[str, set[str]]:
    """Return the names of each code of pydicom's dictionaries (PS3.16), without their semantic tags."""
    names: dict[str, set[str]] = {}
    keywords: dict[str, Any] = dict(concepts[scheme])
    for meanings in keywords.values():
        for code, (meaning, _) in meanings.items():
            names.setdefault(code, set()).add(re.sub(r" \([a-z ]+\)$", "", meaning).lower())
    return names


def test_codes_are_called_what_the_standard_calls_them():
    sites = [terms.site_of(label, zone) for label in ("Mass", "Effusion", "Cardiomegaly") for zone in Zone]
    sites += [terms.site_of(label, None) for label in ("Fracture", "Support_Devices", "Hernia", "Mass")]
    sites.append(terms.site_of("Enlarged_Cardiomediastinum", Zone.UPPER))
    known = [*sites, *terms.SIDES.values(), codes.LATERALITY, codes.IMAGING]
    # "Absent" has another number in DICOM, where it is of the findings.
    known += [code for code in terms.STATUS.values() if code.display != "Absent"]
    assert [code for code in known if code.display.lower() not in dictionary("SCT").get(code.code, ())] == []
    for code in (terms.PROBABILITY, terms.ARTIFICIAL_INTELLIGENCE):
        assert code.display.lower() in dictionary("DCM")[code.code]
    loinc = {*codes.SECTIONS.values(), codes.ORDER, codes.HISTORY, codes.ADDENDUM}
    assert {code.code for code in loinc} <= dictionary("LN").keys()
