"""DICOMweb with peers that others wrote: Orthanc stores, asks and retrieves; OHIF shows the study."""

import functools
import http.server
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
from typing_extensions import override

from cxr.local.state import free_port
from shared.records.database import Database
from shared.settings import AuthMode
from shared.storage import Storage
from tests.service.test_dicomweb import STUDY, an_instance, posted, read_study, searched
from tests.support.api import ADMIN_KEY, ApiServer
from tests.support.browser import chromium
from tests.support.definitions import HOME
from tests.support.orthanc import orthanc
from tests.support.stack import InfraStack

VIEWER = HOME / "node_modules" / "@ohif" / "app" / "dist"
_SOURCE = """window.config = {
  routerBasename: null, extensions: [], modes: [], showStudyList: true, useCPURendering: true,
  maxNumberOfWebWorkers: 1, investigationalUseDialog: {option: "never"}, defaultDataSourceName: "dicomweb",
  dataSources: [{namespace: "@ohif/extension-default.dataSourcesModule.dicomweb", sourceName: "dicomweb",
    configuration: {friendlyName: "CXR Reporter", name: "cxr",
      wadoUriRoot: "ROOT", qidoRoot: "ROOT", wadoRoot: "ROOT",
      qidoSupportsIncludeField: true, supportsFuzzyMatching: false, supportsWildcard: true,
      imageRendering: "wadors", thumbnailRendering: "thumbnail", enableStudyLazyLoad: true,
      bulkDataURI: {enabled: true}, omitQuotationForMultipartRequest: true,
    }}]};
"""


def test_orthanc_stores_asks_and_retrieves(
    client: httpx.Client, api: ApiServer, database: Database, storage: Storage, tmp_path: Path
):
    ours = {"Url": f"{api.url}/dicomweb/", "HasDelete": False}
    settings = {"DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": {"cxr": ours}}}
    contents = {f"{STUDY}.1.{number}": an_instance(number) for number in (1, 2)}
    with orthanc(tmp_path, settings=settings) as pacs:
        server = "/dicom-web/servers/cxr"

        def told(path: str, **asked: Any) -> Any:
            answer = pacs.client.post(f"{server}/{path}", json=asked)
            assert answer.status_code == 200, answer.text
            return answer.json()

        kept = [pacs.keep(content) for content in contents.values()]
        told("stow", Resources=kept, Synchronous=True)
        assert {one["00080018"]["Value"][0] for one in searched(client, "instances")} == set(contents)
        found = told("qido", Uri="/studies", Arguments={"PatientID": "P1", "00080020": "20260105"})
        assert [study["0020000D"]["Value"] for study in found] == [STUDY]
        read_study(database, storage)
        for one in kept:
            pacs.client.delete(f"/instances/{one}").raise_for_status()
        told("retrieve", Resources=[{"Study": STUDY}], Synchronous=True)
        files = [
            pydicom.dcmread(io.BytesIO(pacs.client.get(f"/instances/{instance}/file").content))
            for instance in pacs.client.get("/instances").json()
        ]
        assert sorted(file.Modality for file in files) == ["DOC", "DX", "DX", "OT", "SR"]
        for file in files:
            if file.Modality == "DX":
                assert file == pydicom.dcmread(io.BytesIO(contents[file.SOPInstanceUID]))


class _Viewer(http.server.SimpleHTTPRequestHandler):
    """OHIF's files with a configuration of ours; every other address is its page."""

    config = b""

    @override
    def do_GET(self) -> None:
        if self.path == "/app-config.js":
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.end_headers()
            self.wfile.write(self.config)
            return
        if not (VIEWER / self.path.partition("?")[0].lstrip("/")).is_file():
            self.path = "/index.html"
        super().do_GET()

    @override
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def viewer(port: int, root: str) -> Iterator[str]:
    config = _SOURCE.replace("ROOT", root).encode()
    handler = type("Viewer", (_Viewer,), {"config": config})
    serve = functools.partial(handler, directory=str(VIEWER))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), serve) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.shutdown()
        thread.join()


def test_ohif_shows_the_study(infra: InfraStack, database: Database, storage: Storage):
    port = free_port()
    y, x = np.mgrid[:480, :400]
    # Black but for a white square: what is seen of it is seen whatever the window.
    pixels = np.where((y > 120) & (y < 360) & (x > 100) & (x < 300), 4000, 10).astype(np.uint16)
    origin = f"http://127.0.0.1:{port}"
    with ApiServer(infra, auth=AuthMode.REQUIRED, viewer_origins=(origin,)) as api:
        content = an_instance(pixels=pixels, WindowCenter="2048", WindowWidth="4096")
        assert posted(api.client(ADMIN_KEY), content).status_code == 200
        read_study(database, storage)
        with viewer(port, f"{api.url}/dicomweb") as url, chromium() as browser:
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            page.set_default_timeout(240_000)
            answers: list[tuple[int, str]] = []
            page.on("response", lambda answer: answers.append((answer.status, answer.url)))
            page.goto(f"{url}/viewer?StudyInstanceUIDs={STUDY}&token={ADMIN_KEY}")
            page.wait_for_selector("canvas.cornerstone-canvas", state="attached")
            page.wait_for_function(_IS_DRAWN)
            assert any("/frames/1" in url for status, url in answers if status == 200), answers


_IS_DRAWN = """() => {
  const canvas = document.querySelector("canvas.cornerstone-canvas");
  const {width, height} = canvas;
  if (!width || !height) return false;
  const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
  const at = (x, y) => data[4 * (Math.floor(y * height) * width + Math.floor(x * width))];
  return at(0.5, 0.5) > 200 && at(0.5, 0.05) < 60;
}"""
