"""How a move is recognised on the wire: by the digest of its script."""

from chalicelib.moves import JOB_LIBRARIES
from chalicelib.scripts import Script

TAKE = Script("take", "queue", "due").sha
OPEN = Script("open", *JOB_LIBRARIES).sha
APPEND = Script("append").sha
FINISH = Script("finish", *JOB_LIBRARIES).sha
