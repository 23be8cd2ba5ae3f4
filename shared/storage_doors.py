"""Locks the inner doors of the bundled SeaweedFS: `python -m shared.storage_doors FOLDER`, before it starts.

It is several servers in one process (master, volumes, filer, administration). Each listens by HTTP and by
gRPC and asks nobody for a key: whoever reaches one reads, writes and deletes all objects past S3. With what
is made here all of them speak TLS, with one certificate, and with its holder alone: the process itself,
started with -config_dir=FOLDER, and whoever may read the folder. The S3 port stays as it is.

The certificate need not outlive the server: FOLDER may be made anew at each start.
"""

import ipaddress
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CERTIFICATE: Final = "inner-doors.pem"
"""Certificate and key in one file, so that there is never the one without the other."""
CONFIGURATION: Final = "security.toml"

# RFC 5280's date for what has no end: a server that runs for years must not lock itself out.
_NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_GRPC: Final = ("master", "volume", "filer", "s3", "admin", "worker", "client")
_HTTPS: Final = ("master", "volume", "filer", "admin", "client")


def certificate() -> bytes:
    """Return a new certificate that is its own authority, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "storage")])
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(
            datetime(2020, 1, 1, tzinfo=UTC)
        )  # a clock that is set back locks nobody out either
        .not_valid_after(_NEVER)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def configuration(folder: Path) -> str:
    """Return the security.toml of a server that finds the certificate in that folder."""
    file = json.dumps(str(folder / CERTIFICATE))  # quoted as TOML wants it, too
    pair = f"cert = {file}\nkey = {file}\n"
    lines = [f"[grpc]\nca = {file}\n"]
    lines += [f"[grpc.{name}]\n{pair}" for name in _GRPC]
    # With an authority a server asks its callers for a certificate.
    lines += [f"[https.{name}]\nca = {file}\n{pair}" for name in _HTTPS]
    return "".join([*lines, "enabled = true\n"])  # the client, which comes last


def main(folder: Path) -> int:
    """Make both files, for the user who runs this."""
    (folder / CONFIGURATION).write_text(configuration(folder), encoding="utf-8")
    file = folder / CERTIFICATE
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(certificate())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
