"""A stage that is built elsewhere than in this project."""

from dataclasses import dataclass
from pathlib import Path

from tinyllama.deployment.stages import Stage


@dataclass(frozen=True)
class BuiltElsewhere(Stage):
    """A stage whose folder lies in *where*."""

    where: Path

    @property
    def folder(self) -> Path:
        """Where this stage is built."""
        return self.where / self.name
