"""Keys of one masking epoch, aliases made with them, and sealed cursors."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from graph.records import EntityKey
from matching.masking.viewer import Viewer

ALIAS_BYTES = 12
"""96 bits: not guessable."""


class Aliases:
    """The names of one kind's entities toward one viewer in one question."""

    def __init__(self, mac: hmac.HMAC) -> None:
        """`mac` has read all but the entity's id."""
        self._mac = mac

    def of(self, id: str) -> str:
        """The name of an entity: 24 characters, neither sortable nor guessable."""
        mac = self._mac.copy()
        mac.update(_framed(id))
        return mac.digest()[:ALIAS_BYTES].hex()


def _framed(part: str) -> bytes:
    """A part of a message with its length before it, so that no two lists of parts read the same."""
    data = part.encode()
    return len(data).to_bytes(4, "big") + data


class EpochKeys:
    """Separate keys for separate uses, derived from the installation's secret and the epoch's name (HMAC-SHA256)."""

    def __init__(self, secret: bytes, epoch: str) -> None:
        self.epoch = epoch
        """Its name."""
        self._root = hmac.digest(secret, b"epoch\x00" + epoch.encode(), "sha256")
        self._alias = hmac.new(self._derived(b"alias"), digestmod="sha256")
        self._seal = AESSIV(self._derived(b"cursor-1") + self._derived(b"cursor-2"))
        self.tie = self._derived(b"tie")
        """Orders what scores the same."""

    def _derived(self, use: bytes) -> bytes:
        return hmac.digest(self._root, use, "sha256")

    def aliases(self, viewer: Viewer, question: str, kind: str) -> Aliases:
        """The names of all entities of a kind toward one viewer in one question."""
        mac = self._alias.copy()  # with the key set already, which takes longer than the rest
        for part in (viewer.id, question, kind):
            mac.update(_framed(part))
        return Aliases(mac)

    def alias(self, viewer: Viewer, question: str, key: EntityKey) -> str:
        """The name of one entity."""
        return self.aliases(viewer, question, key.kind).of(key.id)

    def seal(self, viewer: Viewer, content: Mapping[str, Any]) -> str:
        """An opaque token that only `unseal` with the same viewer and epoch opens (AES-SIV, RFC 5297)."""
        sealed = self._seal.encrypt(orjson.dumps(dict(content)), [viewer.id.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def unseal(self, viewer: Viewer, token: str) -> dict[str, Any] | None:
        """What was sealed; None for any token that was not, or was for another viewer or epoch."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            opened = orjson.loads(self._seal.decrypt(raw, [viewer.id.encode()]))
        except (ValueError, InvalidTag):
            return None
        return opened if isinstance(opened, dict) else None
