"""The cheap client's bytes."""

import asyncio

import pytest
from typing_extensions import override

from bench.wire import Answer, Connection, get, post_file


def test_a_request_has_its_headers():
    assert (
        get("/a", If_None_Match='"x"') == b'GET /a HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "x"\r\n\r\n'
    )


def test_a_posted_file_states_its_length():
    request = post_file("/v1/studies", "a.dcm", b"\0\r\n\xff")
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'filename="a.dcm"' in body
    assert b"\r\n\r\n\0\r\n\xff\r\n--" in body


def test_a_header_is_found_whatever_its_case():
    answer = Answer(200, b'HTTP/1.1 200 OK\r\nETag: "Ab"\r\nlocation: /v1', b"")
    assert answer.header("etag") == '"Ab"'
    assert answer.header("Location") == "/v1"
    with pytest.raises(KeyError):
        answer.header("x")


async def test_an_answer_may_come_in_pieces():
    connection = Connection()
    sent = _Sent()
    connection.connection_made(sent)
    asking = asyncio.create_task(connection.ask(b"GET"))
    await asyncio.sleep(0)
    for piece in (b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 4\r\n\r\nab", b"cd"):
        assert not asking.done()
        connection.data_received(piece)
    answer = await asking
    assert (answer.status, answer.body) == (200, b"abcd")
    assert sent.data == b"GET"


async def test_an_answer_without_a_length_has_no_body():
    connection = Connection()
    connection.connection_made(_Sent())
    asking = asyncio.create_task(connection.ask(b"GET"))
    await asyncio.sleep(0)
    connection.data_received(b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n")
    assert (await asking).status == 304


async def test_a_server_that_hangs_up_is_an_error():
    connection = Connection()
    connection.connection_made(_Sent())
    asking = asyncio.create_task(connection.ask(b"GET"))
    await asyncio.sleep(0)
    connection.connection_lost(None)
    with pytest.raises(ConnectionError, match="hung up"):
        await asking


class _Sent(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self):
        super().__init__()
        self.data = b""

    @override
    def write(self, data):
        self.data += data
