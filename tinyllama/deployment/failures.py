"""Why a deployment command gave up."""


class DeploymentFailed(Exception):
    """A command could not do what it promises; the message is one sentence that says what to do."""


class Misused(DeploymentFailed):
    """The caller's own words or settings will not do; nothing was begun."""
