"""Who may see what: roles, coarsening to k, redaction, aliases, cards and groups. The last stage of every answer."""

from __future__ import annotations

from matching.masking.groups import grouped, joined
from matching.masking.keys import Aliases, EpochKeys
from matching.masking.mask import Mask
from matching.masking.redact import Redactor
from matching.masking.viewer import Role, Viewer
from matching.masking.visible import Visible

__all__ = ["Aliases", "EpochKeys", "Mask", "Redactor", "Role", "Viewer", "Visible", "grouped", "joined"]
