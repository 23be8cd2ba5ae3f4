"""What an instance is: a stored one is read and verified, one that is made is rendered now.

Whatever is returned is a temporary file at its start, which the caller closes.
"""

from collections.abc import Callable
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from fastapi.concurrency import run_in_threadpool
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from api.auth import Caller
from api.backend import Backend
from api.dicomweb.instances import Instance, Made, instances_of
from api.documents import content_of, form_named, stored
from api.originals import IN_MEMORY, read_original
from api.problem_kinds import Code
from api.problems import Noun, ProblemError, not_found
from shared.dicom.attributes import quietly
from shared.dicom.files import MAGIC, PREAMBLE_BYTES, guarded, open_dicom
from shared.documents import StoredReport
from shared.errors import NotPossibleError
from shared.records import dicomweb, reading, reports

_LARGEST_HEADER: Final = 1 << 20
"""Bytes before the pixel data of what is written anew: parsing them takes the processor a second or two."""
_WRITTEN_ANEW: Final[frozenset[str]] = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian})
AS_STORED: Final = "*"


def find_instances(
    backend: Backend, caller: Caller, study: str, series: str | None = None, instance: str | None = None
) -> list[Instance]:
    """Return the instances of a study, of one of its series, or one of them. Blocks.

    Raises:
        ProblemError: 404, there is none, or it is another tenant's.
    """
    with backend.database.session() as session:
        found = dicomweb.find(session, study, tenant_id=caller.sees)
    instances = [
        one
        for one in (instances_of(found) if found is not None else ())
        if series in (None, one.series_uid) and instance in (None, one.sop_uid)
    ]
    if not instances:
        raise not_found(Noun.INSTANCE if instance else Noun.STUDY)
    return instances


async def read(backend: Backend, caller: Caller, instance: Instance) -> BinaryIO:
    """Return an instance's file as it is stored, or as it is made.

    Raises:
        ProblemError: 404, it is gone; 409, the study lacks what it is made of; 503.
        DamagedError, TryAgainError: of the object store.
    """
    source = instance.source
    if isinstance(source, Made):
        return BytesIO(await written(backend, source, source.kind.name))
    content = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  the caller closes it
    try:
        await read_original(
            backend, source.sha256, source.size, content, still_there=_look(backend, caller, instance)
        )
    except BaseException:
        content.close()
        raise
    return cast("BinaryIO", content)


async def read_in(
    backend: Backend, caller: Caller, instance: Instance, syntax: str | None
) -> tuple[BinaryIO, str]:
    """Return an instance's file in a transfer syntax, and that.

    Args:
        syntax: `can_be_in` allows it; None means Explicit VR Little Endian where nothing is decoded for it.
    """
    content = await read(backend, caller, instance)
    held = instance.transfer_syntax_uid
    as_it_is = syntax in {AS_STORED, held} or held == ExplicitVRLittleEndian
    # One that came without the preamble, as some writers leave it, is no file to others.
    if held not in _WRITTEN_ANEW or (as_it_is and await run_in_threadpool(_has_preamble, content)):
        return content, held
    with content:
        return BytesIO(await run_in_threadpool(_explicit, content)), ExplicitVRLittleEndian


def can_be_in(instance: Instance, syntax: str | None) -> bool:
    """Tell whether an instance can be given in a transfer syntax: nothing is decoded or compressed for it."""
    held = instance.transfer_syntax_uid
    if syntax in {None, AS_STORED, held}:
        return True
    return syntax == ExplicitVRLittleEndian and held in _WRITTEN_ANEW


def _has_preamble(content: BinaryIO) -> bool:
    head = content.read(PREAMBLE_BYTES + len(MAGIC))
    content.seek(0)
    return head[PREAMBLE_BYTES:] == MAGIC


def _explicit(content: BinaryIO) -> bytes:
    name = "the stored original"
    opened = open_dicom(content, name=name)
    if opened.pixels is None or opened.pixels.offset - opened.start > _LARGEST_HEADER:
        message = "the instance cannot be written in another transfer syntax: ask for transfer-syntax=*"
        raise ProblemError(Code.NOT_ACCEPTABLE, message)
    content.seek(0)
    with guarded(name), quietly():
        dataset = dcmread(content, force=True)
        file = BytesIO()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(file, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def _look(backend: Backend, caller: Caller, instance: Instance) -> Callable[[], object]:
    return lambda: find_instances(backend, caller, instance.study_uid, instance.series_uid, instance.sop_uid)


async def written(backend: Backend, made: Made, name: str) -> bytes:
    """Return the report that an object is made of, in the format of a name.

    Raises:
        ProblemError: 404 or 410, it is gone; 409, the study lacks what the format cannot do without; 503.
    """
    found = await run_in_threadpool(_report_of, backend, made)
    try:
        return await content_of(backend, form_named(name), found)
    except NotPossibleError as error:
        raise ProblemError(Code.FORMAT_NOT_POSSIBLE, str(error)) from error


def _report_of(backend: Backend, made: Made) -> StoredReport:
    with backend.database.session() as session:
        view = reading.view(session, made.study)
        report = reports.version(session, made.study, made.version)
        if view is None or report is None:
            raise not_found(Noun.INSTANCE)
        return stored(session, view, report)
