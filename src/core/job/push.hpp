// Push: one work order's create, update or delete at its provider.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/job/job.hpp"
#include "core/json/jansson.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

enum class PushOperation : std::uint8_t { create, update, remove };

std::optional<PushOperation> parse_push_operation(std::string_view name);  // 'create', 'update', 'delete'
std::string_view push_operation_name(PushOperation operation);

struct PushInput {
  std::string resource = "work_order";
  PushOperation operation = PushOperation::create;
  std::shared_ptr<const json::Document> record;  // our row by column name; may be null for a delete
  std::vector<std::string> changed_fields;       // update: column names
  std::string source_record_id;                  // update, delete
  std::string reference;                         // our uuid, carried to the provider by a create
  std::vector<mapping::MappedField> given;  // fields of the provider's that are known beside the record's
  std::shared_ptr<const json::Document>
      sent_values;        // update: of earlier attempts, replaced here since; or null
  bool may_check = true;  // update: reads the record first where the provider's descriptor says so
};

// A wrong configuration is the Result's error; what is wrong with the record is a Conclusion 'held'.
Result<std::unique_ptr<Job>> make_push(std::shared_ptr<const provider::Connection> connection,
                                       PushInput input);

// What a push would do, without doing it: the fields as mapped, and the request or the reason why there is
// none.
struct PushPreview {
  mapping::Mapped mapped;
  Step first;
  std::string follows;  // the status actions after it, as far as they are known: "release, complete"
};
Result<PushPreview> preview_push(std::shared_ptr<const provider::Connection> connection, PushInput input);

}  // namespace cmms::job
