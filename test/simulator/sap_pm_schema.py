"""The entity types of API_MAINTENANCEORDER (version 1 and 2) and API_MAINTNOTIFICATION, after the services' own metadata.

One line per property: name, type with its greatest length, then flags: read (neither creatable nor updatable), create (not updatable),
nofilter, nosort; v2 (not in version 1), v1(18) (another length there), v1create, v1read (other rights there).

Left out: most of an operation's and a notification's less used properties, and the sets below operations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ORDER = """
MaintenanceOrder String(12) create
MaintOrderRoutingNumber String(10)
MaintenanceOrderType String(4) create
MaintenanceOrderDesc String(40)
MaintOrdBasicStartDateTime DateTimeOffset
MaintOrdBasicEndDateTime DateTimeOffset
MaintOrdBasicStartDate DateTime read
MaintOrdBasicStartTime Time read
MaintOrdBasicEndDate DateTime read
MaintOrdBasicEndTime Time read
MaintOrdSchedldBscStrtDateTime DateTimeOffset read
MaintOrdSchedldBscEndDateTime DateTimeOffset read
ScheduledBasicStartDate DateTime read
ScheduledBasicStartTime Time read
ScheduledBasicEndDate DateTime read
ScheduledBasicEndTime Time read
MaintOrderReferenceDateTime DateTimeOffset read
MaintOrderReferenceDate DateTime read
MaintOrderReferenceTime Time read
MainWorkCompletedDateTime DateTimeOffset read v2
MaintenanceNotification String(12)
OrdIsNotSchedldAutomatically String(1)
ControllingArea String(4) read
MainWorkCenterInternalID String(8)
MainWorkCenterTypeCode String(2) read
MainWorkCenter String(8)
MainWorkCenterPlant String(4)
WorkCenterInternalID String(8)
WorkCenterTypeCode String(2) read
WorkCenter String(8)
MaintenancePlanningPlant String(4) create
MaintenancePlant String(4) v1create
Assembly String(40) v1(18)
MaintOrdProcessPhaseCode String(2) read
MaintOrdProcessSubPhaseCode String(4) read
BusinessArea String(4)
CompanyCode String(4) read
CostCenter String(10)
CostingSheet String(6)
ReferenceElement String(40)
FunctionalArea String(16)
AdditionalDeviceData String(40)
Equipment String(18)
EquipmentName String(40) read
FunctionalLocation String(30)
MaintenanceOrderPlanningCode String(1)
MaintenancePlannerGroup String(3)
MaintenanceActivityType String(3)
MaintPriority String(1)
MaintPriorityType String(2) read
OrderProcessingGroup String(2) read
ProfitCenter String(10)
ResponsibleCostCenter String(10)
Currency String(5) read v2
MaintenanceRevision String(8)
SerialNumber String(18)
Product String(40) v1(18)
SuperiorProjectNetwork String(12) read
OperationSystemCondition String(1)
WBSElement String(24)
WBSElementInternalID String(8)
ProjectInternalID String(8) v2
ControllingObjectClass String(2)
MaintenanceOrderInternalID String(22) read
MaintenanceObjectList Int64 read
MaintObjectLocAcctAssgmtNmbr String(12) read
AssetLocation String(10)
AssetRoom String(8)
PlantSection String(3)
ABCIndicator String(1)
MaintObjectFreeDefinedAttrib String(30)
BasicSchedulingType String(1)
LatestAcceptableCompletionDate DateTime
MaintOrdPersonResponsible String(12)
LastChangeByUser String(12) read v2
LastChangeDateTime DateTimeOffset read
CreatedByUser String(12) read
MaintOrderCreationDateTime DateTimeOffset read v2
OrderHasLongText Boolean read v2
MaintenanceOrderOverheadCode String(6) v2
PlannedCostsCostingVariant String(4) read v2
ActualCostsCostingVariant String(4) read v2
MaintenancePlan String(12) read v2
MaintenanceCall Int32 read v2
MaintenanceItem String(16) read v2
LeadingOrder String(12) read v2
TaskListType String(1) read v2
TaskListGroup String(8) read v2
TaskListGroupCounter String(2) read v2
LocAcctAssgmtWBSElement String(24)
LocAcctAssgmtWBSElmntIntID String(8)
ControllingSettlementProfile String(6)
LocAcctAssgmtBusinessArea String(4)
LocAcctAssgmtControllingArea String(4) read v2
LocAcctAssgmtCompanyCode String(4) v2
MaintOrderProcessingContext String(2) create
SystemStatusText String(40) read nofilter nosort
UserStatusText String(40) read nofilter nosort
TechnicalObject String(40) read nosort
TechnicalObjectLabel String(40) read nosort
TechObjIsEquipOrFuncnlLoc String(20) read nosort
"""

_OPERATION = """
MaintenanceOrder String(12) read
MaintenanceOrderOperation String(4) create
MaintenanceOrderSubOperation String(4) create
OperationControlKey String(4)
WorkCenter String(8)
Plant String(4)
OperationStandardTextCode String(7)
OperationDescription String(40)
Language String(2) read
OperationSupplier String(10)
OpExternalProcessingPrice Decimal
OpExternalProcessingCurrency String(5)
CostElement String(10)
PurchasingOrganization String(4)
PurchasingGroup String(3)
MaterialGroup String(9)
NumberOfCapacities Byte
OperationWorkPercent Byte
OperationCalculationControl String(1)
ActivityType String(6)
OperationSystemCondition String(1)
OperationPersonResponsible String(8)
DeliveryTimeInDays Decimal
MaintOrderOperationDuration Decimal
MaintOrdOperationDurationUnit String(3)
OpErlstSchedldExecStrtDteTme DateTimeOffset read v2
OpErlstSchedldExecEndDteTme DateTimeOffset read v2
MaintOrdOperationWorkDuration Decimal
MaintOrdOpWorkDurationUnit String(3)
MaintOrdOpConstraintStrtDteTme DateTimeOffset
Equipment String(18)
FunctionalLocation String(30)
MaintenanceActivityType String(3)
BusinessArea String(4)
ProfitCenter String(10)
MaintOrderOperationQuantity Decimal
MaintOrdOperationQuantityUnit String(3)
Assembly String(40) v1(18)
WBSElement String(24)
IsMarkedForDeletion Boolean read
PurchaseRequisition String(10) read
ForecastWorkQuantity Decimal v1read
ActualWorkQuantity Decimal read
MaintOrderConfirmation String(10) read v2
MaintOrdOpHasNoRemainingWork Boolean read v2
SystemStatusText String(40) read nofilter nosort
UserStatusText String(40) read nofilter nosort
"""

_LONG_TEXT = """
MaintenanceOrder String(12) read
TextObjectType String(4) create
Language String(2) create
MaintenanceOrderLongText String nosort
"""

_NOTIFICATION = """
MaintenanceNotification String(12) read
NotificationText String(40)
MaintPriority String(1)
NotificationType String(2) create
NotifProcessingPhase String(1) read
NotifProcessingPhaseDesc String(60) read
CreationDate DateTime read
CreationTime Time read
LastChangeDate DateTime read
LastChangeTime Time read
LastChangeDateTime DateTimeOffset read
ReportedByUser String(12)
PersonResponsible String(12)
MalfunctionEffect String(1)
MalfunctionStartDate DateTime
MalfunctionStartTime Time
MalfunctionEndDate DateTime
MalfunctionEndTime Time
MaintNotificationCode String(4)
MaintNotificationCodeGroup String(8)
NotificationCreationDate DateTime
NotificationCreationTime Time
NotificationTimeZone String(6) read
RequiredStartDate DateTime
RequiredStartTime Time
RequiredEndDate DateTime
RequiredEndTime Time
LatestAcceptableCompletionDate DateTime
MaintenanceObjectIsDown Boolean
MaintNotificationLongText String read
MaintNotifLongTextForEdit String(1333)
TechnicalObject String(40)
TechObjIsEquipOrFuncnlLoc String(20)
MaintenancePlanningPlant String(4)
MaintenancePlannerGroup String(3)
PlantSection String(3)
FunctionalLocation String(30) read
AssetLocation String(10)
CompanyCode String(4) read
MainWorkCenterPlant String(4)
MainWorkCenter String(8)
MaintenancePlant String(4)
LocationDescription String(50)
PersonResponsibleName String(35) read nofilter nosort
MaintenanceOrder String(12)
MaintenanceOrderType String(4) read
ConcatenatedActiveSystStsName String(224) read nofilter nosort
MaintenanceActivityType String(3)
MaintObjDowntimeDurationUnit String(3)
MaintObjectDowntimeDuration Double
NotificationReferenceDate DateTime
NotificationReferenceTime Time
NotificationCompletionDate DateTime read
CompletionTime Time read
AssetRoom String(8)
MaintNotifExtReferenceNumber String(20)
MaintNotifDetectionCode String(4)
MaintNotifDetectionCodeGroup String(8)
"""


@dataclass(frozen=True)
class Property:
    name: str
    edm_type: str  # such as Edm.String
    max_length: int | None
    rights: str  # write | create | read
    filterable: bool
    sortable: bool


@dataclass(frozen=True)
class EntityType:
    name: str  # with its namespace
    set_name: str
    keys: tuple[str, ...]
    properties: dict[str, Property]
    navigation: dict[str, str | None]  # navigation property -> entity set; None: always empty here


@dataclass(frozen=True)
class Function:
    """A function import, called with POST and its parameters in the query string."""

    name: str
    entity_set: str
    parameters: dict[str, str]  # name -> type; the keys of the entity first
    returns_entity: bool = False


@dataclass(frozen=True)
class Service:
    name: str
    version: int
    namespace: str
    has_etags: bool
    sets: dict[str, EntityType]
    functions: dict[str, Function] = field(default_factory=dict)


_LINE = re.compile(r"(?P<name>\w+) (?P<type>\w+)(?:\((?P<length>\d+)\))?(?P<flags>.*)")


def _properties(table: str, version: int) -> dict[str, Property]:
    found = {}
    for line in table.strip().splitlines():
        parsed = _LINE.fullmatch(line)
        flags = parsed["flags"].split()
        if "v2" in flags and version == 1:
            continue
        length = int(parsed["length"]) if parsed["length"] else None
        rights = next((flag for flag in flags if flag in ("read", "create")), "write")
        for flag in flags if version == 1 else []:
            if flag.startswith("v1("):
                length = int(flag[3:-1])
            elif flag in ("v1create", "v1read"):
                rights = flag[2:]
        name = parsed["name"]
        found[name] = Property(name, f"Edm.{parsed['type']}", length, rights, "nofilter" not in flags, "nosort" not in flags)
    return found


_ORDER_NAVIGATION = {
    "to_MaintenanceOrderOperation": "MaintenanceOrderOperation",
    "to_MaintenanceOrderLongText": "MaintenanceOrderLongText",
    "to_MaintenanceOrderPartner": None,
    "to_MaintenanceOrderPhaseControl": None,
    "to_MaintOrderObjectListItem": None,
}

# function import -> its own parameters besides the order's number, those of version 2 only
_ORDER_FUNCTIONS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "ReleaseMaintenanceOrder": ({}, {}),
    "SetMaintOrdToTechCompleted": (
        {"MaintOrderReferenceDateTime": "Edm.DateTimeOffset", "AssignedMaintNotifIsToBeClosed": "Edm.Boolean"},
        {"MainWrkCmpltdDateTimeIsUsed": "Edm.Boolean"},
    ),
    "ResetMaintOrdStsTechCompleted": ({"AssgdMaintNotifIsToBePutInProc": "Edm.Boolean"}, {}),
    "SetMaintOrderStatusToClosed": (
        {"MaintOrderReferenceDateTime": "Edm.DateTimeOffset", "AssignedMaintNotifIsToBeClosed": "Edm.Boolean"},
        {},
    ),
    "ResetMaintOrderStatusClosed": ({}, {}),
    "SetMaintOrdStsToMrkdForDeltn": ({"AssgdMaintNotifIsToBeSetDel": "Edm.Boolean"}, {}),
    "ResetMaintOrdStsMrkdForDeltn": ({"AssgdMaintNotifIsToBeResetDel": "Edm.Boolean"}, {}),
    "SetMaintOrderToDoNotExecute": (
        {
            "MaintOrderReferenceDateTime": "Edm.DateTimeOffset",
            "AssignedMaintNotifIsToBeClosed": "Edm.Boolean",
            "AssgdMaintNotifIsToBeRsetAlloc": "Edm.Boolean",
        },
        {"MaintOrdCancellationAction": "Edm.String"},
    ),
    "SetMaintOrdToMainWorkComplete": (
        {},
        {"MainWorkCompletedDateTime": "Edm.DateTimeOffset", "MainWrkCmpltdDateTimeIsUsed": "Edm.Boolean"},
    ),
    "ResetMaintOrdStsMainWorkCmplt": ({}, {}),
    "SetMaintOrderStatusToLocked": ({}, {}),
    "SetMaintOrderStatusToUnlocked": ({}, {}),
    "AssignMaintNotificationToOrder": (
        {"MaintenanceNotification": "Edm.String"},
        {"NotificationIsHeaderNotif": "Edm.Boolean"},
    ),
}


def order_service(version: int) -> Service:
    namespace = "cds_api_maintenanceorder" + ("_2" if version == 2 else "")
    rules = "to_MaintOrderSettlmtDistrRule" + ("_2" if version == 2 else "")
    order = ("MaintenanceOrderType", "MaintenanceOrder", ("MaintenanceOrder",), _ORDER, {**_ORDER_NAVIGATION, rules: None})
    operation_keys = ("MaintenanceOrder", "MaintenanceOrderOperation", "MaintenanceOrderSubOperation")
    operation = ("MaintenanceOrderOperationType", "MaintenanceOrderOperation", operation_keys, _OPERATION, {})
    text_keys = ("MaintenanceOrder", "TextObjectType", "Language")
    long_text = ("MaintenanceOrderLongText_Type", "MaintenanceOrderLongText", text_keys, _LONG_TEXT, {})
    sets = {
        set_name: EntityType(f"{namespace}.{name}", set_name, keys, _properties(table, version), navigation)
        for name, set_name, keys, table, navigation in (order, operation, long_text)
    }
    functions = {
        name: Function(name, "MaintenanceOrder", {"MaintenanceOrder": "Edm.String", **both, **(second if version == 2 else {})})
        for name, (both, second) in _ORDER_FUNCTIONS.items()
    }
    return Service("API_MAINTENANCEORDER", version, namespace, version == 2, sets, functions)


def notification_service() -> Service:
    namespace, set_name = "cds_api_maintnotification", "MaintenanceNotification"
    navigation = {"to_Item": None, "to_Partner": None}
    notification = EntityType(f"{namespace}.{set_name}Type", set_name, (set_name,), _properties(_NOTIFICATION, 1), navigation)
    key = {set_name: "Edm.String"}
    completion = {"NotificationReferenceDate": "Edm.DateTime", "NotificationReferenceTime": "Edm.Time"}
    functions = (
        Function("SetMaintNotifToInProcess", set_name, key, True),
        Function("CompleteMaintNotification", set_name, {**key, **completion}, True),
    )
    named = {function.name: function for function in functions}
    return Service("API_MAINTNOTIFICATION", 1, namespace, False, {set_name: notification}, named)
