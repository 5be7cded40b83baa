"""All scenarios, in the order in which they run; what fills the memory comes last."""

from chaos import (
    clocks,
    disks,
    engines,
    failover,
    fronting,
    memory,
    network,
    registry,
    storage,
    storm,
    workers,
)

_ORDER = [
    module.__name__
    for module in (
        workers,
        storage,
        disks,
        network,
        failover,
        engines,
        fronting,
        clocks,
        storm,
        memory,
    )
]

SCENARIOS = sorted(
    registry.SCENARIOS, key=lambda scenario: _ORDER.index(scenario.attack.__module__)
)
