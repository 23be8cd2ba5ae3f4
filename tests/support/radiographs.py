"""Radiographs that tests of training look at: the samples always, real ones where CXR_TEST_DATA is set."""

import csv
from pathlib import Path
from typing import Final

from shared.domain.findings import ViewPosition
from training.table import Record, Split

SAMPLES: Final = Path(__file__).parents[2] / "samples"


def sample_records() -> list[Record]:
    """Return the samples, each a patient."""
    endings = {".png", ".jpg", ".dcm"}
    files = sorted(path for path in SAMPLES.iterdir() if path.suffix in endings)
    return [record(file.name, patient=f"samples:{file.stem}", dataset="samples") for file in files]


def nih_records(data: Path) -> list[Record]:
    """Return the NIH radiographs below the folder of real data, each once."""
    records: dict[str, Record] = {}
    for table, folder in ((data / "labels.csv", "images"), (data / "more" / "labels.csv", "more")):
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["patient_id"].startswith("nih-"):
                    found = record(f"{folder}/{row['file']}", patient=row["patient_id"], dataset="nih")
                    records.setdefault(row["nih_id"], found)
    return list(records.values())


def record(image: str, *, patient: str, dataset: str, split: Split | None = None) -> Record:
    """Return a record of which only the names count."""
    return Record(dataset, image, patient, f"{patient}/{image}", ViewPosition.PA, {}, split)
