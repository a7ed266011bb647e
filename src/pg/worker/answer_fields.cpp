#include "pg/prelude.hpp"

#include "pg/worker/answer_fields.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/json/field.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

// Columns that only the provider fills, and marks that are no columns.
constexpr std::array<std::string_view, 6> provider_fields = {"source_work_order_id", "source_status",
                                                             "source_priority",      "source_updated_at",
                                                             "source_revision",      "reference"};

bool is_set(const std::optional<json::Value>& value) {
  return value && !value->is_null() && !(value->is_string() && value->string().empty());
}

class EchoFilter {
 public:
  explicit EchoFilter(const Task& task)
      : is_create_(task.row.operation == "create"), sent_(task.row.changed_fields) {
    if (task.record == nullptr) return;
    local_ = task.record->root();
    if (const auto fields = local_.member("source_fields")) known_ = *fields;
  }

  bool is_news(const mapping::MappedField& field) const {
    if (std::find(provider_fields.begin(), provider_fields.end(), field.target) != provider_fields.end())
      return false;
    const auto known = known_.member(field.target);
    if (known ? json::Field::from(*known) == field.value : field.value.is_null()) return false;
    const auto local = local_.member(field.target);
    if (is_create_) return !is_set(local) && field.target != "identifier";
    return std::find(sent_.begin(), sent_.end(), field.target) == sent_.end();
  }

 private:
  bool is_create_;
  const std::vector<std::string>& sent_;
  json::Value local_;
  json::Value known_;
};

std::optional<std::string> text_of(const mapping::Mapped& mapped, std::string_view target) {
  const json::Field* field = mapped.find(target);
  if (field == nullptr || field->is_null()) return std::nullopt;
  return field->text;
}

}  // namespace

AnswerFields read_answer_fields(const Task& task, store::Acknowledgement& acknowledgement) {
  const json::Value& record = *task.conclusion->record;
  AnswerFields answer;
  answer.inbound = provider::to_inbound(*task.connection, task.row.key.resource, record);
  const mapping::Mapped& mapped = answer.inbound.mapped;
  const EchoFilter filter(task);
  std::vector<mapping::MappedField> echo;
  for (const mapping::MappedField& field : mapped.fields) {
    if (filter.is_news(field)) {
      answer.has_news = true;
    } else {
      echo.push_back(field);
    }
  }
  // What has no mapping is held where it is applied.
  answer.has_news = answer.has_news || !mapped.problems.empty();
  acknowledgement.document = record.text();
  acknowledgement.fields = json_from_fields(echo);
  acknowledgement.source_status = text_of(mapped, "source_status");
  acknowledgement.source_priority = text_of(mapped, "source_priority");
  acknowledgement.source_updated_at = text_of(mapped, "source_updated_at");
  acknowledgement.source_revision = text_of(mapped, "source_revision");
  acknowledgement.identifier = text_of(mapped, "identifier");
  return answer;
}

}  // namespace cmms::pg
