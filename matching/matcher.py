"""The matcher: the pipeline over what was built last, moving on to what is newer between two answers."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from graph.errors import ProjectionError
from matching.build import open_state
from matching.feedback.exposure import Policy
from matching.masking import Viewer
from matching.pipeline import match
from matching.question import Answer, Question
from matching.state import State


class Matcher:
    """Answers questions from the newest artefacts on disk; `refresh` moves on to newer ones between two answers."""

    def __init__(
        self, state: State, folder: Path, projection_folder: Path, secret: bytes, policy: Policy | None = None,
        seen: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        """`seen` tells which artefacts the state was opened from (see `_stamp`)."""
        self.state = state
        """What answers are read from now."""
        self._folder, self._projection_folder, self._secret = folder, projection_folder, secret
        self._policy = policy or Policy()
        self._seen = seen

    @classmethod
    def open(cls, folder: Path, projection_folder: Path, secret: bytes, policy: Policy | None = None) -> Matcher:
        """The matcher on what was built last, warmed up; ProjectionError when there is nothing that fits together.

        From then on this process multiplies on one thread: an answer is too short to be shared among cores, and
        threads that wait for each other made it several times slower on busy ones.
        """
        threadpool_limits(limits=1, user_api="blas")
        seen = _stamp(folder)  # before they are opened: what is switched meanwhile is taken up at the next look
        state = open_state(projection_folder, folder, secret, policy)
        matcher = cls(state, folder, projection_folder, secret, policy, seen)
        matcher.state.warm()
        return matcher

    def refresh(self) -> bool:
        """Take up newer artefacts; False where there are none, or none that are complete yet."""
        stamp = _stamp(self._folder)
        if stamp == self._seen:
            return False
        try:
            state = open_state(self._projection_folder, self._folder, self._secret, self._policy)
        except ProjectionError:
            return False
        before = self.state
        state.asked |= before.asked
        state.warm(before, only=state.asked)
        self.state, self._seen = state, stamp
        # Kinds that nobody has asked for are made ready behind: a question that comes meanwhile waits for its own.
        state.warm(before)
        return True

    def match(self, question: Question, viewer: Viewer, state: State | None = None) -> Answer:
        """See `match`; of the newest state by default."""
        return match(state or self.state, question, viewer)


def _stamp(folder: Path) -> tuple[int, ...]:
    """What changes when the artefacts or a model are switched."""
    paths = [folder / "current.json", *sorted((folder / "models").glob("*.json"))]
    return tuple(path.stat().st_mtime_ns for path in paths if path.exists())
