"""What the log of worker-llm says of a writer whose use somebody agreed to."""

import json
from pathlib import Path

from shared.catalogue import CATALOGUE
from tests.support.services import Service, wait_for


def test_a_worker_tells_its_writer_s_licence_and_terms_once_at_its_start(tmp_path: Path):
    environment = {
        "CXR_REPORT_WRITER": "cxrreportgen",
        "CXR_REPORT_SERVER_URL": "http://127.0.0.1:9/score",
        "CXR_DATABASE_URL": "postgresql+psycopg2://nobody@127.0.0.1:9/none",
    }
    worker = Service("worker_llm", environment, tmp_path)
    try:
        wait_for(lambda: "writer.loaded" in worker.text(), 60, "the worker to load its writer")
    finally:
        worker.kill()

    lines = [json.loads(line) for line in worker.text().splitlines() if line.startswith("{")]
    (loaded,) = [line for line in lines if line["event"] == "writer.loaded"]
    entry = CATALOGUE["cxrreportgen"]
    assert (loaded["writer"], loaded["licence"], loaded["terms"]) == (entry.name, entry.licence, entry.terms)
