"""Looks for values in everything that a stack keeps: database, object store, broker, logs and small files.

    Traces(["ZQNAME"]).found(stack)      {"database studies", "log api.log", …}

A value is looked for as it is, in UTF-16, in hexadecimal, and in base64 wherever it may begin in it.
"""

import base64
from collections.abc import Iterator, Sequence

import boto3
import redis
from sqlalchemy import text

from shared.records.database import Database
from shared.settings import DatabaseSettings
from tests.support.stack import FullStack

_SERVERS_OWN = {"postgres", "storage", "broker", "engine"}
"""Folders of the home that are the servers' own: what they hold is asked of them."""


class Traces:
    """Values that nothing may hold any more."""

    def __init__(self, values: Sequence[str]) -> None:
        self.forms = {form: value for value in values for form in _forms(value)}

    def found(self, stack: FullStack) -> dict[str, set[str]]:
        """Return the values that are found, by where."""
        places: dict[str, set[str]] = {}
        for place, content in self._everything(stack):
            hits = {value for form, value in self.forms.items() if form in content}
            if hits:
                places.setdefault(place, set()).update(hits)
        return places

    def _everything(self, stack: FullStack) -> Iterator[tuple[str, bytes]]:
        yield from _rows(stack.infra_environment()["CXR_DATABASE_URL"])
        yield from _objects(stack.infra_environment())
        yield from _keys(stack.infra_environment()["CXR_QUEUE_URL"])
        for file in stack.home.path.rglob("*"):
            if file.relative_to(stack.home.path).parts[0] not in _SERVERS_OWN and file.is_file():
                yield f"file {file.relative_to(stack.home.path)}", str(file).encode() + file.read_bytes()


def _forms(value: str) -> Iterator[bytes]:
    plain = value.encode()
    yield plain
    yield value.encode("utf-16-le")
    yield plain.hex().encode()
    for before in range(3):
        # Without the letters that its neighbours have a part in.
        letters = base64.b64encode(b"\0" * before + plain)
        yield letters[(before * 8 + 5) // 6 : (before + len(plain)) * 8 // 6]


def _rows(url: str) -> Iterator[tuple[str, bytes]]:
    """Yield every row of every table, as text: what a dump writes."""
    database = Database(DatabaseSettings(url=url), longest_statement=None)
    every = "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
    with database.session() as session:
        tables = session.scalars(text(f"{every} WHERE schemaname NOT LIKE 'pg_%'")).all()
        for table in tables:
            for row in session.scalars(text(f"SELECT CAST(one AS text) FROM {table} AS one")):
                yield f"database {table}", row.encode()
    database.close()


def _objects(settings: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    client = boto3.client(
        "s3",
        endpoint_url=settings["CXR_STORAGE_ENDPOINT"],
        aws_access_key_id=settings["CXR_STORAGE_ACCESS_KEY"],
        aws_secret_access_key=settings["CXR_STORAGE_SECRET_KEY"],
        region_name="us-east-1",
    )
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
            for version in page.get("Versions", []):
                yield "key of an object", version["Key"].encode()
            for marker in page.get("DeleteMarkers", []):
                yield "key of an object", marker["Key"].encode()
        for listed in client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for key in [one["Key"] for one in listed.get("Contents", [])]:
                got = client.get_object(Bucket=bucket["Name"], Key=key)
                said = f"{got['Metadata']} {got['ContentType']}".encode()
                yield f"object {key.split('/')[0]}", said + got["Body"].read()


def _keys(url: str) -> Iterator[tuple[str, bytes]]:
    with redis.Redis.from_url(url) as broker:
        for key in broker.scan_iter():
            yield "broker", key + (broker.dump(key) or b"")
