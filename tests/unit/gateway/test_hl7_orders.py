"""What real interfaces send is read: versions, vendors' habits, character sets, and what is missing."""

from datetime import date, time

import pytest

from gateway.hl7.messages import UnreadableMessageError, read
from gateway.hl7.orders import BadOrderError, orders_of
from gateway.hl7.patients import BadPatientError, Merge, changed_patient, merges_of
from shared.domain.expected_orders import ExpectedOrder, OrderStatus
from shared.domain.studies import Priority
from tests.support.hl7 import EPIC, IHE, JAPANESE, line, message

SHORT = (r"MSH|^~\&|A|B|C|D|20260101||ORM^O01|1|P|2.3", "PID|||1", "ORC|NW|P1|F1", "OBR|1|P1|F1")


def the_order(content: bytes) -> ExpectedOrder:
    (order,) = orders_of(read(content))
    return order


def test_an_order_of_version_2_3_with_the_fields_that_ihe_put_into_it():
    assert the_order(message(*EPIC)) == ExpectedOrder(
        accession_number="A123",
        placer_number="889",
        filler_number="A123",
        study_instance_uid="1.2.840.113619.2.1",
        patient_id="0012345",
        patient_id_issuer="NORTH",
        other_patient_ids=("E77",),
        patient_name="DOE^JANE^Q^DR^JR",
        patient_birth_date=date(1970, 1, 2),
        patient_sex="F",
        indication="SOB; cough & fever, r/o pneumonia; Cough, unspecified",
        referring_physician="HOUSE^GREGORY^^DR",  # of PV1-8
        priority=Priority.URGENT,
        procedure_code="71046",
        procedure="XR CHEST 2 VIEWS",
        requested_procedure_id="RP1",
        procedure_step_id="SPS1",
        modality="CR",
        scheduled_date=date(2026, 1, 5),
        scheduled_time=time(9, 30),
    )


def test_an_imaging_order_of_version_2_5_1():
    order = the_order(message(*IHE))
    assert (order.accession_number, order.placer_number, order.filler_number) == ("A200", "P100", "F100")
    assert (order.study_instance_uid, order.modality) == ("1.2.3.4.200", "DX")
    assert (order.station_ae_title, order.priority) == ("DX_ROOM1", Priority.URGENT)
    assert (order.scheduled_date, order.scheduled_time) == (date(2026, 1, 6), time(14, 5))
    assert (order.patient_name, order.patient_id_issuer) == ("Núñez^Ana", "SOUTH")
    assert (order.referring_physician, order.indication) == ("Müller^Jörg^^Dr.", "Dolor torácico")


@pytest.mark.parametrize(
    ("segments", "said", "codec"),
    [
        (JAPANESE, "~ISO IR87", "iso2022_jp_ext"),
        (JAPANESE, "UNICODE UTF-8", "utf-8"),
        (JAPANESE, "", "utf-8"),
        (IHE, "8859/1", "latin-1"),
        (IHE, "", "latin-1"),
        (IHE, "8859/15", "iso8859-15"),
        ((IHE[0], "PID|||1||Иванова^Анна", line("OBR", {2: "1", 13: "кашель"})), "8859/5", "iso8859-5"),
    ],
    ids=["iso ir87", "utf-8", "unnamed utf-8", "latin 1", "unnamed latin 1", "latin 9", "cyrillic"],
)
def test_letters_are_those_of_the_set_that_the_message_names(
    segments: tuple[str, ...], said: str, codec: str
):
    order = the_order(message(*segments, codec=codec, MSH_18=said))
    expect = {
        "J": "YAMADA^TARO=山田^太郎=ヤマダ^タロウ",
        "Núñez": "Núñez^Ana",
        "И": "Иванова^Анна",
    }
    assert order.patient_name in expect.values()
    assert order.indication in {"咳嗽", "Dolor torácico", "кашель"}


def test_letters_that_are_not_of_the_named_set_are_refused():
    for said in ("UNICODE UTF-8", "KLINGON"):
        with pytest.raises(UnreadableMessageError, match="MSH-18"):
            read(message(*IHE, codec="latin-1", MSH_18=said))


@pytest.mark.parametrize(
    "content",
    [b"", b"MSH", b"MSH|", b"MSH|^~\\", b"hello", b"PID|1\rMSH|^~\\&|A", b"\x00" * 100],
    ids=["nothing", "MSH", "MSH|", "cut", "no message", "PID first", "zeros"],
)
def test_what_is_no_message_is_refused(content: bytes):
    with pytest.raises(UnreadableMessageError):
        orders_of(read(content))


@pytest.mark.parametrize(
    "content",
    [
        message(*SHORT).replace(b"\r", b"\n"),
        message(*SHORT).replace(b"\r", b"\r\n\r\n"),
        b"\xef\xbb\xbf" + message(*SHORT),
        message(*SHORT).replace(b"PID", b" pid").replace(b"ORC", b"orc"),
        message(*SHORT).replace(b"|", b"$").replace(b"^", b"%"),
        message(*SHORT, MSH_12=""),
        message(*SHORT, MSH_12="2.9"),
        message(SHORT[0], "ZZZ|a^b~c", *SHORT[1:], "ZX1"),
        message(SHORT[0], SHORT[2], SHORT[1], SHORT[3]),
        message(SHORT[0], *SHORT[2:], SHORT[1]),
        message(*SHORT[:2], "OBR|1|P1|F1"),
        message(*SHORT[:3]),
    ],
    ids=[
        *("line feeds", "blank lines", "byte order mark", "small letters", "other separators"),
        *("no version", "a new version", "unknown segments", "PID after ORC", "PID last", "no ORC", "no OBR"),
    ],
)
def test_what_interfaces_do_to_a_message_does_not_keep_it_from_being_read(content: bytes):
    order = the_order(content)
    assert (order.number, order.placer_number, order.patient_id) == ("F1", "P1", "1")


def test_every_order_of_a_message_is_its_own():
    content = message(
        *SHORT[:2],
        *("ORC|NW|P1", line("OBR", {2: "P1", 18: "A1"}), "NTE|1||one"),
        *("ORC|CA|P2", line("OBR", {2: "P2", 18: "A2"}), "NTE|1||two"),
        line("OBR", {2: "P3", 18: "A3"}),
        "ZDS|1.2.3",
    )
    orders = orders_of(read(content))
    assert [(one.accession_number, one.indication, one.status) for one in orders] == [
        ("A1", "one", OrderStatus.SCHEDULED),
        ("A2", "two", OrderStatus.CANCELLED),
        ("A3", None, OrderStatus.CANCELLED),
    ]
    assert [one.study_instance_uid for one in orders] == [None, None, "1.2.3"]
    assert [one.placer_number for one in orders] == ["P1", "P2", "P3"]


@pytest.mark.parametrize(
    ("fields", "expect"),
    [
        ({"ORC_1": "XO"}, OrderStatus.SCHEDULED),
        ({"ORC_1": ""}, OrderStatus.SCHEDULED),
        ({"ORC_1": "SC", "ORC_5": "CM"}, OrderStatus.COMPLETED),
        ({"ORC_1": "SC", "ORC_5": "CA"}, OrderStatus.CANCELLED),
        *(({"ORC_1": control}, OrderStatus.CANCELLED) for control in ("CA", "DC", "OC", "OD")),
    ],
)
def test_orc_says_what_becomes_of_an_order(fields: dict[str, str], expect: OrderStatus):
    assert the_order(message(*SHORT, **fields)).status is expect


@pytest.mark.parametrize(
    ("fields", "name", "expect"),
    [
        ({"OBR_27": "^^^^^S"}, "priority", Priority.URGENT),
        ({"ORC_7": "^^^^^A"}, "priority", Priority.URGENT),
        ({"OBR_5": "STAT"}, "priority", Priority.URGENT),
        ({"OBR_27": "^^^^^R", "OBR_5": "S"}, "priority", Priority.ROUTINE),
        ({"OBR_27": "^^^^^P"}, "priority", None),
        ({"ORC_16": "R05^Cough^I10"}, "indication", "Cough"),
        ({"OBR_31": "R05"}, "indication", "R05"),
        ({"OBR_31": r"^fever \T\ cough\.br\since Monday"}, "indication", "fever & cough since Monday"),
        ({"OBR_31": "^a~^b", "ORC_16": "^a b"}, "indication", "a b"),
        ({"OBR_18": "room 4, second floor"}, "accession_number", None),
        ({"PID_3": '""', "PID_2": "7"}, "patient_id", "7"),
        ({"PID_5": "DOE&VAN&DOE^JANE^^^^^D"}, "patient_name", "DOE^JANE"),
        ({"PID_5": "ALIAS^A^^^^^A~DOE^JANE^^^^^L"}, "patient_name", "DOE^JANE"),
        ({"PID_7": "197001021530"}, "patient_birth_date", date(1970, 1, 2)),
        ({"PID_7": "19701399"}, "patient_birth_date", None),
        ({"PID_7": "1970"}, "patient_birth_date", None),
        ({"PID_8": "U"}, "patient_sex", None),
        ({"OBR_36": "202601059999"}, "scheduled_date", date(2026, 1, 5)),
        ({"OBR_36": "202601059999"}, "scheduled_time", None),
    ],
)
def test_where_a_field_is_found(fields: dict[str, str], name: str, expect: object):
    assert getattr(the_order(message(*SHORT, **fields)), name) == expect


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (message(*SHORT, PID_3=""), "PID-3"),
        (message(SHORT[0], *SHORT[2:]), "PID-3"),
        (message(*SHORT[:2], "ORC|NW", "OBR|1"), "number"),
        (message(*SHORT[:2]), "no order"),
        (message(*SHORT, ORC_1="ZZ"), "ORC-1"),
    ],
    ids=["no id", "no patient", "no number", "no order", "unknown"],
)
def test_an_order_without_what_it_is_kept_by_is_refused(content: bytes, what: str):
    with pytest.raises(BadOrderError, match=what):
        orders_of(read(content))


def test_a_patient_is_changed_and_merged():
    header = r"MSH|^~\&|A|B|C|D|20260101||ADT^A40|1|P|2.3.1"
    pid = "PID|||N1^^^H||NEW^NAME||19800101|M"
    patient = changed_patient(read(message(header, pid)))
    assert (patient.patient_id, patient.patient_name, patient.patient_sex) == ("N1", "NEW^NAME", "M")
    merged = merges_of(read(message(header, pid, "MRG|O1^^^H~O2^^^H", pid.replace("N1", "N2"), "MRG|O3")))
    assert merged == [Merge("O1", "N1", "H"), Merge("O2", "N1", "H"), Merge("O3", "N2", "H")]
    for broken in ((header, pid), (header, "MRG|O1"), (header, pid, "MRG|")):
        with pytest.raises(BadPatientError):
            merges_of(read(message(*broken)))
    with pytest.raises(BadPatientError):
        changed_patient(read(message(header)))
