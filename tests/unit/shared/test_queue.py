"""The queue's two kinds of app: one consumes, one sends."""

import pytest
from celery.exceptions import QueueNotFound

from shared.domain.studies import Priority, Stage
from shared.records.moves import Hint
from shared.settings import QueueSettings
from shared.work.queue import create_app, queue_name, send_hint


def consumed_by(app) -> set[str]:
    return set(app.amqp.queues.consume_from)


@pytest.mark.parametrize("stage", Stage)
def test_a_worker_consumes_its_own_stage_alone_and_its_app_cannot_send(stage: Stage):
    app = create_app("test", QueueSettings(), stage=stage)
    own = {queue_name(stage, priority) for priority in Priority}
    assert consumed_by(app) == own
    other = Stage.LLM if stage is Stage.CNN else Stage.CNN
    with pytest.raises(QueueNotFound):
        send_hint(app, Hint(other, Priority.ROUTINE))
    assert consumed_by(app) == own
