"""What is bounded, and by how much: one place for every number a caller can run into."""

BODY_BYTES = 256 * 1024
RESULT_BYTES = 1024 * 1024
# As Lambda carries it (carriage.py): text of control characters grows sevenfold on its way.
RESULT_CARRIED_BYTES = 5 * 1024 * 1024
JSON_DEPTH = 32
WAIT_SECONDS = 25
PAGE_EVENTS = 50
PAGE_EVENTS_MAX = 200
PAGE_BYTES = 4 * 1024 * 1024
PAGE_LOOKS = 1000
JOB_LOOKS = 200
IDEMPOTENCY_KEY_CHARS = 255

# Jobs of one and the same call that no caller has had, and how long they wait for one. For how long
# an answer that was told is kept besides: clients send again what was lost within seconds.
UNDELIVERED = 32
UNDELIVERED_SECONDS = 3600
# Clients try again within eight seconds of a lost connection.
TOLD_SECONDS = 10
# Longer than any pause that clients heed.
PUT_OFF_SECONDS = 120

STREAM_ENTRIES = 500
LEASE_REMEMBERED_SECONDS = 600
WORKER_BODY_BYTES = 4 * 1024 * 1024

# How long things are kept, each a setting (bounds.retention_settings).
RESULT_SECONDS = 24 * 3600
TOMBSTONE_SECONDS = 7 * 24 * 3600
EVENT_SECONDS = 14 * 24 * 3600
ACKNOWLEDGED_SECONDS = 24 * 3600
IDEMPOTENCY_SECONDS = 24 * 3600
# A record's own expiry comes this long after its removal was due.
BACKSTOP_SECONDS = 24 * 3600
# Longer than anybody waits.
BELL_SECONDS = 60

MAX_ATTEMPTS = 3
RETRY_FIRST_SECONDS = 1.0
RETRY_MOST_SECONDS = 60.0
RETRY_AFTER_MOST_SECONDS = 3600.0

QUEUE_LENGTH = 10_000
QUEUE_BYTES = 256 * 1024 * 1024
INBOX_BYTES = 64 * 1024 * 1024
# What an event weighs beside its own texts, and what is kept free for the end event of each job.
EVENT_OVERHEAD_BYTES = 300
END_EVENT_BYTES = 512
RATE_PER_MINUTE = 600
RATE_WINDOW_SECONDS = 60
REQUESTS_PER_MINUTE = 6_000
TENANT_BYTES_PER_DAY = 128 * 1024 * 1024
DAY_SECONDS = 24 * 3600
# What they weigh beside their texts while they are kept, measured: a job with its end event and
# idempotency key, the stream of one that said anything, an event (more than an inbox counts).
JOB_KEPT_BYTES = 3072
STREAM_KEPT_BYTES = 4096
EVENT_KEPT_BYTES = 700
WAITERS = 100
API_KEYS_PER_TENANT = 1_000
# With those that were revoked, until a day after they expire: an answer to a bulk revocation.
API_KEYS_REMEMBERED = 10_000
KEY_GRACE_SECONDS = 30 * 24 * 3600
MEMORY_SHARE = 0.8
MEMORY_MARK_SECONDS = 180
# Longer than a worker over HTTPS is silent by default: it asks or renews each 10 s.
WORKER_SILENT_SECONDS = 15
WORKER_MODELS = 32
MODEL_CHARS = 128
TOOL_CALLS = 128
CALL_NAME_CHARS = 256
RETRY_AFTER_SECONDS = 2

# How long a tick may sweep of the minute that is its own, and how often a laptop's runs.
TICK_BUDGET_SECONDS = 40.0
TICK_SECONDS = 10.0
