"""The command ``llm``, told of the router in its ``extra-openai-models.yaml`` as its page says."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.scripts.telling import Asked, Seen, run, thrice

LLM = str(Path(sys.executable).with_name("llm"))


def play(asked: Asked, *options: str, responses: bool = False) -> Seen:
    """Ask on the command line, in a configuration of its own."""
    with tempfile.TemporaryDirectory(prefix="llm-") as folder:
        model = {
            "model_id": "tiny",
            "model_name": asked.model,
            "api_base": asked.base_url,
            "api_key_name": "router",
            "responses": responses,
        }
        # JSON is YAML.
        (Path(folder) / "extra-openai-models.yaml").write_text(json.dumps([model]))
        (Path(folder) / "keys.json").write_text(json.dumps({"router": asked.token}))
        ran = subprocess.run(  # noqa: S603
            [LLM, "--model", "tiny", "--option", "max_tokens", "12", *options, asked.prompt],
            env={**os.environ, "LLM_USER_PATH": folder},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    if ran.returncode:
        return {"raised": ran.returncode, "message": ran.stderr.decode()}
    return {"text": ran.stdout.decode().removesuffix("\n")}


if __name__ == "__main__":
    run(
        {
            "chat": lambda asked: play(asked, "--no-stream"),
            "stream": play,
            "responses": lambda asked: play(asked, "--no-stream", responses=True),
            "expired": play,
            "foreign": play,
            "other_model": lambda asked: play(
                Asked(asked.base_url, asked.token, "org/none", asked.prompt)
            ),
            "waits_its_turn": thrice(play),
        }
    )
