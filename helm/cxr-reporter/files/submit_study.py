"""Submits a study and waits for its report: `python submit_study.py URL IMAGE SECONDS`, key in CXR_KEY.

What `helm test` runs. The standard library alone: it finds fault with the product, not with a client.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

ENDED = {"completed", "rejected", "failed", "cancelled"}


def main() -> int:
    """Submit, poll, print the report; return the exit code."""
    url, image, seconds = sys.argv[1].rstrip("/"), Path(sys.argv[2]), float(sys.argv[3])
    deadline = time.monotonic() + seconds
    study = submit(url, image, deadline)
    print(f"study {study['id']} was accepted")
    while study["status"] not in ENDED:
        if time.monotonic() > deadline:
            print(f"it is still {study['status']} after {seconds:.0f} s", file=sys.stderr)
            return 1
        study = call(f"{url}/v1/studies/{study['id']}?wait=10", deadline)
    print(f"it is {study['status']}")
    if study["status"] != "completed":
        print(study["error"], file=sys.stderr)
        return 1
    report = call(f"{url}/v1/studies/{study['id']}/report", deadline)
    print(report["sections"]["impression"])
    return 0


def submit(url: str, image: Path, deadline: float) -> dict[str, Any]:
    """Send the image; sent again with one Idempotency-Key it becomes one study."""
    border = uuid.uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{image.name}"\r\n\r\n'
    headers = {
        "Content-Type": f"multipart/form-data; boundary={border}",
        "Idempotency-Key": str(uuid.uuid4()),
    }
    body = head.encode() + image.read_bytes() + f"\r\n--{border}--\r\n".encode()
    return call(f"{url}/v1/studies", deadline, body, headers)


def call(
    url: str, deadline: float, body: bytes | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the JSON object that the API answers; ask again while nobody does, or it is not ready (503)."""
    while True:
        try:
            return call_once(url, body, headers)
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                print(error.read().decode(errors="replace"), file=sys.stderr)
                raise
        except OSError:  # URLError is one
            if time.monotonic() > deadline:
                raise
        time.sleep(2)


def call_once(url: str, body: bytes | None, headers: dict[str, str] | None) -> dict[str, Any]:
    """Return the JSON object that the API answers."""
    key = os.environ.get("CXR_KEY")
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(  # noqa: S310 - the chart's own address
        url, body, {"Accept": "application/json", **(headers or {}), **authorization}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
        body_of_answer: dict[str, Any] = json.load(answer)
        return body_of_answer


if __name__ == "__main__":
    sys.exit(main())
