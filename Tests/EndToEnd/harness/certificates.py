"""Certificates for tests, made by openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def openssl_is_there() -> bool:
    return shutil.which("openssl") is not None


class Identity:
    """A certificate for localhost and 127.0.0.1 that certifies itself, and its key."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        #: Both in one file.
        self.both = folder / "identity.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", str(self.key), "-out", str(self.certificate), "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            check=True, capture_output=True)
        self.both.write_text(self.certificate.read_text() + self.key.read_text())

    @property
    def configuration(self) -> str:
        """What a section of the gateway's configuration says of it."""
        return f'certificate = "{self.certificate}"\nprivate_key = "{self.key}"\n'
