"""A machine client's token: the client credentials grant (RFC 6749, 4.4)."""

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import quote_plus

import httpx2

from chalicelib import __version__
from chalicelib.settings import PREFIX, MachineClient
from worker.credential import TOKEN
from worker.loopback import on_this_machine
from worker.wire import no_cookies, safe_address

ANSWER_BYTES = 64 * 1024
CALL_SECONDS = 10.0
SECRET_CHARS = 4096
_CODE = re.compile(r"[a-z_]{1,40}")


class GrantFailed(Exception):
    """No token came; the message says why, without client, secret or address.

    *final* is whether asking again is pointless until a setting changes.
    """

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


@dataclass(frozen=True)
class Granted:
    """A token, and for how many seconds it holds, None where the issuer did not say."""

    token: str
    seconds: float | None


def ask(client: MachineClient) -> Granted:
    """Return a new token for *client*. A silence of 5 s ends it, and a body that takes 10 s.

    The secret's file is read anew each time. Redirections are not followed. Raises GrantFailed,
    and NotConfigured for an address that is neither https nor loopback.
    """
    url = safe_address(client.token_url, f"{PREFIX}TOKEN_URL")
    # RFC 6749, 2.3.1: both are encoded as form fields before they are joined.
    pair = f"{quote_plus(client.id)}:{quote_plus(_secret(client))}"
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
        "User-Agent": f"tinyllama/{__version__}",
    }
    until = monotonic() + CALL_SECONDS
    body = bytearray()
    try:
        with (
            httpx2.Client(
                timeout=CALL_SECONDS / 2, trust_env=not on_this_machine(url), cookies=no_cookies()
            ) as http,
            http.stream(
                "POST", url, data={"grant_type": "client_credentials"}, headers=headers
            ) as answer,
        ):
            for piece in answer.iter_raw():
                body += piece
                if len(body) > ANSWER_BYTES or monotonic() > until:
                    raise GrantFailed("the issuer's answer does not end")
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise GrantFailed(f"the issuer is not reached ({type(error).__name__})") from None
    return _granted(answer.status_code, bytes(body))


def _granted(status: int, body: bytes) -> Granted:
    """Return what the issuer's answer grants. Raises GrantFailed."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    members = found if isinstance(found, dict) else {}
    if status in {400, 401, 403}:
        code = members.get("error")
        told = code if isinstance(code, str) and _CODE.fullmatch(code) else str(status)
        raise GrantFailed(f"the issuer refuses the client ({told})", final=True)
    token = members.get("access_token")
    if status != 200 or not isinstance(token, str) or not TOKEN.fullmatch(token):  # noqa: PLR2004
        raise GrantFailed(f"the issuer's answer holds no token (status {status})")
    seconds = members.get("expires_in")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 10**9:
        return Granted(token, float(seconds))
    return Granted(token, None)


def _secret(client: MachineClient) -> str:
    """Return the client's secret. Raises GrantFailed where its file holds none."""
    if client.secret_file is None:
        return client.secret or ""
    try:
        found = _read(client.secret_file)
    except (OSError, UnicodeDecodeError):
        raise GrantFailed("the client secret's file cannot be read", final=True) from None
    if not 0 < len(found) <= SECRET_CHARS:
        raise GrantFailed("the client secret's file holds no secret", final=True)
    return found


def _read(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(SECRET_CHARS + 64).strip()
