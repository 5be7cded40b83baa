"""The scopes there are: what a token can open. Each route names the one it needs."""

SCOPES = frozenset(
    {
        "events:write",
        "inbox:ack",
        "inbox:read",
        "infer:write",
        "jobs:read",
        "jobs:write",
        "keys:admin",
        "metrics:read",
        "queue:admin",
        "worker:run",
    }
)
