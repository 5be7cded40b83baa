"""What a laptop's host has that Lambda has not: a store and keys of its own, and its own words.

``app.py`` loads it while it starts, and with it every module that a call may need: the file poller
of ``chalice local`` takes whatever is opened later for a change.
"""

import importlib

from chalice.app import Chalice
from chalice.local import LocalChalice

from chalicelib import settings, wiring
from chalicelib.authorizer import Laptop
from chalicelib.edge import Routes
from tinyllama import devkeys, host_words, local

_LOADED_BY_CALLS = (
    "chalicelib.counting",
    "chalicelib.key_desk",
    "chalicelib.keysources",
    "chalicelib.model_lists",
    "chalicelib.relay",
    "chalicelib.response_desk",
    "chalicelib.service",
    "chalicelib.tokens",
    "chalicelib.workshop",
)


class StandIns:
    """The embedded store and the development keys of this machine."""

    def __init__(self, app: Chalice) -> None:
        self._app = app

    def store_url(self) -> str:
        """Start the local system and return its store's address. Raises as ``local.start``."""
        # Never for a test or a packaging, which may load the app in the same environment.
        if not isinstance(self._app, LocalChalice):
            return settings.required("store_url")
        return local.start()

    def jwks(self) -> str:
        """Return the path of the development key's set, which is there by then."""
        return str(devkeys.development_jwks_path())

    def api_key_jwks(self) -> str:
        """Return the path of the set that holds the development key of API keys."""
        return str(devkeys.development_key_jwks_path())


def furnish(app: Chalice, routes: Routes) -> None:
    """Give *app* what a laptop has, and load what its calls need; *routes* are its own."""
    wiring.stand_ins = StandIns(app)
    wiring.contract()
    wiring.console()
    host_words.are_ours(Laptop(routes).refuse)
    for module in _LOADED_BY_CALLS:
        importlib.import_module(module)
