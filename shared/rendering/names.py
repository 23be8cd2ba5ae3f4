"""A person's name as DICOM writes it, in its groups and parts (PS3.5 section 6.2.1)."""

from typing import Final, NamedTuple

_GROUPS: Final = 3


class Name(NamedTuple):
    """One group of a name, in the order in which DICOM has its parts; what is not there is empty."""

    family: str = ""
    given: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""


def groups_of(name: str) -> list[Name]:
    """Return the groups in their order: in the alphabet, in ideograms, as spoken; one may be empty.

    Args:
        name: FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX, up to three of them with `=` between.
    """
    groups = [[part.strip() for part in group.split("^")] for group in name.split("=")]
    return [Name(*parts[: len(Name._fields)]) for parts in groups[:_GROUPS]]


def in_words(name: str) -> str:
    """Write a name for a reader: "Yamada, Tarou (山田 太郎)"; how it is spoken is left out."""
    first, *others = [group for group in groups_of(name) if any(group)] or [Name()]
    given = " ".join(part for part in (first.given, first.middle) if part)
    titles = " ".join(part for part in (first.prefix, first.suffix) if part)
    written = ", ".join(part for part in (first.family, given, titles) if part)
    return f"{written} ({' '.join(part for part in others[0] if part)})" if others else written
