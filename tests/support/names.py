"""Names in every character set, as the bytes that a file holds, and as they have to be read.

The examples of PS3.5 annexes H to K, and others: of each kind of declaration, and of the wrong ones.
"""

from typing import Final, NamedTuple


class Written(NamedTuple):
    """A name in a file.

    Attributes:
        declared: Specific Character Set, None where the file has none.
        content: Patient's Name.
        read: what it says; with U+FFFD where nobody can know.
    """

    declared: str | None
    content: bytes
    read: str


_JAPANESE: Final = b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
_KOREAN: Final = (
    b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
)
_CHINESE: Final = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="

SOUND: Final = {
    "none": Written(None, b"Doe^Jane", "Doe^Jane"),
    "Latin-1": Written("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    "Latin-2": Written("ISO_IR 101", b"Wa\xb3\xeasa", "Wałęsa"),
    "Greek": Written("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    "Arabic": Written("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    "Hebrew": Written("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    "Cyrillic": Written("ISO_IR 144", b"\xbb\xee\xda\xe1\xd5\xdc\xd1\xe3\xe0\xd3", "Люксембург"),
    "Turkish": Written("ISO_IR 148", b"\xc7avu\xfeo\xf0lu", "Çavuşoğlu"),
    "Thai": Written("ISO_IR 166", b"\xca\xc1\xaa\xd2\xc2", "สมชาย"),
    "UTF-8": Written("ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東="),
    "GB18030": Written("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="),
    "GB18030 of four bytes": Written("GB18030", "Wang=王^\U00020000".encode("gb18030"), "Wang=王^\U00020000"),
    "GBK with a backslash in a letter": Written("GBK", b"Li^Xin=\xc0\xee^\x95\x5c=", "Li^Xin=李^昞="),
    "Japanese": Written(
        "\\ISO 2022 IR 87", b"Yamada^Tarou=" + _JAPANESE, "Yamada^Tarou=山田^太郎=やまだ^たろう"
    ),
    "half-width Japanese": Written(
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    "Korean": Written("\\ISO 2022 IR 149", _KOREAN, "Hong^Gildong=洪^吉洞=홍^길동"),
    "simplified Chinese": Written("\\ISO 2022 IR 58", _CHINESE, "Zhang^XiaoDong=张^小东="),
    "rare Japanese": Written(
        "\\ISO 2022 IR 87\\ISO 2022 IR 159", b"Dan=\x1b$(D\x30\x2e\x1b(B^\x1b$BB@\x1b(B", "Dan=丵^太"
    ),
    "Latin and Cyrillic": Written(
        "ISO 2022 IR 100\\ISO 2022 IR 144", b"M\xfcller^\x1b-L\xb8\xd2\xd0\xdd", "Müller^Иван"
    ),
}
MISDECLARED: Final = {
    "UTF-8 and none declared": Written(None, "Müller^Jörg=Ю^Я".encode(), "Müller^Jörg=Ю^Я"),
    "UTF-8 as Latin-1": Written("ISO_IR 100", "Grüße^José".encode(), "Grüße^José"),
    "escapes and none declared": Written(
        None, b"Yamada^Tarou=" + _JAPANESE, "Yamada^Tarou=山田^太郎=やまだ^たろう"
    ),
    "Korean escapes in Latin-1": Written("ISO_IR 100", _KOREAN, "Hong^Gildong=洪^吉洞=홍^길동"),
    "misspelt": Written("ISO-IR 144", b"\xb8\xd2\xd0\xdd", "Иван"),
    "by a name of its own": Written("utf-8", "王^小東".encode(), "王^小東"),
    "sets beside UTF-8": Written("ISO_IR 192\\ISO 2022 IR 87", "王^小東".encode(), "王^小東"),
}
DAMAGED: Final = {
    "Latin-1 and none declared": Written(None, b"Buc^J\xe9r\xf4me", "Buc^J\ufffdE9r\ufffdF4me"),
    "Latin-1 as UTF-8": Written("ISO_IR 192", b"M\xfcller", "M\ufffdFCller"),
    "GBK and none declared": Written(None, b"\xcd\xa8^\xc1\xaa", "\ufffdCD\ufffdA8^\ufffdC1\ufffdAA"),
    "an unknown set": Written("ISO_IR 999", b"M\xfcller", "M\ufffdFCller"),
    "Greek that stands for nothing": Written("ISO_IR 126", b"\xc4\xff", "\ufffdC4\ufffdFF"),
    "an unknown escape": Written("\\ISO 2022 IR 87", b"A^\x1b$Z;3ED", "A^\ufffd1B$Z;3ED"),
    "Japanese that is cut off": Written("\\ISO 2022 IR 87", b"Yamada=\x1b$B;3E", "Yamada=\ufffd1B$B;3E"),
    "one group of three": Written(
        "ISO_IR 192", b"Hong=\xfb\xf3=" + "홍".encode(), "Hong=\ufffdFB\ufffdF3=홍"
    ),
}
EVERY: Final = {**SOUND, **MISDECLARED, **DAMAGED}


def named(content: bytes, written: Written) -> bytes:
    """Put a name into a DICOM file of explicit little endian that was made with another, of ASCII letters."""
    start = content.index(b"\x10\0\x10\0PN")
    length = int.from_bytes(content[start + 6 : start + 8], "little")
    name = written.content + b" " * (len(written.content) % 2)
    content = content[: start + 6] + len(name).to_bytes(2, "little") + name + content[start + 8 + length :]
    at = content.index(b"\x08\0\x05\0CS")
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    if written.declared is None:
        return content[:at] + content[at + 8 + length :]
    said = written.declared.encode() + b" " * (len(written.declared) % 2)
    return content[: at + 6] + len(said).to_bytes(2, "little") + said + content[at + 8 + length :]
