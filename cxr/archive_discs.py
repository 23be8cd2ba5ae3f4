"""The studies of an archive's discs: where there is a DICOMDIR, its files are a study's by what it says."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from cxr.archive_names import Found, each_once
from cxr.contents import Source
from cxr.discs import DiscStudy, is_dicom, key_of, read_directory
from cxr.errors import ArchiveError

_NOT_OF_THE_DISC: Final = "no DICOM file, on a disc with a DICOMDIR"

_Files = list[tuple[str, Source]]


def take_studies(found: Found) -> Sequence[tuple[str, _Files]]:
    """Take the files that DICOMDIRs name out of what was found; return each study's, by a path of its own.

    What else lies on such a disc stays where it is a DICOM file, and is passed over where it is none: viewers
    and their help. Named files that are not there are left out by their names.
    """
    studies: list[tuple[str, _Files]] = []
    # The innermost first: a copied disc within a disc's folder is its own.
    for path, source in sorted(found.directories, key=lambda one: -one[0].count("/")):
        folder = path.rpartition("/")[0]
        try:
            named = read_directory(source)
        except ArchiveError as error:
            found.passed_over[path] = f"{error}: the disc's files are sent as those of a folder"
            continue
        found.passed_over[path] = f"read for the {len(named)} studies that it names"
        studies += _of_a_disc(found, folder, named)
    names = each_once([name for name, _ in studies])
    return list(zip(names, (files for _, files in studies), strict=True))


def _of_a_disc(found: Found, folder: str, named: Sequence[DiscStudy]) -> list[tuple[str, _Files]]:
    start = f"{folder}/" if folder else ""
    there = {
        key_of(path.removeprefix(start)): (path, source)
        for path, source in found.files
        if path.startswith(start)
    }
    taken: set[str] = set()
    studies = []
    for study in named:
        files: _Files = []
        for parts in study.files:
            known = there.get(key_of("/".join(parts)))
            if known is None:
                found.left_out[start + "/".join(parts)] = "named by the DICOMDIR, and not on the disc"
            elif known[0] not in taken:
                taken.add(known[0])
                files.append(known)
        for parts, what in study.others:
            if (other := there.get(key_of("/".join(parts)))) is not None and other[0] not in taken:
                taken.add(other[0])
                found.passed_over[other[0]] = f"no radiograph, by the DICOMDIR: {what}"
        if files:
            studies.append((_common(files), files))
    found.files[:] = [
        one for one in found.files if one[0] not in taken and not _is_a_viewer_s(found, start, *one)
    ]
    return studies


def _is_a_viewer_s(found: Found, start: str, path: str, source: Source) -> bool:
    """Tell whether a file is what comes with a disc's images, and note it then."""
    if not path.startswith(start) or is_dicom(source):
        return False
    found.passed_over[path] = _NOT_OF_THE_DISC
    return True


def _common(files: _Files) -> str:
    """Return the folder that holds all files of a study; of one file its own path."""
    if len(files) == 1:
        return files[0][0]
    parts = [path.split("/")[:-1] for path, _ in files]
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*parts, strict=False))
    return "/".join(names[0] for names in shared) or "."
