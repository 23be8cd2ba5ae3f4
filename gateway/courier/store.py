"""DICOM objects to a PACS by C-STORE: one association for all of them, and what is answered to each.

Source: PS3.4 annex B.2.3 (statuses), PS3.8 (associations).
"""

import io
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import UID
from pynetdicom import AE, _config, build_context
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from gateway.courier.addresses import addresses_of
from gateway.courier.outcomes import AwayError, RefusedError
from shared.records.destinations import Target

# What pynetdicom logs of a request holds UIDs.
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False

_WARNINGS: Final = frozenset({0xB000, 0xB006, 0xB007})
"""Stored, though not as it was sent: coerced, or elements left out."""
_NEVER: Final = frozenset({0x0117, 0x0122})
"""No such instance, no such class."""


def send(target: Target, objects: Mapping[str, bytes], *, ae_title: str, seconds: float) -> str:
    """Store the objects; return what was answered to each of them.

    Args:
        objects: files by the name of their format.
        ae_title: what we call ourselves.
        seconds: longest wait for one answer.

    Raises:
        AwayError: there is no association, it breaks, or nothing can be stored at present.
        RefusedError: any of them was not stored; the others were.
    """
    datasets = {name: pydicom.dcmread(io.BytesIO(content)) for name, content in objects.items()}
    contexts = {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in datasets.values()}
    said: dict[str, str] = {}
    refused: list[bool] = []
    with _association(target, contexts, ae_title=ae_title, seconds=seconds) as association:
        for name, dataset in datasets.items():
            said[name], for_good = _stored(association, dataset)
            if for_good is not None:
                refused.append(for_good)
    told = "; ".join(f"{name}: {words}" for name, words in said.items())
    if refused:
        raise RefusedError(told, for_good=all(refused))
    return told


def probe(target: Target, *, ae_title: str, seconds: float) -> str:
    """Send a C-ECHO.

    Raises:
        AwayError: it is not answered with success.
    """
    contexts = {(UID(Verification), pydicom.uid.ImplicitVRLittleEndian)}
    with _association(target, contexts, ae_title=ae_title, seconds=seconds) as association:
        status = association.send_c_echo().get("Status")
    if status != 0:
        message = "the association was accepted, and the C-ECHO was not"
        raise AwayError(message)
    return "C-ECHO is answered with success"


@contextmanager
def _association(
    target: Target, contexts: set[tuple[UID, UID]], *, ae_title: str, seconds: float
) -> Iterator[Association]:
    assert target.host is not None and target.port is not None  # noqa: S101, PT018  the table holds it
    ae = AE(ae_title)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = seconds
    wanted = [build_context(sop_class, syntax) for sop_class, syntax in sorted(contexts)]
    tls = (ssl.create_default_context(), target.host) if target.tls else None
    calls = (
        ae.associate(address, target.port, contexts=wanted, ae_title=target.ae_title, tls_args=tls)
        for address in addresses_of(target.host, target.port, private=True)
    )
    association = next((one for one in calls if one.is_established or one.is_rejected), None)
    if association is None:
        message = "it cannot be reached, or broke the association off"
        raise AwayError(message)
    if association.is_rejected:
        answer = association.acceptor.primitive
        message = f"the association was rejected: {answer.reason_str if answer else 'no reason was given'}"
        raise AwayError(message)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _stored(association: Association, dataset: FileDataset) -> tuple[str, bool | None]:
    """Store one; return what was answered, and where it was refused, whether that is for good."""
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    if dataset.SOPClassUID not in accepted:
        return "this kind of object is not accepted", True
    try:
        answer = association.send_c_store(dataset)
    except (ValueError, RuntimeError) as error:
        if association.is_established:
            return "this transfer syntax is not accepted", True
        message = "the association broke"
        raise AwayError(message) from error
    status = answer.get("Status")
    if status is None:
        message = "the association broke, or there was no answer in time"
        raise AwayError(message)
    if status == 0:
        return "stored", None
    words = f"0x{status:04X}" + (f" {answer.ErrorComment}" if answer.get("ErrorComment") else "")
    if status in _WARNINGS:
        return f"stored, with a warning {words}", None
    if status >> 8 == 0xA7:
        message = f"it is out of resources (0x{status:04X})"
        raise AwayError(message)
    return f"refused {words}", status >> 8 == 0xA9 or status in _NEVER
