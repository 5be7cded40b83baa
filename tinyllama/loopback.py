"""Whether an address is this machine's, however it is spelled."""

import ipaddress
import socket
from urllib.parse import urlsplit


def on_this_machine(url: str) -> bool:
    """Whether *url* leads to loopback; False for what is no address."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        # What connects reads 127.1 and 0x7f000001 in the same way.
        return ipaddress.IPv4Address(socket.inet_aton(host)).is_loopback
    except (OSError, UnicodeError):
        pass
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def plain(url: str) -> bool:
    """Whether *url* is http, which leads nowhere but to this machine."""
    return url[:5].lower() == "http:"
