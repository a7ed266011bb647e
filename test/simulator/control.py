#!/usr/bin/env python3
"""Call a simulator's control endpoint from a script, without needing curl.

    control.py http://127.0.0.1:8080 GET summary
    control.py http://127.0.0.1:8080 POST orders/change '{"count": 5, "set": {"status": "Completed"}}'
    control.py http://127.0.0.1:8080 GET orders --lines          one JSON document per line
    control.py http://127.0.0.1:8080 GET summary --get creates   one member of the answer
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request


def call(base_url: str, method: str, path: str, document: str | None = None) -> object:
    data = document.encode() if document is not None else None
    request = urllib.request.Request(f"{base_url.rstrip('/')}/__control/{path}", data, {"Content-Type": "application/json"}, method=method)
    # A test server's certificate proves nothing, and no secret is sent here.
    context = ssl._create_unverified_context() if base_url.startswith("https:") else None
    with urllib.request.urlopen(request, timeout=60, context=context) as response:
        return json.load(response)


def main() -> int:
    parser = argparse.ArgumentParser(description="Call a simulator's control endpoint")
    parser.add_argument("base_url", help="scheme, host and port")
    parser.add_argument("method", choices=["GET", "POST", "DELETE"])
    parser.add_argument("path", help="below /__control/")
    parser.add_argument("document", nargs="?", help="JSON body")
    parser.add_argument("--lines", action="store_true", help="print a list as one document per line")
    parser.add_argument("--get", metavar="MEMBER", help="print only this member of the answer")
    wanted = parser.parse_args()
    try:
        answer = call(wanted.base_url, wanted.method, wanted.path, wanted.document)
    except urllib.error.HTTPError as problem:
        print(f"control.py: {problem}: {problem.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    except (urllib.error.URLError, OSError) as problem:
        print(f"control.py: {wanted.base_url} does not answer: {problem}", file=sys.stderr)
        return 1
    if wanted.get:
        answer = answer[wanted.get]
    if wanted.lines:
        for element in answer:
            print(json.dumps(element, ensure_ascii=False))
    else:
        print(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, indent=None if wanted.get else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
