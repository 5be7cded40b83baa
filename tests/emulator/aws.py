"""The emulated AWS of the suite: one process on the loopback, ended by its id."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import boto3
import httpx2

HERE = Path(__file__).resolve().parent
ACCOUNT, REGION = "000000000000", "us-east-1"


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class Emulator:
    """The emulator in *folder*, whose functions run on *python* without any of its packages."""

    def __init__(self, folder: Path, python: str, authority: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.log = folder / "emulator.log"
        environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "STATE_DIR": str(folder / "state"),
            "S3_DATA_DIR": str(folder / "s3"),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # What it would start containers for it only names; nothing listens there.
            "DOCKER_HOST": f"unix://{folder}/none.sock",
            "REDIS_HOST": "127.0.0.1",
            # A role's credentials have one; the emulator hands its own on to functions.
            "AWS_SESSION_TOKEN": "of-the-emulator",
            "FUNCTION_PYTHON": str(_bare(folder, python)),
            # Whom functions trust, as Lambda's trust Amazon's authority.
            "SSL_CERT_FILE": str(authority),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [python, "-I", str(HERE / "extension.py")],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_answer(self) -> None:
        """Return once it answers. Raises RuntimeError with its log where it does not in 30 s."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx2.get(f"{self.url}/_ministack/health", timeout=5).is_success:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"the emulator did not start: {self.log.read_text()[-2000:]}")

    def client(self, service: str) -> Any:
        """Return a client of one of its services."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
        )

    def remaining(self, *names: str) -> list[str]:
        """Return what is still there under one of these beginnings of names."""
        found = [name for listing in _LISTINGS for name in _listed(self, *listing)]
        return sorted(name for name in found if name.startswith(names))

    def environment(self) -> dict[str, str]:
        """Return the variables by which a command takes it for AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def stop(self) -> None:
        """End it and the functions that it runs: they are of its own process group."""
        for ending in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, ending)
            except ProcessLookupError:
                break
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                continue


def _bare(folder: Path, python: str) -> Path:
    """Write a command that is *python* without its packages and without the user's settings."""
    command = folder / "function-python"
    command.write_text(f'#!/bin/sh\nexec "{python}" -I -S "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return command


# What a stage names: service, call, where its answer lists, and what in an entry is the name.
_LISTINGS = (
    ("apigateway", "get_rest_apis", "items", "name"),
    ("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("cognito-idp", "list_user_pools", "UserPools", "Name"),
    ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateName"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupName"),
    ("ecr", "describe_repositories", "repositories", "repositoryName"),
    ("elasticache", "describe_replication_groups", "ReplicationGroups", "ReplicationGroupId"),
    ("elasticache", "describe_users", "Users", "UserId"),
    ("events", "list_rules", "Rules", "Name"),
    ("iam", "list_policies", "Policies", "PolicyName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("ssm", "describe_parameters", "Parameters", "Name"),
)


def _listed(emulator: Emulator, service: str, call: str, where: str, name: str) -> list[str]:
    most = {"MaxResults": 60} if service == "cognito-idp" else {}  # which must be told there
    entries = getattr(emulator.client(service), call)(**most).get(where, [])
    # Addresses and ARNs end in the name.
    return [
        re.split("[/:]", e)[-1] if "://" in e or e.startswith("arn:") else e
        for e in (entry[name] if name else entry for entry in entries)
    ]
