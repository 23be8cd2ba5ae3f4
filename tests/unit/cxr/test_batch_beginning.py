"""What is said when a batch stops on the way."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cxr.client import Client
from cxr.commands.batch_beginning import command, way_on_said
from cxr.errors import NotReachableError

URL = "http://cxr.example"
ARCHIVE = Path("/srv/my archive")
WAY_ON = "go on with: cxr batch submit '/srv/my archive' --resume\n"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Return a client of the server that the command finds by itself."""
    monkeypatch.setenv("CXR_URL", URL)
    with Client() as found:
        yield found


@pytest.mark.parametrize("error", [NotReachableError("no answer"), OSError("no space left")])
def test_an_error_says_how_to_go_on_and_stays_what_it_is(
    client: Client, error: Exception, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(type(error)), way_on_said(client, ARCHIVE):
        raise error
    assert capsys.readouterr().err == f"stopped by an error; {WAY_ON}"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_does_the_same_and_ends_as_a_shell_says(
    client: Client, number: int, code: int, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(typer.Exit) as end, way_on_said(client, ARCHIVE):
        os.kill(os.getpid(), number)
    assert end.value.exit_code == code
    assert capsys.readouterr().err == f"stopped; {WAY_ON}"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_end_says_nothing(client: Client, capsys: pytest.CaptureFixture[str]):
    with way_on_said(client, ARCHIVE):
        pass
    assert capsys.readouterr().err == ""


def test_the_command_names_a_server_that_it_would_not_find(client: Client):
    assert command(client, ARCHIVE) == "cxr batch submit '/srv/my archive'"
    with Client("http://elsewhere") as other:
        assert command(other, ARCHIVE) == "cxr batch submit '/srv/my archive' --url http://elsewhere"
