"""A simulated provider as a process, and its control endpoints."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parent.parent / "simulator"


class Unreachable(ConnectionError):
    """The simulator is away for the moment."""


class Simulator:
    def __init__(self, script: str, options: list[str]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            port_file = Path(directory, "port")
            command = [sys.executable, str(DIRECTORY / f"{script}.py"), "--port-file", str(port_file), "--rate-limit", "0", *options]
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            give_up_at = time.monotonic() + 30
            while not port_file.exists():
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    raise RuntimeError(f"the simulator {script} did not start")
                time.sleep(0.02)
            self.port = int(port_file.read_text(encoding="ascii"))

    def control(self, method: str, path: str, document: object = None) -> object:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, f"/__control/{path}", None if document is None else json.dumps(document))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            raise Unreachable(str(problem)) from None
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
