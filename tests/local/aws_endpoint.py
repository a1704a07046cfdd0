"""An AWS endpoint of a test's own: a real process on a free port, and unmodified boto3 clients."""

from __future__ import annotations

import json
import sys

import boto3
import httpx
from botocore.config import Config

from local.engines.process import ForegroundProcess, free_port

ACCOUNT = "123456789012"
REGION = "us-east-1"


class Endpoint:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = directory / "config.json"
        owner = {"secret": "secret", "sender_id": "AIDADEVELOPER", "arn": f"arn:aws:iam::{ACCOUNT}:user/developer"}
        self.config.write_text(
            json.dumps(
                {
                    "region": REGION,
                    "account_id": ACCOUNT,
                    "base_url": self.url,
                    "access_keys": {"DEVELOPER": owner},
                    "ses_events_queue": "mail-events",
                }
            )
        )
        self.process = None

    def new_process(self):
        argv = [sys.executable, "-m", "local.aws", "--port", str(self.port), "--data", str(self.directory / "data")]
        return ForegroundProcess([*argv, "--config", str(self.config)], log_path=self.directory / "log")

    def start(self):
        self.process = self.new_process().start()
        self.process.wait_until(self.is_ready)
        return self

    def restart_after_kill(self):
        self.process.kill()
        return self.start()

    def is_ready(self):
        try:
            return httpx.get(f"{self.url}/_local/health").status_code == 200
        except httpx.TransportError:
            return False

    def client(self, service, access_key="DEVELOPER", retries=3):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": retries}, read_timeout=20),
        )

    def queue(self, name):
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def take(self, queue_url, wanted, wait_seconds=2):
        """Bodies from the queue, as many as are wanted, or all that come before a long poll stays empty."""
        sqs, bodies = self.client("sqs"), []
        while len(bodies) < wanted:
            found = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds)
            messages = found.get("Messages", [])
            if not messages:
                break
            for message in messages:
                bodies.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def notify(self, bucket, queue_arn, prefix="", suffix="", events=("s3:ObjectCreated:*",)):
        rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
        configuration = {"QueueArn": queue_arn, "Events": list(events), "Filter": {"Key": {"FilterRules": rules}}}
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [configuration]}
        )
