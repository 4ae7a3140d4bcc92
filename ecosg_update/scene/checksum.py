"""Compares the files of a SAFE with the checksums that it carries: only they show a flipped bit.

Source: `manifest.safe`, a SHA3-256 (older: MD5) of each file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ecosg_update.errors import SceneError
from ecosg_update.scene.safe import document
from ecosg_update.scene.store import File, Store, store

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ALGORITHMS = {"SHA3-256": "sha3_256", "MD5": "md5", "SHA256": "sha256"}
CHUNK = 2**20


def checksum_faults(path: str | Path) -> tuple[str, ...]:
    """The image files of a SAFE folder or zip that differ from its manifest, in words; files that are absent pass.

    Raises SceneError where there is no manifest.
    """
    found = store(Path(path))
    name = next((name for name in found.names if name.rsplit("/", 1)[-1] == "manifest.safe"), None)
    if name is None:
        raise SceneError(f"{found.root}: no manifest.safe to compare with; give a .SAFE folder or zip")
    folder = name.removesuffix("manifest.safe")
    return tuple(
        fault
        for stream in document(found.file(name)).iter("byteStream")
        if (fault := _fault(found, folder, stream)) is not None
    )


def _fault(found: Store, folder: str, stream: Element) -> str | None:
    place, stated = stream.find("fileLocation"), stream.find("checksum")
    if place is None or stated is None or not stated.text:
        return None
    name = folder + place.get("href", "").removeprefix("./")
    algorithm = ALGORITHMS.get(stated.get("checksumName", ""))
    if algorithm is None or name not in found.names or not name.endswith(".jp2"):
        return None
    if _digest(found.file(name), algorithm) == stated.text.strip().lower():
        return None
    return f"{name}: differs from the checksum in manifest.safe; fetch the product again"


def _digest(file: File, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with file.stream() as (stream, _):
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
