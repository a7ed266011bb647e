// A provider whose events carry several records, in three generations of shapes, without ids: the webhooks of
// Mobility Work's documentation, as a descriptor of the tests.
#pragma once

#include <memory>
#include <string>

#include "provider_fixture.hpp"

namespace cmms::test {

inline const std::string mobility_descriptor = R"json({
  "type": "mobility",
  "name": "Mobility Work, as far as its webhooks go",
  "resources": {
    "work_order": {
      "id": ["$.taskId", "$.id"],
      "fields": {"inbound": [
        {"target": "reference", "source": "$.metadata.cmms"},
        {"target": "title", "source": "$.description"},
        {"target": "asset_ref", "source": "$.associatedTo.id", "transform": "string"},
        {"target": "completed_at", "source": "$.doneAt", "transform": "timestamp"},
        {"target": "started_at", "source": "$.started.on", "transform": "timestamp"}
      ]}
    },
    "asset": {
      "id": ["$.equipmentId", "$.id"],
      "fields": {"inbound": [
        {"target": "identifier", "source": "$.itemCode"},
        {"target": "name", "source": "$.name"}
      ]}
    },
    "part": {
      "id": ["$.sparePartId"],
      "fields": {"inbound": [
        {"target": "identifier", "source": "$.articleCode"},
        {"target": "name", "source": "$.name"},
        {"target": "stock_quantity", "source": "$.stock", "transform": "number"}
      ]}
    },
    "part_transaction": {
      "id": ["$.movementId"],
      "fields": {"inbound": [
        {"target": "part_ref", "source": "$.sparePart.sparePartId"},
        {"target": "quantity", "source": ["$.consumed.quantity", "$.restocked.quantity", "$.recounted.quantity"], "transform": "number"},
        {"target": "previous_stock", "source": ["$.consumed.previousStock", "$.restocked.previousStock", "$.recounted.previousStock"], "transform": "number"},
        {"target": "stock", "source": ["$.sparePart.stock", "$.stock.value"], "transform": "number"},
        {"target": "threshold", "source": "$.stock.threshold", "transform": "number"},
        {"target": "work_order_ref", "source": "$.task.taskId"},
        {"target": "occurred_at", "source": ["$.emittedAt", "$._date"], "transform": "timestamp"}
      ]}
    },
    "comment": {
      "id": ["$.activity.activityId"],
      "fields": {"inbound": [
        {"target": "work_order_ref", "source": "$.task.taskId"},
        {"target": "body", "source": "$.activity.description"},
        {"target": "author", "source": "$.activity.reporter.lastName"},
        {"target": "time_spent_minutes", "source": "$.activity.timeSpentInMinutes", "transform": "number"},
        {"target": "completed_at", "source": "$.activity.completedAt", "transform": "timestamp"}
      ]}
    }
  },
  "webhook": {
    "event": ["$._event"],
    "records": ["$.task", "$"],
    "occurred_at": ["$.doneAt", "$.scheduled.on", "$.started.on", "$.canceled.on", "$._date", "$.emittedAt", "$._sentAt"],
    "deduplicate": ["event", "record_id", "occurred_at", "body"],
    "events": {
      "TaskWasScheduled": {"common_status": "assigned"},
      "TaskWasStarted": {"common_status": "in_progress"},
      "TaskWasCanceled": {"common_status": "cancelled"},
      "TaskWasCompleted": {"common_status": "completed"},
      "ActivityWasAddedOnTask": [
        {"resource": "work_order", "record": "$.task"},
        {"resource": "asset", "record": "$.equipment", "optional": true},
        {"resource": "comment", "record": "$"}
      ],
      "SparePartWasConsumed": [
        {"resource": "part", "record": "$.sparePart"},
        {"resource": "part_transaction", "record": "$", "id_is_delivery": true, "fields": {"kind": "consumed"}}
      ],
      "SparePartWasRestocked": [
        {"resource": "part", "record": "$.sparePart"},
        {"resource": "part_transaction", "record": "$", "id_is_delivery": true, "fields": {"kind": "restocked"}}
      ],
      "SparePartWasManuallyRecounted": [
        {"resource": "part", "record": "$.sparePart"},
        {"resource": "part_transaction", "record": "$", "id_is_delivery": true, "fields": {"kind": "recounted"}}
      ],
      "SparePartWasOutOfStock": [
        {"resource": "part", "record": "$.sparePart", "fields": {"stock_quantity": 0}},
        {"resource": "part_transaction", "record": "$", "id_is_delivery": true, "fields": {"kind": "out_of_stock"}}
      ],
      "SparePartStockWasUnderMinThreshold": [
        {"resource": "part", "record": "$.sparePart"},
        {"resource": "part_transaction", "record": "$", "id_is_delivery": true, "fields": {"kind": "under_minimum"}}
      ]
    }
  }
})json";

inline std::shared_ptr<const provider::Connection> mobility_connection() {
  Result<provider::Descriptor> descriptor = provider::parse_descriptor(mobility_descriptor);
  if (!descriptor) {
    ADD_FAILURE() << descriptor.error().message;
    return nullptr;
  }
  provider::ConnectionInput input;
  input.provider_id = "mobility";
  input.tenant_id = "default";
  input.descriptor = std::make_shared<const provider::Descriptor>(std::move(descriptor).value());
  input.options = {{"base_url", "https://mobility.test"}};
  return connect(std::move(input));
}

}  // namespace cmms::test
