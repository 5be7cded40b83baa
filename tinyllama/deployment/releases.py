"""Which versions of a stage's functions were published together.

All functions run the same zip, so new code gives each a new version, and equal hashes belong
together. A change of settings gives a new version to some, with the code of before; such versions
belong together when they were published by one apply, that is within minutes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tinyllama.deployment.functions import API, Version

# An apply waits for each function in turn; between two of the same stage lies a packaging.
_ONE_APPLY = timedelta(minutes=5)


@dataclass(frozen=True)
class Release:
    """The versions that were newest together, by function, and when the last was published."""

    versions: Mapping[str, Version]
    published: datetime

    @property
    def number(self) -> int:
        """The API's version: by it a release is named."""
        return self.versions[API].number

    @property
    def numbers(self) -> dict[str, int]:
        """The version of each function."""
        return {name: version.number for name, version in self.versions.items()}


def releases(versions: Mapping[str, Sequence[Version]]) -> list[Release]:
    """Return the releases that all *versions*, by function, make; oldest first.

    What an interrupted apply left, functions of different code, is none.
    """
    newest: dict[str, Version] = {}
    found: list[Release] = []
    for together in _applies(versions):
        newest |= together
        whole = len(newest) == len(versions)
        if whole and len({version.sha256 for version in newest.values()}) == 1:
            published = max(version.published for version in together.values())
            found.append(Release(dict(newest), published))
    return found


def current(all_releases: Iterable[Release], live: Mapping[str, int]) -> Release | None:
    """Return the newest release with the API's version that is *live*; None when it has none."""
    found = [release for release in all_releases if release.number == live[API]]
    exact = [release for release in found if release.numbers == live]
    return next(reversed(exact or found), None)


def _applies(versions: Mapping[str, Sequence[Version]]) -> Iterable[dict[str, Version]]:
    """Yield what each apply published, by function, oldest first."""
    published = sorted(
        (
            (version.published, name, version)
            for name, all_of in versions.items()
            for version in all_of
        ),
        key=lambda entry: (entry[0], entry[2].number),
    )
    together: dict[str, Version] = {}
    for _, name, version in published:
        if together and not _fits(together, name, version):
            yield together
            together = {}
        together[name] = version
    if together:
        yield together


def _fits(together: Mapping[str, Version], name: str, version: Version) -> bool:
    last = max(other.published for other in together.values())
    return (
        name not in together
        and version.published - last <= _ONE_APPLY
        and {other.sha256 for other in together.values()} == {version.sha256}
    )
