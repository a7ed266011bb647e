"""How SAP Gateway writes its answers: OData V2 JSON, Atom for clients that did not ask for JSON, and error documents in both."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from core.http import Response
from sap_pm_odata import ODataError, Shape, format_duration, to_json
from sap_pm_schema import EntityType, Function, Service
from sap_pm_store import ENTITIES, Order, Record

DATA_SERVICE_VERSION = ("dataserviceversion", "2.0")
_METADATA = 'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
_ATOM = f'xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" {_METADATA}'
_EDM = 'xmlns="http://schemas.microsoft.com/ado/2008/09/edm" xmlns:sap="http://www.sap.com/Protocols/SAPData"'


class Writer:
    """Writes records of one service; `root` is its absolute address."""

    def __init__(self, service: Service, root: str, is_json: bool) -> None:
        self._service = service
        self.root = root
        self._is_json = is_json

    def uri(self, record: Record) -> str:
        names = ENTITIES[record.set_name].keys
        literals = ["'" + quote(value.replace("'", "''"), safe="'") + "'" for value in record.key]
        key = literals[0] if len(names) == 1 else ",".join(f"{name}={literal}" for name, literal in zip(names, literals))
        return f"{self.root}/{record.set_name}({key})"

    def document(self, record: Record, shape: Shape) -> dict:
        uri = self.uri(record)
        metadata = {"id": uri, "uri": uri, "type": self._service.sets[record.set_name].name}
        if self._service.has_etags:
            metadata["etag"] = record.etag
        document: dict = {"__metadata": metadata}
        values = record.values
        for wanted in shape.properties:
            document[wanted.name] = to_json(wanted.edm_type, values[wanted.name])
        for name, set_name in shape.navigation.items():
            inner = shape.expanded.get(name)
            if name not in shape.expanded:
                document[name] = {"__deferred": {"uri": f"{uri}/{name}"}}
            elif inner and isinstance(record, Order):
                document[name] = {"results": [self.document(child, inner) for child in record.children[set_name]]}
            else:
                document[name] = {"results": []}
        return document

    def entity(self, status: int, record: Record, shape: Shape, headers: list[tuple[str, str]] | None = None) -> Response:
        headers = [DATA_SERVICE_VERSION, *(headers or [])]
        if self._service.has_etags:
            headers.append(("etag", record.etag))
        if self._is_json:
            return Response.of_json(status, {"d": self.document(record, shape)}, headers)
        return _xml(status, "entry", self._entry(record, shape, f" {_ATOM}"), headers)

    def collection(self, records: list[Record], shape: Shape, count: int | None, next_uri: str | None) -> Response:
        if self._is_json:
            answer: dict = {} if count is None else {"__count": str(count)}
            answer["results"] = [self.document(record, shape) for record in records]
            if next_uri:
                answer["__next"] = next_uri
            return Response.of_json(200, {"d": answer}, [DATA_SERVICE_VERSION])
        parts = [f"<feed {_ATOM}>"]
        parts += [f"<m:count>{count}</m:count>"] if count is not None else []
        parts += [self._entry(record, shape) for record in records]
        parts += [f'<link rel="next" href={quoteattr(next_uri)}/>'] if next_uri else []
        return _xml(200, "feed", "".join([*parts, "</feed>"]), [DATA_SERVICE_VERSION])

    def function_result(self, name: str) -> Response:
        if not self._is_json:
            return _xml(200, "", f"<d:{name} {_ATOM}><d:IsInvalid>false</d:IsInvalid></d:{name}>", [DATA_SERVICE_VERSION])
        result = {"__metadata": {"type": f"{self._service.namespace}.DummyFunctionImportResult"}, "IsInvalid": False}
        return Response.of_json(200, {"d": {name: result}}, [DATA_SERVICE_VERSION])

    def service_document(self) -> Response:
        names = list(self._service.sets)
        if self._is_json:
            return Response.of_json(200, {"d": {"EntitySets": names}}, [DATA_SERVICE_VERSION])
        collections = "".join(f"<collection href={quoteattr(name)}/>" for name in names)
        body = f'<service xmlns="http://www.w3.org/2007/app"><workspace>{collections}</workspace></service>'
        return _xml(200, "", body, [DATA_SERVICE_VERSION], "application/atomsvc+xml")

    def metadata(self) -> Response:
        service = self._service
        types = "".join(_entity_type(entity, service) for entity in service.sets.values())
        sets = "".join(f'<EntitySet Name="{name}" EntityType="{entity.name}"/>' for name, entity in service.sets.items())
        imports = "".join(_function_import(function) for function in service.functions.values())
        container = f'<EntityContainer Name="{service.namespace}_Entities">{sets}{imports}</EntityContainer>'
        schema = f'<Schema Namespace="{service.namespace}" {_EDM}>{types}{container}</Schema>'
        services = f'<edmx:DataServices m:DataServiceVersion="2.0">{schema}</edmx:DataServices>'
        edmx = 'xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"'
        return _xml(200, "", f'<edmx:Edmx Version="1.0" {edmx} {_METADATA}>{services}</edmx:Edmx>', [DATA_SERVICE_VERSION])

    def _entry(self, record: Record, shape: Shape, namespaces: str = "") -> str:
        uri, properties = escape(self.uri(record)), []
        for wanted in shape.properties:
            text = _xml_value(record.values[wanted.name])
            properties.append(f'<d:{wanted.name} m:null="true"/>' if text is None else f"<d:{wanted.name}>{escape(text)}</d:{wanted.name}>")
        etag = f" m:etag={quoteattr(record.etag)}" if self._service.has_etags else ""
        content = f'<content type="application/xml"><m:properties>{"".join(properties)}</m:properties></content>'
        return f"<entry{namespaces}{etag}><id>{uri}</id>{content}</entry>"


def _entity_type(entity: EntityType, service: Service) -> str:
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in entity.keys)
    properties = []
    for wanted in entity.properties.values():
        length = f' MaxLength="{wanted.max_length}"' if wanted.max_length else ""
        flags = "" if wanted.rights == "write" else ' sap:updatable="false"'
        flags += ' sap:creatable="false"' if wanted.rights == "read" else ""
        flags += "" if wanted.sortable else ' sap:sortable="false"'
        flags += "" if wanted.filterable else ' sap:filterable="false"'
        properties.append(f'<Property Name="{wanted.name}" Type="{wanted.edm_type}"{length}{flags}/>')
    name = entity.name.removeprefix(f"{service.namespace}.")
    return f'<EntityType Name="{name}"><Key>{keys}</Key>{"".join(properties)}</EntityType>'


def _function_import(function: Function) -> str:
    parameters = "".join(f'<Parameter Name="{name}" Type="{edm_type}" Mode="In"/>' for name, edm_type in function.parameters.items())
    return f'<FunctionImport Name="{function.name}" m:HttpMethod="POST">{parameters}</FunctionImport>'


def _xml_value(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ" if value.tzinfo else "%Y-%m-%dT%H:%M:%S")
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _xml(status: int, kind: str, body: str, headers: list[tuple[str, str]], media_type: str = "") -> Response:
    media_type = media_type or (f"application/atom+xml;type={kind}" if kind else "application/xml")
    text = f'<?xml version="1.0" encoding="utf-8"?>{body}'
    return Response(status, text.encode(), [("content-type", f"{media_type};charset=utf-8"), *headers])


def error_response(problem: ODataError, service: Service | None, is_json: bool) -> Response:
    transaction = uuid.uuid4().hex.upper()
    if not is_json:
        code, text = escape(problem.code), escape(str(problem))
        inner = f"<innererror><transactionid>{transaction}</transactionid></innererror>"
        namespace = 'xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
        body = f'<error {namespace}><code>{code}</code><message xml:lang="en">{text}</message>{inner}</error>'
        return _xml(problem.status, "", body, [DATA_SERVICE_VERSION])
    application = {
        "component_id": "PM-WOC-MO",
        "service_namespace": "/SAP/",
        "service_id": service.name if service else "",
        "service_version": f"{service.version if service else 1:04}",
    }
    details = [
        {"code": code, "message": text, "longtext_url": "", "propertyref": target, "severity": "error", "target": target}
        for code, text, target in problem.details
    ]
    inner_error = {
        "application": application,
        "transactionid": transaction,
        "timestamp": datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S.%f0"),
        "Error_Resolution": {"SAP_Transaction": "For backend administrators: use ADT feed reader", "SAP_Note": "See SAP Note 1797736"},
        "errordetails": details,
    }
    message = {"lang": "en", "value": str(problem)}
    document = {"error": {"code": problem.code, "message": message, "innererror": inner_error}}
    return Response.of_json(problem.status, document, [DATA_SERVICE_VERSION])
