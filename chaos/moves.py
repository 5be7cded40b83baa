"""How a move is recognised on the wire: by the digest of its script, as the product makes it."""

from chalicelib import leasing
from chalicelib.scripts import Script

_DIGESTS = {name: each.sha for name, each in vars(leasing).items() if isinstance(each, Script)}

TAKE = _DIGESTS["_TAKE"]
OPEN = _DIGESTS["_OPEN"]
APPEND = _DIGESTS["_APPEND"]
FINISH = _DIGESTS["_FINISH"]
