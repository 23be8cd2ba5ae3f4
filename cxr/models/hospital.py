"""What a server is told of the hospital's systems."""

from datetime import datetime

from cxr.models.answer import Answer


class Hl7Sender(Answer):
    """A system that may send HL7 messages, by the names that it gives itself (MSH-4, MSH-3)."""

    id: str
    facility: str
    application: str
    tenant: str
    created_at: datetime
