"""What SAP PM allows: bodies of creates and updates, the status of orders and notifications, and the events that follow.

[I] marks what was inferred where public documents are silent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sap_pm_odata import INITIAL, ODataError, from_json
from sap_pm_schema import EntityType

# --- bodies -------------------------------------------------------------------------------------------------------------------------


def split_body(body: dict, entity: EntityType, creating: bool) -> tuple[dict, dict[str, list[dict]]]:
    """(plain members, rows by navigation property) of a request's body; rows come as an array or as {"results": [..]}."""
    plain, nested = {}, {}
    for name, value in body.items():
        if name not in entity.navigation:
            if name != "__metadata":
                plain[name] = value
            continue
        if isinstance(value, dict) and "__deferred" in value:
            continue  # a document that was read before and is sent back
        rows = value.get("results") if isinstance(value, dict) else value
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ODataError(400, f"Property {name} has an invalid value", "/IWBEP/CM_MGW_RT/014", name)
        if rows and not creating:
            raise ODataError(400, f"{name}: a deep update is not supported", "/IWBEP/CM_MGW_RT/022", name)
        if rows and entity.navigation[name] is None:
            raise ODataError(501, f"{name} is not simulated", target=name)
        nested[name] = rows
    return plain, nested


def validate(body: dict, entity: EntityType, creating: bool, current: dict | None = None) -> dict:
    """The values to store. What is read-only is checked and then dropped without a word, as SAP does. Raises ODataError 400."""
    values: dict = {}
    details = []
    for name, value in body.items():
        wanted = entity.properties.get(name)
        if wanted is None:
            raise ODataError(400, f"Property {name} is invalid", "/IWBEP/CM_MGW_RT/004", name)
        try:
            stored = from_json(wanted, value)
        except ValueError as problem:
            details.append(("ASSERT_DATA_TYPE", f"Property {name} {problem}", name))
            continue
        if wanted.rights == "create" and not creating:
            if stored != (current or {}).get(name):
                details.append(("/IWBEP/CM_MGW_RT/019", f"Property {name} cannot be changed", name))
        elif wanted.rights != "read":
            values[name] = stored
    if details:
        raise ODataError(400, details[0][1], details[0][0], details=details)
    return values


def require(values: dict, names: list[str]) -> None:
    missing = [("IWO_BAPI2/111", f"Enter a value for {name}", name) for name in names if values.get(name) in (None, "")]
    if missing:
        raise ODataError(400, missing[0][1], missing[0][0], details=missing)


def initial_values(entity: EntityType) -> dict:
    return {name: INITIAL[wanted.edm_type] for name, wanted in entity.properties.items()}


# --- status of an order -------------------------------------------------------------------------------------------------------------

EVENT_PREFIX = "sap.s4.beh.maintenanceorder.v1.MaintenanceOrder."
BASES = ("CRTD", "REL", "TECO", "CLSD")
PHASES = {"CRTD": "03", "REL": "06", "TECO": "08", "CLSD": "09"}  # [I]
# Do not execute, main work complete: the codes are [I].
NOT_EXECUTED, MAIN_WORK_COMPLETE = "NEXE", "MWCP"


@dataclass
class OrderStatus:
    base: str = "CRTD"
    confirmation: str = ""  # PCNF or CNF, from confirmations
    flags: set[str] = field(default_factory=set)  # DLFL, LKD, NEXE, MWCP

    def codes(self) -> list[str]:
        extra = ["MANC", "NMAT"] if self.base == "CRTD" else ["PRC", "SETC"]
        own = [self.base, *sorted(self.flags), self.confirmation]
        return [code for code in (*own, *extra) if code]

    def line(self) -> str:
        """SystemStatusText: codes padded to four characters, such as `REL  CNF  PRC  SETC`."""
        return " ".join(code.ljust(4) for code in self.codes()).rstrip()[:40]

    def dominant(self) -> str:
        for code in ("DLFL", "CLSD", "TECO"):
            if code in (self.base, *self.flags):
                return code
        return self.confirmation or self.base

    def set_to(self, code: str) -> None:
        """Anything goes: the provider's own users do this, not the API."""
        if code in BASES:
            self.base, self.confirmation, self.flags = code, "", set()
        elif code in ("PCNF", "CNF"):
            self.base, self.confirmation, self.flags = "REL", code, set()
        elif code == "DLFL":
            self.flags.add(code)
        else:
            raise ValueError(f"no status is called {code!r}")


@dataclass(frozen=True)
class Transition:
    """What a function import does to the status: `needs` and `refuses` are codes that must (not) be active."""

    bases: tuple[str, ...]
    base: str = ""
    adds: str = ""
    removes: str = ""
    needs: str = ""
    event: str = ""


TRANSITIONS = {
    "ReleaseMaintenanceOrder": Transition(("CRTD",), "REL", event="SetReadyForExec"),  # the event is [I]
    "SetMaintOrdToTechCompleted": Transition(("REL",), "TECO", event="SetToTechCompleted"),
    "ResetMaintOrdStsTechCompleted": Transition(("TECO",), "REL", removes=NOT_EXECUTED),
    "SetMaintOrderStatusToClosed": Transition(("TECO",), "CLSD", event="Closed"),
    "ResetMaintOrderStatusClosed": Transition(("CLSD",), "TECO"),
    # Which states allow the deletion flag and `do not execute` is [I].
    "SetMaintOrdStsToMrkdForDeltn": Transition(("CRTD", "TECO", "CLSD"), adds="DLFL", event="SetToDeletnFlagged"),
    "ResetMaintOrdStsMrkdForDeltn": Transition(BASES, removes="DLFL", needs="DLFL"),
    "SetMaintOrderToDoNotExecute": Transition(("CRTD", "REL"), "TECO", adds=NOT_EXECUTED, event="SetToWrkNotPerfrmd"),
    "SetMaintOrdToMainWorkComplete": Transition(("REL",), adds=MAIN_WORK_COMPLETE, event="SetToMainWorkCmplt"),
    "ResetMaintOrdStsMainWorkCmplt": Transition(("REL",), removes=MAIN_WORK_COMPLETE, needs=MAIN_WORK_COMPLETE),
    "SetMaintOrderStatusToLocked": Transition(BASES, adds="LKD"),
    "SetMaintOrderStatusToUnlocked": Transition(BASES, removes="LKD", needs="LKD"),
}
EVENT_OF_STATUS = {"REL": "SetReadyForExec", "TECO": "SetToTechCompleted", "CLSD": "Closed", "DLFL": "SetToDeletnFlagged"}


def _active(code: str, number: str) -> ODataError:
    return ODataError(400, f"System status {code} is active (ORD {number})", "BS/013")


def change_status(function: str, status: OrderStatus, number: str) -> str:
    """Carry out a function import on the status; the name of the event that follows, or ''. Raises ODataError 400."""
    transition = TRANSITIONS[function]
    for flag in ("DLFL", "LKD"):
        if flag in status.flags and transition.removes != flag:
            raise _active(flag, number)
    if status.base not in transition.bases:
        raise _active(status.base, number)
    if transition.needs and transition.needs not in status.flags:
        raise ODataError(400, f"System status {transition.needs} is not active (ORD {number})", "BS/012")
    if transition.adds in status.flags:
        raise _active(transition.adds, number)
    if transition.adds == NOT_EXECUTED and status.confirmation:
        raise _active(status.confirmation, number)
    status.base = transition.base or status.base
    status.flags.discard(transition.removes)
    if transition.adds:
        status.flags.add(transition.adds)
    return transition.event


def refuse_change(status: OrderStatus, number: str) -> None:
    """A closed order and one with the deletion flag cannot be changed."""
    for code in ("DLFL", "CLSD"):
        if code in (status.base, *status.flags):
            raise _active(code, number)


# --- status of a notification -------------------------------------------------------------------------------------------------------

NOTIFICATION_PHASES = {"OSNO": ("1", "Outstanding"), "NOPR": ("3", "In process"), "NOCO": ("4", "Completed"), "DLFL": ("5", "Deleted")}
# parameter of an order's function import -> what becomes of its notification
NOTIFICATION_TOO = {
    "AssignedMaintNotifIsToBeClosed": "NOCO",
    "AssgdMaintNotifIsToBePutInProc": "NOPR",
    "AssgdMaintNotifIsToBeSetDel": "DLFL",
}


def change_notification(function: str, status: str, number: str) -> str:
    before, after = {"SetMaintNotifToInProcess": ("OSNO", "NOPR"), "CompleteMaintNotification": ("NOPR", "NOCO")}[function]
    if status != before:
        raise ODataError(400, f"System status {status} is active (NOT {number})", "BS/013")
    return after
