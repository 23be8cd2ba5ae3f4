"""CheXpert, from the README on its page (Stanford AIMI) and the first lines of the published train.csv.

The column Path begins with the name of the release's folder. Labels are 1.0, 0.0, -1.0 or blank in
train.csv and never -1.0 in valid.csv. The four archives of the full release unpack to folders without
train/.
"""

from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,"
    "Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,"
    "Fracture,Support Devices"
)
_TRAIN = [
    "{}/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0",
    "{}/train/patient00002/study2/view1_frontal.jpg,Female,87,Frontal,AP,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,",
    "{}/train/patient00002/study1/view1_frontal.jpg,Female,83,Frontal,AP,,,,1.0,,,-1.0,,,,,,1.0,",
    "{}/train/patient00002/study1/view2_lateral.jpg,Female,83,Lateral,,,,,1.0,,,-1.0,,,,,,1.0,",
    "{}/train/patient24428/study8/view1_frontal.jpg,Unknown,0,Frontal,AP,,,,,,,,,,,1.0,,,",
    "{}/train/patient36042/study2/view1_frontal.jpg,Male,56,Frontal,LL,,,,,,,,,,,0.0,,,",
]
_VALID = [
    "{}/valid/patient64541/study1/view1_frontal.jpg,Male,73,Frontal,PA,0.0,1.0,1.0,1.0" + 10 * ",0.0",
]


def chexpert(root: Path, pictures: Pictures, *, tables: str = "beside", small: bool = False) -> Path:
    """Write the tree.

    Args:
        tables: "beside" the folders train/ and valid/, "inside" or "above" them, or in the "batches".
    """
    release = "CheXpert-v1.0-small" if small else "CheXpert-v1.0"
    first = f"{release} batch 1 (validate & csv)"
    homes = (
        {"train": f"{release} batch 2 (train 1)", "valid": f"{first}/valid"} if tables == "batches" else {}
    )
    for split, rows in (("train", _TRAIN), ("valid", _VALID)):
        lines = [row.format(release) for row in rows]
        home = {"beside": release, "inside": f"{release}/{split}", "above": ".", "batches": first}[tables]
        table = root / home / f"{split}.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("\n".join([HEADER, *lines]) + "\n")
        for line in lines:
            path = line.split(",", 1)[0].split(f"{split}/", 1)[1]
            pictures.write(root / homes.get(split, f"{release}/{split}") / path)
    return root
