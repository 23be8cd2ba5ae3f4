"""Texts from outside that lie about how they are written: read, or refused by name, and none is a 500."""

import json

import httpx
import pytest

from tests.support.api import a_png, files, send

BOUNDARY = "xyz"


def a_part(disposition: bytes, content: bytes, *headers: bytes) -> bytes:
    lines = [b"--xyz", b"Content-Disposition: form-data; " + disposition, *headers, b"", content, b""]
    return b"\r\n".join(lines)


def a_form(*parts: bytes) -> bytes:
    return b"".join([a_part(b'name="files"; filename="a.png"', a_png()), *parts, b"--xyz--\r\n"])


def post(client: httpx.Client, body: bytes, *, charset: str | bytes = b"") -> httpx.Response:
    encoded = charset.encode() if isinstance(charset, str) else charset
    kind = b"multipart/form-data; boundary=xyz" + (b"; charset=" + encoded if encoded else b"")
    return client.post("/v1/studies", content=body, headers=[(b"Content-Type", kind)])


@pytest.mark.parametrize(
    "charset",
    [
        *("undefined", "punycode", "idna", "hex", "rot13", "zlib", "bz2", "base64", "uu", "quopri"),
        *("utf-7", "unicode_escape", "raw_unicode_escape", "mbcs", "oem", "utf-16", "utf-32", "cp037"),
        *("nonsense", "../utf_8", "encodings.utf_8", "x" * 5000, "\u00fc", '""', "shift_jis"),
    ],
)
def test_a_form_in_an_encoding_that_is_not_read_is_refused_by_name(client: httpx.Client, charset: str):
    field = a_part(b'name="indication"', b"cough \xe9 xn--80ak6aa92e")
    answer = post(client, a_form(field), charset=charset)
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")
    assert "charset" in answer.json()["detail"]
    assert len(answer.json()["detail"]) < 300


@pytest.mark.parametrize(
    "charset", ["", "utf-8", "UTF-8", '"utf-8"', "us-ascii", "iso-8859-1", "windows-1252"]
)
def test_a_form_in_an_encoding_of_browsers_is_read(client: httpx.Client, charset: str):
    assert post(client, a_form(a_part(b'name="indication"', b"cough")), charset=charset).status_code == 202


HOSTILE_PARTS = {
    "_charset_": a_part(b'name="_charset_"', b"undefined"),
    "charset of a part": a_part(
        b'name="indication"', b"a\xff", b"Content-Type: text/plain; charset=undefined"
    ),
    "transfer encoding": a_part(b'name="indication"', b"@@", b"Content-Transfer-Encoding: base64"),
    "name in bytes": a_part(b'name="\xff\xfe"', b"a"),
    "no name": a_part(b"x=y", b"a"),
    "no disposition": b"--xyz\r\nContent-Type: text/plain\r\n\r\na\r\n",
    "extended name": a_part(b"name*=undefined''indication", b"a"),
    "nul in a header": a_part(b'name="a\x00b"', b"a"),
    "folded": a_part(b'name="indi\r\n cation"', b"a"),
}


@pytest.mark.parametrize("part", HOSTILE_PARTS.values(), ids=HOSTILE_PARTS.keys())
def test_a_part_that_lies_is_refused(client: httpx.Client, part: bytes):
    answer = post(client, a_form(part))
    assert answer.status_code in {202, 400, 422}, answer.text


@pytest.mark.parametrize(
    "name",
    [
        b"filename*=undefined''a%ff.png",
        b"filename*=utf-8''a%ff.png",
        b"filename*=utf-16''%00%d8",
        b"filename*=''",
        b"filename*=a",
        b"filename*=idna''xn--%ff",
        b"filename*0*=undefined''a; filename*1*=%ff",
        b"filename*0=a; filename*2=b",
        b"filename*=utf-8''%E2%82%AC; filename=b.png",
        "filename*=utf-8''\u20ac.png".encode(),
        b'filename="\xff\xfe.png"',
        b'filename="=?undefined?q?a?="',
        b'filename="\xed\xa0\x80.png"',
        b"filename*=undefined''" + "\u20ac".encode(),
    ],
)
def test_a_file_s_name_that_lies_is_taken_or_refused(client: httpx.Client, name: bytes):
    body = a_part(b'name="files"; ' + name, a_png()) + b"--xyz--\r\n"
    answer = post(client, body)
    assert answer.status_code in {202, 400, 422}, answer.text
    if answer.status_code == 202:
        (image,) = answer.json()["images"]
        assert image["file"].isprintable()
        assert client.get(image["links"]["original"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (b'{"name": "\xff"}', "utf-8"),
        (b'{"name": "\\ud800"}', "utf-8"),
        (b'{"\\ud800": 1}', "utf-8"),
        (b'{"\\udc80\\u0000": {"\\ud800": []}}', "utf-8"),
        (b'["\\ud800"]', "utf-8"),
        (b"[" * 50_000, "utf-8"),
        (b'{"name": ' + b"1" * 6000 + b"}", "utf-8"),
        (b"NaN", "utf-8"),
        (b"\xff\xfe{\x00", "utf-16"),
        (b"\x00\x00\x00{", "utf-32"),
        (json.dumps({"name": "\ue000\x9b"}).encode(), "undefined"),
    ],
    ids=range(11),
)
def test_a_json_body_that_lies_is_refused(client: httpx.Client, body: bytes, charset: str):
    headers = {"Content-Type": f"application/json; charset={charset}"}
    answer = client.post("/v1/batches", content=body, headers=headers)
    assert answer.status_code in {400, 415, 422}, answer.text
    assert answer.json()["type"] != "/problems/internal-error"


@pytest.mark.parametrize(
    "path",
    [
        *("/%00", "/%ff", "/..%2f%00", "/css/%00.css", "/v1/studies?cursor=%ff", "/v1/studies?cursor=%00"),
        *(
            "/v1/studies?cursor=%ed%a0%80",
            "/v1/studies?limit=" + "9" * 5000,
            "/problems/%00",
            "/v1/studies/%00",
        ),
        *("/v1/studies/%ed%a0%80/report", "/docs/files/%00", "/v1/studies?batch_id=%00", "/" + "a" * 5000),
    ],
)
def test_an_address_that_lies_is_refused(client: httpx.Client, path: str):
    answer = client.get(path)
    assert answer.status_code in {200, 400, 404, 414, 422}, answer.text


@pytest.mark.parametrize(
    "name", ["Authorization", "Accept", "If-None-Match", "Prefer", "Last-Event-ID", "X-Request-ID"]
)
@pytest.mark.parametrize(
    "value", [b"\xff\xfe", b"\xc2\x9b31m", b"wait=" + b"9" * 5000, b"wait=nan", b"q=\xb2;a=\xb9"]
)
def test_a_header_that_lies_is_refused(client: httpx.Client, name: str, value: bytes):
    study_id = send(client).json()["id"]
    for path in (f"/v1/studies/{study_id}", f"/v1/studies/{study_id}/report"):
        answer = client.get(path, headers=[(name.encode(), value)])
        assert answer.status_code < 500, answer.text
    taken = client.post("/v1/studies", files=files(a_png()), headers=[(name.encode(), value)])
    assert taken.status_code < 500, taken.text


@pytest.mark.parametrize(
    "key", [b"\x9b31m", b"a\xe2\x80\xae", b"\xff", b"a\tb", "schl\u00fcssel".encode()], ids=ascii
)
def test_an_idempotency_key_is_of_plain_letters(client: httpx.Client, key: bytes):
    answer = client.post("/v1/studies", files=files(a_png()), headers=[(b"Idempotency-Key", key)])
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "idempotency-key")
    assert send(client, key="folder/a b~%C3%BC.dcm@0199").status_code == 202


@pytest.mark.parametrize(
    ("field", "letter"),
    [("indication", "\u202e"), ("indication", "\x9b"), ("patient_id", "\u200b")],
    ids=ascii,
)
def test_a_letter_that_hides_or_turns_text_is_named(client: httpx.Client, field: str, letter: str):
    answer = send(client, **{field: f"P{letter}1"})
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["field"]) == (422, field)
    assert f"U+{ord(letter):04X}" in fault["message"]


def test_the_names_of_batches_and_keys_are_held_to_it_too(client: httpx.Client):
    for path in ("/v1/batches", "/v1/keys"):
        answer = client.post(path, json={"name": "ward\u202e3"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name")
        assert "U+202E" in answer.text
