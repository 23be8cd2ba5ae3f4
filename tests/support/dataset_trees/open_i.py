"""Open-I, from the FAQ of Open-i (NLM) and the elements of the published archive of reports.

Report 1 writes its number twice in the names of its images, alone of all; section texts may be empty; one
report in a few dozen has no image; "Technical Quality of Image Unsatisfactory " ends in a space. The texts
are made up.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.support.dataset_trees.pictures import Pictures

_XML = """<?xml version="1.0" encoding="utf-8"?>
<eCitation>
   <meta type="rr"/>
   <uId id="CXR{number}"/>
   <pmcId id="{number}"/>
   <docSource>CXR</docSource>
   <licenseURL>http://creativecommons.org/licenses/by-nc-nd/4.0/</licenseURL>
   <MedlineCitation Owner="Indiana University" Status="supplied by publisher">
      <Article PubModel="Electronic">
         <Abstract>
            <AbstractText Label="COMPARISON">None.</AbstractText>
            <AbstractText Label="INDICATION">XXXX-year-old with cough</AbstractText>
            <AbstractText Label="FINDINGS">{findings}</AbstractText>
            <AbstractText Label="IMPRESSION">No acute XXXX.</AbstractText>
         </Abstract>
      </Article>
   </MedlineCitation>
   <MeSH>
{terms}
   </MeSH>
{images}
</eCitation>
"""
_IMAGE = """   <parentImage id="{name}">
      <figureId>F{place}</figureId>
      <caption>PA and lateral chest x-XXXX XXXX.</caption>
      <panel type="single"><url>/hadoop/storage/radiology/extract/{name}.jpg</url></panel>
   </parentImage>"""


@dataclass(frozen=True)
class _Report:
    number: int
    major: tuple[str, ...]
    images: tuple[str, ...]
    findings: str = "The lungs are clear."
    automatic: tuple[str, ...] = ()


_REPORTS = [
    _Report(1, ("normal",), ("CXR1_1_IM-0001-3001", "CXR1_1_IM-0001-4001")),
    _Report(
        10,
        ("Nodule/lung/upper lobe/right/small", "Cardiac Shadow/enlarged", "Opacity/thorax"),
        ("CXR10_IM-0002-1001", "CXR10_IM-0002-2001"),
        automatic=("pseudonodule", "Pneumonia"),
    ),
    _Report(100, ("No Indexing",), ("CXR100_IM-0002-1001", "CXR100_IM-0002-2001"), findings=""),
    _Report(
        1000,
        ("Technical Quality of Image Unsatisfactory ", "Pleural Effusion/left"),
        ("CXR1000_IM-0003-2001",),
    ),
    _Report(33, ("Nodule/thorax",), ()),
]


def open_i(root: Path, pictures: Pictures, *, images: str = "NLMCXR_png") -> Path:
    """Write the tree with its images as PNG in a folder, or with "dicom" as the DICOM archive unpacks."""
    folder = root / "ecgen-radiology"
    folder.mkdir(parents=True)
    for report in _REPORTS:
        major = [f"      <major>{term}</major>" for term in report.major]
        automatic = [f"      <automatic>{term}</automatic>" for term in report.automatic]
        figures = [_IMAGE.format(name=name, place=place) for place, name in enumerate(report.images, start=1)]
        (folder / f"{report.number}.xml").write_text(
            _XML.format(
                number=report.number,
                findings=report.findings,
                terms="\n".join(major + automatic),
                images="\n".join(figures),
            )
        )
        for name in report.images:
            bare = name.removeprefix("CXR").replace("1_1_IM", "1_IM")
            dicom = f"{report.number}/{bare}.dcm"
            pictures.write(root / (dicom if images == "dicom" else f"{images}/{name}.png"))
    return root
