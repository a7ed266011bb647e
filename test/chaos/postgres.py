"""The database: sessions that may be lost at any moment, and the server that is killed and started again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

LAST_WORDS = ("57P01", "57P02", "57P03")  # shutting down, crash of another process, starting up
PATIENCE = 90  # seconds for anything that the server must be able to do in the end


class Lost(Exception):
    """The session broke: whether the last statements are committed is unknown."""


class Refused(Exception):
    """The server answered with an error: nothing of the statements is committed."""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Session:
    """psql in a pipe. It ends by itself when its connection breaks, which is what Lost is made of."""

    def __init__(self, name: str) -> None:
        command = ["psql", "-XAtq", "-d", f"application_name={name} connect_timeout=10"]
        self._psql = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._buffer = b""

    def run(self, *statements: str, timeout: float = PATIENCE) -> list[str]:
        """Sends the statements as one query, so in one transaction unless they say otherwise; returns the rows."""
        query = " \\; ".join(statements) + ";\n\\echo finished :ERROR :SQLSTATE :LAST_ERROR_MESSAGE\n"
        try:
            self._psql.stdin.write(query.encode())
            self._psql.stdin.flush()
        except OSError:
            raise Lost from None
        return self._answer(time.monotonic() + timeout)

    def _answer(self, give_up_at: float) -> list[str]:
        while True:
            *lines, rest = self._buffer.decode("utf-8", "replace").split("\n")
            if lines and lines[-1].startswith("finished "):
                self._buffer = rest.encode()
                _, is_error, code, problem = lines[-1].split(" ", 3)
                if is_error != "true":
                    return lines[:-1]
                # The server's last word, or none at all: psql ends with the next statement.
                raise Lost if code in ("", *LAST_WORDS) else Refused(f"{code} {problem}")
            ready, _, _ = select.select([self._psql.stdout], [], [], max(0.0, give_up_at - time.monotonic()))
            data = os.read(self._psql.stdout.fileno(), 65536) if ready else b""
            if not data:
                raise Lost
            self._buffer += data

    def close(self) -> None:
        self._psql.kill()
        self._psql.wait()
        try:
            self._psql.stdin.close()
        except BrokenPipeError:
            pass  # a statement that it has not read
        self._psql.stdout.close()


def connect(name: str) -> Session:
    """A session that works, as soon as the server lets one in."""
    give_up_at = time.monotonic() + PATIENCE
    while True:
        session = Session(name)
        try:
            session.run("SELECT 1")
            return session
        except (Lost, Refused):
            session.close()
            if time.monotonic() > give_up_at:
                raise TimeoutError("the server lets nobody in") from None
            time.sleep(0.1)


class Patient:
    """A session for what may simply be done again: reading, and what is idempotent."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._session = connect(name)

    def run(self, *statements: str) -> list[str]:
        while True:
            try:
                return self._session.run(*statements)
            except Lost:
                self._session.close()
                self._session = connect(self._name)

    def value(self, statement: str) -> str:
        return self.run(statement)[0]

    def documents(self, query: str) -> list[dict]:
        """The rows of a query."""
        return [json.loads(line) for line in self.run(f"SELECT to_json(q) FROM ({query}) q")]

    def close(self) -> None:
        self._session.close()


class Server:
    """The processes of the cluster, from the point of view of somebody who may send them signals."""

    def __init__(self, bin_directory: str, data_directory: str, log: str) -> None:
        self._pg_ctl = str(Path(bin_directory, "pg_ctl"))
        self._data = data_directory
        self._log = log

    def processes(self, backend_type: str) -> list[int]:
        """Their ids; none while nobody can ask."""
        session = Session("chaos")
        try:
            rows = session.run(
                f"SELECT pid FROM pg_stat_activity WHERE backend_type = {quoted(backend_type)} AND application_name <> 'chaos'", timeout=10
            )
            return [int(row) for row in rows]
        except (Lost, Refused):
            return []
        finally:
            session.close()

    @staticmethod
    def kill(process: int) -> None:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def terminate(self, process: int) -> None:
        session = Session("chaos")
        try:
            session.run(f"SELECT pg_terminate_backend({process})", timeout=10)
        except (Lost, Refused):
            pass
        finally:
            session.close()

    def postmaster(self) -> int | None:
        try:
            return int(Path(self._data, "postmaster.pid").read_text(encoding="ascii").split("\n")[0])
        except (OSError, ValueError):
            return None

    def stop_at_once(self) -> None:
        self._control("-m", "immediate", "-w", "-t", "30", "stop")

    def start(self) -> None:
        """Children of a killed postmaster may still be about to notice: then it is tried again."""
        give_up_at = time.monotonic() + PATIENCE
        while self._control("-l", self._log, "-w", "-t", "60", "start") != 0:
            if time.monotonic() > give_up_at:
                raise TimeoutError("the server does not start")
            time.sleep(0.2)

    def _control(self, *arguments: str) -> int:
        # The server keeps the descriptors that it is started with, so none of ours.
        command = [self._pg_ctl, "-D", self._data, *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode
