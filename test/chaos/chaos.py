#!/usr/bin/env python3
"""Applications write to several providers in one database while processes are killed and providers misbehave; then both sides are compared.

Called by test/chaos/run, with PGHOST and so on pointing at a durable cluster that is there for nothing else.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from collections.abc import Callable

import evidence
import report
from application import TABLES, Application, Orders, ticket_trigger
from disasters import Disasters, possible
from falsify import undetected
from judge import KINDS, Evidence, Finding, count, judge
from outside import Gateway, Observer, Users
from postgres import Patient, Server, quoted
from providers import ClickMaint, MobilityWork, Provider, SapPm
from schedule import make_schedule

APPLICATIONS = 4
CALM_ORDERS = 15  # of the healthy provider, timed before the storm
SHOWN = 5  # offending records of each kind whose history is printed
UNDISTURBED = 2.0  # seconds: what the healthy provider's 95th percentile must stay under while others hang for 5
TICKETS = ("clickmaint", "sap_pm")


class Suite:
    def __init__(self, wanted: argparse.Namespace) -> None:
        self.wanted = wanted
        self.checks = report.Checks()
        self.server = Server(wanted.bin_directory, wanted.data_directory, wanted.log)
        self.healthy = ClickMaint("healthy")
        self.providers: list[Provider] = [ClickMaint("clickmaint"), SapPm("sap_pm"), MobilityWork("mobility_work")]
        self.struck = [each for each in self.providers if not wanted.provider or each.name in wanted.provider]
        self.everywhere = [*self.providers, self.healthy]
        self.stop = threading.Event()

    def run(self) -> int:
        wanted = self.wanted
        report.note(f"seed {wanted.seed}, {wanted.seconds} s; the same again: test/chaos/run --seed {wanted.seed} --seconds {wanted.seconds}")
        for provider in self.everywhere:
            provider.start()
        self.database = Patient("suite")
        self.set_up()
        self.storm()
        self.drain()
        found = {provider.name: evidence.collect(provider, self.database) for provider in self.everywhere}
        self.sum_up(found)
        for provider in self.everywhere:
            self.judge(provider, found[provider.name])
        self.judge_the_rest()
        self.check_the_judge(found)
        return self.checks.finish()

    def set_up(self) -> None:
        self.database.run("CREATE EXTENSION pg_cmms")
        for statement in TABLES:
            self.database.run(statement)
        for provider in self.everywhere:
            for statement in provider.statements():
                self.database.run(statement)
        for name in TICKETS:
            for statement in ticket_trigger(name):
                self.database.run(statement)

    def storm(self) -> None:
        seed, seconds, orders = self.wanted.seed, self.wanted.seconds, Orders()
        self.observer = Observer(self.healthy, self.stop)
        pace = max(1.0, seconds / 300)  # a long run has its load spread, or its tables would only slow the simulators
        self.applications = [Application(number, seed, self.providers, orders, self.stop, pace) for number in range(1, APPLICATIONS + 1)]
        self.users, self.gateway = Users(seed, self.providers, self.stop), Gateway(self.providers, threading.Event())
        self.calm_began = time.time()
        self.observer.start()
        self.wait_for("the orders before the storm", lambda: len(self.observer.committed_at) >= CALM_ORDERS)
        self.began = time.time()
        for thread in (*self.applications, self.users, self.gateway):
            thread.start()
        schedule = make_schedule(seed, seconds, {provider.name: possible(provider) for provider in self.struck})
        self.disasters = Disasters(schedule, self.server, self.struck)
        self.disasters.start()
        self.disasters.join()
        self.stop.wait(max(0.0, self.began + seconds - time.time()))  # the applications go on until then
        self.ended = time.time()
        self.stop.set()
        for thread in (*self.applications, self.users, self.observer):
            thread.join()

    def drain(self) -> None:
        """The providers are well again; whoever runs the database sends once more what was given up, and everything must come to rest."""
        for provider in self.everywhere:
            self.when_back(provider, "DELETE", "faults")
            again = self.database.value(f"SELECT cmms.retry_all({quoted(provider.name)})")
            report.note(f"{provider.name}: {again} orders sent again by hand (cmms.retry_all)")
        started = time.monotonic()
        self.poll()
        self.wait_while_less_and_less_waits()
        # What the gateway still has, and what the providers' own users did last.
        silent = self.gateway.silent_rounds
        self.wait_for("the gateway", lambda: self.gateway.silent_rounds >= silent + 2)  # the second began after all that was sent
        self.database.run("SELECT cmms.request_reread('sap_pm')")
        self.poll()
        left = self.database.run("SELECT to_json(q) FROM cmms.outbox q WHERE next_attempt_at < 'infinity' LIMIT 20")
        self.checks.check(not left, f"everything has been sent {time.monotonic() - started:.0f} s after the storm", left)

    @staticmethod
    def wait_for(what: str, condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + 60
        while not condition():
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"gave up waiting for {what}")
            time.sleep(0.05)

    def wait_while_less_and_less_waits(self) -> None:
        least, since = sys.maxsize, time.monotonic()
        while least > 0 and time.monotonic() < since + self.wanted.patience:
            waiting = int(self.database.value("SELECT count(*) FROM cmms.outbox WHERE next_attempt_at < 'infinity'"))
            if waiting < least:
                least, since = waiting, time.monotonic()
            time.sleep(0.2)

    def poll(self) -> None:
        self.database.run("SELECT cmms.poll_now()")
        self.database.run("SELECT cmms.wait_until_idle('30 s')")

    @staticmethod
    def when_back(provider: Provider, method: str, path: str) -> None:
        give_up_at = time.monotonic() + 30
        while True:
            try:
                provider.simulator.control(method, path)
                return
            except ConnectionError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.1)

    # --- what came out ----------------------------------------------------------------------------------------------------------

    def sum_up(self, found: dict[str, Evidence]) -> None:
        rows = []
        for provider in self.everywhere:
            each, counted = found[provider.name], count(judge(found[provider.name]))
            updates = sum(write.kind == "update" for write in each.writes)
            requests = provider.simulator.control("GET", "summary")["requests"]
            rows.append([provider.name, len(each.committed), updates, requests, *(counted[kind] for kind in KINDS)])
        report.note("")
        report.table(["provider", "orders", "updates", "requests", *KINDS], rows)
        report.table(["disaster", "times"], [[kind, times] for kind, times in sorted(self.disasters.counts.items())])
        for application in self.applications:
            report.counts(application.name, application.counts + application.problems)
        report.counts("users", self.users.counts)
        report.counts("webhooks", self.gateway.counts)
        for failure in self.database.run("SELECT DISTINCT detail FROM cmms.webhook_event WHERE outcome = 'failed'"):
            report.note(f"a webhook was kept and not applied at first: {failure}")

    def judge(self, provider: Provider, found: Evidence) -> None:
        findings = judge(found)
        for kind in KINDS:
            offending = [finding for finding in findings if finding.kind == kind]
            what = f"{provider.name}: nothing is {'made up' if kind == 'phantom' else kind}"
            histories = [line for finding in offending[:SHOWN] for line in self.history(provider, finding)]
            self.checks.check(not offending, what, [finding.text for finding in offending[:50]], histories)

    def history(self, provider: Provider, finding: Finding) -> list[str]:
        lines = evidence.history(provider, self.database, finding.order, finding.record)
        return ["", finding.text, *(f"    {line}" for line in lines)]

    def judge_the_rest(self) -> None:
        acknowledged = {marker for application in self.applications for marker in application.acknowledged}
        known = set(self.database.run("SELECT DISTINCT marker FROM app.journal"))
        missing = sorted(acknowledged - known)
        self.checks.check(not missing, f"all of {len(acknowledged):,} commits that the server acknowledged are in the database", missing[:20])
        calm = self.observer.latencies(self.calm_began, self.began, [])
        stormy = self.observer.latencies(self.began, self.ended, self.disasters.outages)
        report.note(f"healthy provider, commit to request, before the storm: {report.latency(calm)}")
        report.note(f"healthy provider, commit to request, in the storm while the server was up: {report.latency(stormy)}")
        is_undisturbed = bool(stormy) and report.percentile(stormy, 0.95) < UNDISTURBED
        self.checks.check(is_undisturbed, f"the healthy provider's orders leave within {UNDISTURBED:.0f} s beside the others (95 of 100)")

    def check_the_judge(self, found: dict[str, Evidence]) -> None:
        for provider in self.providers:
            for what, is_missed in undetected(found[provider.name]).items():
                if is_missed is None:
                    report.note(f"{provider.name} has nothing to show {what} with")
                else:
                    self.checks.check(not is_missed, f"{provider.name}: {what} would have been noticed")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-directory", required=True)
    parser.add_argument("--data-directory", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--patience", type=float, default=60, help="seconds without progress after which what waits is given up")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--provider", action="append", choices=["clickmaint", "sap_pm", "mobility_work"])
    return parser.parse_args()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    suite = Suite(parse_arguments())
    try:
        return suite.run()
    finally:
        for provider in suite.everywhere:
            if hasattr(provider, "simulator"):
                provider.simulator.stop()


if __name__ == "__main__":
    sys.exit(main())
