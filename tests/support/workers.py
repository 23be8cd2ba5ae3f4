"""What the CNN worker looks at images with, in the process of a test, and a study for it."""

import hashlib
from datetime import timedelta
from io import BytesIO

from shared.bundles import load_bundle
from shared.domain.studies import StudyId
from shared.gates import load_gate
from shared.records.database import Database
from shared.settings import ModelSettings
from shared.storage import Storage
from tests.support.builders import a_study, an_image
from worker_cnn.budgets import Accounts
from worker_cnn.decoding import prepare
from worker_cnn.gate import load_models
from worker_cnn.reading import unbatched
from worker_cnn.tasks import Analyser


def the_analyser(storage: Storage) -> Analyser:
    """Return the bundled gate and classifier, one image at a time."""
    bundle, gate = load_bundle("bundled"), load_gate("bundled")
    models = load_models(bundle, gate, device="cpu", threads=1)
    return Analyser(
        storage,
        decode=lambda original, _ticket, _terms: prepare(
            original.read(), name=original.name, size=bundle.card.input_size
        ),
        sight=unbatched(models, gate.card.gate, side=gate.card.input_size),
        bundle=bundle,
        settings=ModelSettings(),
        accounts=Accounts(timedelta(seconds=30)),
    )


def a_stored_study(database: Database, storage: Storage, content: bytes) -> StudyId:
    """Store an original, and a study of it alone."""
    digest = hashlib.sha256(content).hexdigest()
    storage.put_original(BytesIO(content), digest)
    return a_study(database, images=(an_image("chest.dcm", digest),))
