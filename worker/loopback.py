"""Whether an address is this machine's, however it is spelled."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

# inet_aton reads what stands before a space, whatever follows.
_NUMBERS = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)


def on_this_machine(url: str) -> bool:
    """Whether *url* leads to loopback; False for what is no address."""
    host = _host(url).rstrip(".")
    return _loopback(host) or host.endswith(".localhost")


def never_leaves(url: str) -> bool:
    """Whether *url* leads to loopback whoever resolves its name; False for what is no address.

    Of names that is `localhost` alone: those under it are asked of others in places (RFC 6761, 6.3,
    only says that they should not be).
    """
    return _loopback(_host(url))


def plain(url: str) -> bool:
    """Whether *url* is http, which leads nowhere but to this machine."""
    return url[:5].lower() == "http:"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        if _NUMBERS.fullmatch(host):
            # What connects reads 127.1 and 0x7f000001 in the same way.
            return ipaddress.IPv4Address(socket.inet_aton(host)).is_loopback
        found = ipaddress.ip_address(host)
    except (OSError, ValueError):
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
