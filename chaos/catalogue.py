"""All scenarios, in the order in which they run."""

from chaos import disks, engines, failover, fronting, network, storage, workers
from chaos.registry import SCENARIOS

__all__ = ["SCENARIOS", "disks", "engines", "failover", "fronting", "network", "storage", "workers"]
