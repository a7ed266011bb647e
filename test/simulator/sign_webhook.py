#!/usr/bin/env python3
"""Print the Standard Webhooks headers (JSON) for a body read from standard input, as a signing sender would set them.

    printf '%s' "$body" | sign_webhook.py whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw [--id msg_1] [--timestamp 1700000000]
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import sys
import time
import uuid


def headers(secret: str, body: bytes, message_id: str, timestamp: int) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Sign a webhook body (Standard Webhooks)")
    parser.add_argument("secret")
    parser.add_argument("--id", default=f"msg_{uuid.uuid4().hex}")
    parser.add_argument("--timestamp", type=int, default=int(time.time()))
    wanted = parser.parse_args()
    print(json.dumps(headers(wanted.secret, sys.stdin.buffer.read(), wanted.id, wanted.timestamp)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
