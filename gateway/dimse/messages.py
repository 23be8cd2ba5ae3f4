"""DIMSE messages as they come in: bounded, and the data sets of C-STORE in files instead of memory.

A data set is written as a DICOM file (PS3.10) as it comes: preamble and file meta information, then its bytes
as they were sent. What cannot be kept of it is passed over, and answered once its last byte has come.
"""

import tempfile
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO, Final, cast

import structlog
from pydicom.dataset import Dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.dsutils import create_file_meta
from pynetdicom.pdu_primitives import P_DATA
from typing_extensions import override

from gateway.dimse.answers import Answer, no_room, not_matching, not_usable

log = structlog.get_logger()

_IN_MEMORY: Final = 1 << 20
"""Bytes of a data set that are kept in memory, with it; a longer one goes to a temporary file."""
_SMALL: Final = 1 << 20
"""Most bytes of a message that is no C-STORE, and of a command set."""
_MOST_WAITING: Final = 4
"""Messages of one association that wait for their answer. We agree on none: each waits for the one before."""


class DataSet(BytesIO):
    """A data set of C-STORE, in a file: pynetdicom takes it for one in memory, and writes to it.

    Attributes:
        refusal: why it cannot be taken, which is known already; then nothing of it is kept.
    """

    def __init__(self, command: Dataset, transfer_syntax: UID, *, most_bytes: int) -> None:
        """Begin the file.

        Args:
            command: the message's command set.
            most_bytes: of the file.
        """
        super().__init__()
        # Deleted with this process, however that ends.
        self.file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        self.refusal: Answer | None = None
        self._most_bytes = most_bytes
        sop_class, sop_instance = command.get("AffectedSOPClassUID"), command.get("AffectedSOPInstanceUID")
        if not all(isinstance(uid, UID) and uid.is_valid for uid in (sop_class, sop_instance)):
            self.refusal = not_matching("the command names no valid SOP Class UID and SOP Instance UID")
            return
        head = BytesIO()
        head.write(bytes(128) + b"DICM")
        meta = create_file_meta(
            sop_class_uid=sop_class, sop_instance_uid=sop_instance, transfer_syntax=transfer_syntax
        )
        write_file_meta_info(head, meta)  # type: ignore[arg-type]  # any file will do
        self.write(head.getvalue())

    @override
    def write(self, content: Any, /) -> int:
        """Add bytes to the file, or pass them over."""
        if self.refusal is None:
            try:
                self._add(content)
            except OSError as error:
                log.warning("instance.no_room", error=type(error).__name__)
                self._refuse(no_room("there is no room for it now"))
        return len(content)

    def _add(self, content: bytes) -> None:
        if self.file.tell() + len(content) > self._most_bytes:
            self._refuse(not_usable(f"it takes more than {self._most_bytes} bytes"))
        else:
            self.file.write(content)

    def _refuse(self, answer: Answer) -> None:
        self.refusal = answer
        self.file.close()

    @override
    def close(self) -> None:
        """Delete the file."""
        self.file.close()
        super().close()


class Messages(DIMSEServiceProvider):  # type: ignore[misc]  # untyped
    """Puts the messages of one association together."""

    def __init__(self, association: Association, *, most_bytes: int, clock: Callable[[], float]) -> None:
        """Stand in for the association's own.

        Args:
            most_bytes: of a file that comes by C-STORE.
        """
        super().__init__(association)
        self._most_bytes = most_bytes
        self._taken = 0
        self._clock = clock
        self.under_way_since: float | None = None
        """When the message began that is not whole yet."""

    @override
    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the next pieces of a message; the association is aborted over one that is out of bounds."""
        try:
            for context_id, piece in primitive.presentation_data_value_list:
                self._receive(context_id, piece)
        except Exception:
            # Whatever a command set can be that is none.
            log.warning("association.broken", exc_info=True)
            self.give_up()

    def _receive(self, context_id: int, piece: bytes) -> None:
        if self.message is None:
            self._taken, self.under_way_since = 0, self._clock()
        is_command = piece[0] & 1
        if is_command or not self._is_store():
            self._taken += len(piece)
            if self._taken > _SMALL or self.msg_queue.qsize() >= _MOST_WAITING:
                message = "a message is longer than it may be, or too many came before the first was answered"
                raise ValueError(message)
        one = P_DATA()
        one.presentation_data_value_list = [[context_id, piece]]
        super().receive_primitive(one)
        begun: DIMSEMessage | None = self.message
        if begun is None:
            self.under_way_since = None
        elif is_command and self._is_store():
            (syntax,) = (
                context.transfer_syntax[0]
                for context in self.assoc.accepted_contexts
                if context.context_id == context_id
            )
            begun.data_set = DataSet(begun.command_set, syntax, most_bytes=self._most_bytes)

    def _is_store(self) -> bool:
        """Tell whether the message under way is a C-STORE; unknown until its command set is whole."""
        return isinstance(self.message, C_STORE_RQ)

    def give_up(self) -> None:
        """Have the association aborted; pynetdicom's way, of a thread that must not wait for it."""
        self.message = self.under_way_since = None
        self.dul.event_queue.put("Evt19")
