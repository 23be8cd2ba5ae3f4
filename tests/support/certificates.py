"""Certificates for tests, of an authority of the test's own, by the openssl of the machine."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        _openssl(*_made("ca", self._key), "-x509", "-out", self.certificate, "-days", "2")

    def issue(self, name: str) -> Certificate:
        """Sign a certificate that is good for 127.0.0.1."""
        key, request, signed, extra = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem", "ext"))
        extra.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        _openssl(*_made(name, key), "-out", request)
        by = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-extfile", extra)
        _openssl("x509", "-req", "-in", request, *by, "-out", signed, "-days", "2")
        return Certificate(signed, key)


def _made(name: str, key: Path) -> tuple[str | Path, ...]:
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch")
    return (*new, "-subj", f"/CN={name}", "-keyout", key)
