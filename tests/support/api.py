"""The API as a real server on a real socket, and stand-ins for the workers' outcomes.

with ApiServer(infra, max_files=4) as api:
    api.client().post("/v1/studies", files=[("files", ("a.png", a_png()))])
"""

import io
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
from PIL import Image

from api.backend import Backend
from api.door import Door, Limits
from api.kept import KeptStudies
from api.main import create_app
from api.serving import Server
from shared.domain.embeddings import Embedding
from shared.domain.findings import (
    Finding,
    FindingStatus,
    ModelVersion,
    Place,
    Side,
    ViewPosition,
    ViewSource,
    Zone,
)
from shared.domain.reports import (
    Grade,
    GradedSentence,
    Language,
    Report,
    ReportSections,
    Section,
    Verification,
    WriterVersion,
)
from shared.domain.studies import Stage, StudyId
from shared.errors import BadInputError
from shared.records import claims, findings, reports
from shared.records.database import Database
from shared.records.findings import ImageFindings
from shared.settings import ApiSettings, AuthMode, DatabaseSettings, QueueSettings, StorageSettings
from tests.support.builders import a_claim, a_finding
from tests.support.stack import InfraStack, wait_until

ADMIN_KEY = "an-admin-key-for-tests-only"
MODEL = ModelVersion("bundled", "1.0", "d" * 64)


class ApiServer:
    """One API process's worth of server, in a thread of the tests."""

    def __init__(
        self, infra: InfraStack, *, limits: Limits | None = None, keeps: bool = False, **settings: Any
    ) -> None:
        """Take settings.

        Args:
            keeps: whether it answers polls by what it kept. A test that writes into the database itself, and
                asks at once, may come before the notification.
        """
        self._keeps = keeps
        self.settings = ApiSettings(**{"port": 0, "auth": AuthMode.OFF, "admin_key": ADMIN_KEY, **settings})
        self.app = create_app(
            self.settings,
            database=DatabaseSettings(url=infra.database_url, connect_timeout=2),
            storage=StorageSettings(
                endpoint=infra.storage_endpoint,
                access_key=infra.storage_access_key,
                secret_key=infra.storage_secret_key,
            ),
            queue=QueueSettings(url=infra.broker_url),
        )
        self._server = Server(self.app, self.settings, limits)
        self._thread = threading.Thread(target=self._server.run, name="api", daemon=True)
        self._clients: list[httpx.Client] = []

    @property
    def backend(self) -> Backend:
        """What the routes stand on."""
        backend: Backend = self.app.state.backend
        return backend

    @property
    def door(self) -> Door:
        """Who is let in."""
        return self._server.door

    @property
    def port(self) -> int:
        """Where the server listens."""
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str | None = None) -> httpx.Client:
        """Return a client of its own, which is closed with the server."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        self._clients.append(client)
        return client

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(
            lambda: self._server.started and self.backend.feed.connected, timeout=30, what="the API to start"
        )
        if not self._keeps:
            self.backend.kept = KeptStudies(hears=lambda: False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the API did not stop"


def a_png(seed: int = 0, *, side: int = 64) -> bytes:
    """Draw a small grey picture; another seed, another picture."""
    content = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def files(*contents: bytes, names: Sequence[str] = ()) -> list[tuple[str, tuple[str, bytes]]]:
    """Write files as httpx sends them."""
    named = names or [f"image{number}.png" for number in range(len(contents))]
    return [("files", (name, content)) for name, content in zip(named, contents, strict=True)]


def send(client: httpx.Client, *contents: bytes, key: str | None = None, **fields: str) -> httpx.Response:
    """Send a study; without contents, one small picture."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/v1/studies", files=files(*(contents or (a_png(),))), data=fields, headers=headers)


def sent(client: httpx.Client, *contents: bytes, **fields: str) -> StudyId:
    """Send a study that is taken, and return its id."""
    answer = send(client, *contents, **fields)
    assert answer.status_code == 202, answer.text
    return StudyId(answer.json()["id"])


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Read a stream as a browser does."""
    event: dict[str, Any] = {}
    for line in lines:
        if not line:
            if event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value


def all_pages(client: httpx.Client, **query: str | int) -> list[str]:
    """Return the ids of the studies on all pages of the list."""
    ids, cursor = [], None
    while True:
        page = client.get("/v1/studies", params={**query, **({"cursor": cursor} if cursor else {})}).json()
        ids += [study["id"] for study in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return ids


def classify(
    database: Database,
    study_id: StudyId,
    found: Sequence[Finding] = (
        a_finding("Effusion", place=Place(Side.RIGHT, Zone.LOWER, as_displayed=True)),
        a_finding("Nodule", FindingStatus.UNCERTAIN),
        a_finding("Hernia", FindingStatus.ABSENT),
    ),
    model: ModelVersion = MODEL,
    *,
    embedding: Embedding | None = None,
) -> None:
    """Do the CNN worker's writing: findings on the first image, heatmaps for what is not absent."""
    claim = a_claim(database, study_id, Stage.CNN)
    heatmaps = frozenset(finding.label for finding in found if finding.status is not FindingStatus.ABSENT)
    image = ImageFindings(
        index=0,
        view=ViewPosition.PA,
        view_source=ViewSource.FILE,
        findings=found,
        warnings=("synthetic image",),
        heatmaps=heatmaps,
        attributes={"orientation": ["L", "F"]},
        embedding=embedding,
    )
    with database.session() as session:
        findings.store(session, claim, [image], model)


def report(database: Database, study_id: StudyId, *, impression: str = "Pleural effusion.") -> None:
    """Do the LLM worker's writing."""
    claim = a_claim(database, study_id, Stage.LLM)
    written = Report(
        language=Language.ENGLISH,
        sections=ReportSections("Frontal view.", "There is a pleural effusion.", impression),
        writer=WriterVersion("template", "1"),
        verification=Verification("passed", attempts=1, fallback=False),
        sentences=(
            GradedSentence(Section.TECHNIQUE, "Frontal view.", Grade.SUPPORTED),
            GradedSentence(Section.FINDINGS, "There is a pleural effusion.", Grade.SUPPORTED, ("Effusion",)),
            GradedSentence(Section.IMPRESSION, impression, Grade.SUPPORTED, ("Effusion",)),
        ),
    )
    with database.session() as session:
        reports.store(session, claim, written)


def complete(database: Database, study_id: StudyId) -> None:
    """Take a study to its end."""
    classify(database, study_id)
    report(database, study_id)


def reject(database: Database, study_id: StudyId, reason: BadInputError) -> None:
    """Refuse a study as the CNN worker does."""
    claim = a_claim(database, study_id, Stage.CNN)
    with database.session() as session:
        claims.reject(session, claim, reason)


def give_up(database: Database, study_id: StudyId) -> None:
    """Let a study fail for good."""
    claim = a_claim(database, study_id, Stage.CNN)
    with database.session() as session:
        claims.fail(session, replace(claim, alone=True), error="codec crashed", max_failures=1)
