"""Messages that come twice, an image that poisons its batch, and a store that refuses writes."""

import json
import threading
from io import BytesIO

import boto3
import pytest
from PIL import Image

from shared.domain.studies import Priority, Stage, StudyEvent, StudyStatus
from shared.records import reading
from shared.records.moves import Hint
from shared.work import queue
from tests.faults.conftest import SAMPLE, Line
from tests.support.services import wait_for


def test_the_same_message_many_times_at_once_gives_one_report(line: Line):
    line.submit(10, hint=False)
    start = threading.Barrier(2)

    def send() -> None:
        start.wait()
        for _ in line.submitted:
            for stage in Stage:
                queue.send_hint(line.queue, Hint(stage, Priority.ROUTINE))

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    line.start_all()
    line.wait(line.submitted, 60)
    assert line.check() == {StudyStatus.COMPLETED: 10}
    for study_id in line.submitted:
        with line.database.session() as session:
            claims = [
                event for event in reading.events(session, study_id) if event.event is StudyEvent.CLAIMED
            ]
        assert len(claims) == 2


def cut_off() -> bytes:
    return SAMPLE.read_bytes()[:2000]


def noise() -> bytes:
    packed = BytesIO()
    Image.effect_noise((512, 512), 90).save(packed, "PNG")
    return packed.getvalue()


@pytest.mark.parametrize("poison", [cut_off, noise])
def test_a_poisoned_image_in_the_middle_of_a_batch_is_rejected_and_its_neighbours_are_reported(
    line: Line, poison
):
    line.submit(8)
    (bad,) = line.submit(content=poison())
    line.submit(8)
    line.start_all()
    line.wait(line.submitted, 60)
    assert line.check() == {StudyStatus.COMPLETED: 16, StudyStatus.REJECTED: 1}
    assert line.status(bad) is StudyStatus.REJECTED


def test_an_image_that_kills_its_decoder_is_rejected_and_its_neighbours_are_reported(line: Line):
    line.submit(8)
    (bad,) = line.submit(file="deadly.png")
    line.submit(8)
    worker = line.start("tests.support.crashing", "worker_cnn", "deadly.png")
    line.start("worker_llm")
    line.start("shared.work.sweeper")
    line.wait(line.submitted, 60)
    assert line.check() == {StudyStatus.COMPLETED: 16, StudyStatus.REJECTED: 1}
    with line.database.session() as session:
        study = reading.study(session, bad)
        events = [event.event for event in reading.events(session, bad)]
    assert study is not None
    assert (study.error_type, study.error_file) == ("broken-image", "deadly.png")
    assert study.error_detail == "the file is corrupt: it crashed its decoder"
    assert events == [StudyEvent.RECEIVED, StudyEvent.CLAIMED, StudyEvent.REJECTED]
    assert worker.process.poll() is None


def test_a_store_that_refuses_writes_holds_studies_up_and_loses_none(line: Line):
    client = boto3.client(
        "s3",
        endpoint_url=line.infra.storage_endpoint,
        aws_access_key_id=line.infra.storage_access_key,
        aws_secret_access_key=line.infra.storage_secret_key,
        region_name="us-east-1",
    )
    refuse = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": ["arn:aws:s3:::cxr-reporter/derived/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [refuse]})
    client.put_bucket_policy(Bucket="cxr-reporter", Policy=policy)
    line.submit(5)
    line.start_all()

    def all_released() -> bool:
        with line.database.session() as session:
            timelines = [reading.events(session, study_id) for study_id in line.submitted]
        return all(StudyEvent.RELEASED in {event.event for event in events} for events in timelines)

    wait_for(all_released, 60, "every study to be released")
    client.delete_bucket_policy(Bucket="cxr-reporter")
    line.wait(line.submitted, 90)
    assert line.check() == {StudyStatus.COMPLETED: 5}
