"""The model of fairness: whose turn it is among the tenants that have jobs ready."""


class Turns:
    """Every tenant with ready jobs has a tag, and the lowest is served, by name where tags tie.

    Being served costs one: nothing else does, so that a job that leaves the queue unserved was
    never charged. A tenant that comes starts at the clock, which is the tag last served, or at
    the tag it left with where that is later. Once nobody waits all is forgotten.
    """

    def __init__(self) -> None:
        self.clock = 0
        self.tags: dict[str, int] = {}
        self.left_with: dict[str, int] = {}

    def note(self, tenants_with_ready_jobs: set[str]) -> None:
        """Take note of who has something ready; call it after every single step of a move."""
        for tenant in set(self.tags) - tenants_with_ready_jobs:
            self.left_with[tenant] = self.tags.pop(tenant)
        if not tenants_with_ready_jobs:
            self.clock = 0
            self.left_with = {}
        for tenant in tenants_with_ready_jobs - set(self.tags):
            self.tags[tenant] = max(self.clock, self.left_with.pop(tenant, 0))

    def serve(self) -> str | None:
        """Serve a tenant and charge it; None when nobody waits."""
        if not self.tags:
            return None
        tenant = min(self.tags, key=lambda name: (self.tags[name], name.encode()))
        self.clock = self.tags[tenant]
        self.tags[tenant] += 1
        return tenant
