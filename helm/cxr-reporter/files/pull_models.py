"""Fetches model files from the bucket in an init container: `python pull_models.py LIST FOLDER`.

LIST is a JSON list of {"key", "path", "sha256"}. A file whose digest is not the one that was asked for
ends the pod before a worker could load it. A .tar becomes the folder of its name without the suffix.
"""

import hashlib
import json
import sys
import tarfile
from pathlib import Path

import boto3
from botocore.config import Config

from shared.settings import StorageSettings


def main() -> int:
    """Fetch every file of the list; return the exit code."""
    wanted = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2]).resolve()
    settings = StorageSettings()
    s3 = boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key.get_secret_value() if settings.access_key else None,
        aws_secret_access_key=settings.secret_key.get_secret_value() if settings.secret_key else None,
        config=Config(s3={"addressing_style": "path"}),
    )
    for entry in wanted:
        target = (folder / entry["path"]).resolve()
        if not target.is_relative_to(folder):
            print(f"{entry['path']} lies outside {folder}: give a path below it", file=sys.stderr)
            return 1
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(settings.bucket, entry["key"], str(target))
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != entry["sha256"]:
            target.unlink()
            print(f"{entry['key']} has SHA-256 {digest}, not {entry['sha256']}", file=sys.stderr)
            return 1
        if target.suffix == ".tar":
            with tarfile.open(target) as archive:
                archive.extractall(target.with_suffix(""), filter="data")
            target.unlink()
        print(f"{entry['key']} is at {entry['path']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
