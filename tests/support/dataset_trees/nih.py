"""NIH ChestX-ray14, from README_ChestXray.pdf, FAQ_ChestXray.pdf and the first lines of the published
tables.

The first table (2017) writes ages as 058Y and ends each line with a comma; the second (v2020) does neither.
The header of sizes is cut at its own commas. Ages above 400 are in the first table; some images are RGBA.
"""

from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
_ROWS = [
    "00000001_000.png,Cardiomegaly,0,1,{},M,PA,2682,2749,0.143,0.143",
    "00000001_001.png,Cardiomegaly|Emphysema,1,1,{},M,PA,2894,2729,0.143,0.143",
    "00000002_000.png,No Finding,0,2,{},M,AP,2500,2048,0.171,0.171",
    "00005567_000.png,Effusion|Pleural_Thickening|Infiltration,0,5567,{},F,AP,2500,2048,0.168,0.168",
    "00030805_000.png,No Finding,0,30805,{},F,PA,2048,2500,0.171,0.171",
]
_AGES = {2017: ["058Y", "058Y", "081Y", "412Y", "011M"], 2020: ["57", "58", "80", "56", "0"]}
_BOXES = [
    "Image Index,Finding Label,Bbox [x,y,w,h],,,",
    "00005567_000.png,Infiltrate,256,512,128,64.0",
    "00005567_000.png,Effusion,225.084745762712,547.019216763771,86.7796610169491,79.1864406779661",
]


def nih(root: Path, pictures: Pictures, *, year: int = 2017, archives: bool = True) -> Path:
    """Write the tree: the table of 2017 or v2020, images as the twelve archives unpack or all in images/."""
    lines = [_HEADER, *(row.format(age) for row, age in zip(_ROWS, _AGES[year], strict=True))]
    name = "Data_Entry_2017.csv"
    if year == 2017:
        lines = [f"{line}," for line in lines]
    else:
        name = "Data_Entry_2017_v2020.csv"
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\r\n".join(lines) + "\r\n")
    (root / "BBox_List_2017.csv").write_text("\n".join(_BOXES) + "\n")
    images = [row.split(",", 1)[0] for row in _ROWS]
    (root / "train_val_list.txt").write_text("\n".join(images[:3]) + "\n")
    (root / "test_list.txt").write_text("\n".join(images[3:]))  # the published one has no last line break
    for number, image in enumerate(images):
        folder = f"images_{1 + 5 * (number > 2):03}/images" if archives else "images"
        pictures.write(root / folder / image, mode="RGBA" if number == 2 else "L")
    return root
