#include "pg/prelude.hpp"

#include "pg/apply/record_store.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <string>

#include "pg/apply/hold_items.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

constexpr std::array<std::string_view, 5> tables = {"asset", "part", "part_transaction", "person", "comment"};
constexpr int max_passes = 20;

// A record as it is, and as it would be if it turned out to be new.
struct Candidate {
  const InboundItem* item;
  const InboundItem* if_new;
  std::size_t position;  // among the records given
};

class RecordBatch {
 public:
  RecordBatch(const provider::Connection& connection, std::string_view resource, std::string_view cause,
              std::int64_t webhook_event_id, std::vector<Applied>& applied)
      : connection_(connection),
        resource_(resource),
        cause_(cause),
        webhook_event_id_(webhook_event_id),
        applied_(applied) {}

  bool has(std::string_view source_id) const { return source_ids_.contains(source_id); }

  void add(const Candidate& candidate) {
    source_ids_.insert(candidate.item->inbound.source_record_id);
    candidates_.push_back(candidate);
  }

  void apply() {
    std::vector<const InboundItem*> held;
    for (int pass = 0; !candidates_.empty(); ++pass) {
      if (pass == max_passes) {
        raise(ERRCODE_T_R_SERIALIZATION_FAILURE,
              "records of \"" + std::string(resource_) + "\" are being changed by others");
      }
      apply_once(held);
    }
    hold_items(connection_, resource_, held, cause_, webhook_event_id_);
    source_ids_.clear();
  }

 private:
  // Those that another session came in between of are left for the next pass.
  void apply_once(std::vector<const InboundItem*>& held) {
    const ScratchContext scratch;
    const Rows rows = execute();
    std::vector<Candidate> again;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const Candidate& candidate = candidates_[i];
      if (rows.is_null(i, 0)) {
        again.push_back(candidate);
        continue;
      }
      Applied& applied = applied_[candidate.position];
      applied.outcome = rows.text_or(i, 0, "");
      applied.detail = rows.text_or(i, 2, "");
      if (applied.outcome != "held") continue;
      const InboundItem* faulty = rows.is_null(i, 1) ? candidate.if_new : candidate.item;
      if (faulty->inbound.mapped.problems.empty()) faulty = without_order(*faulty);
      applied.detail = problems_text(faulty->inbound.mapped.problems);
      held.push_back(faulty);
    }
    candidates_ = std::move(again);
  }

  // A comment waits for its order; only the database knows that it is not here.
  const InboundItem* without_order(const InboundItem& item) {
    InboundItem& copy = orphans_.emplace_back(item);
    const json::Field* order = copy.inbound.mapped.find("work_order_ref");
    copy.inbound.mapped.problems.push_back({.kind = mapping::ProblemKind::missing_required,
                                            .target = "work_order_ref",
                                            .vocabulary = "",
                                            .value = order == nullptr ? "" : order->text,
                                            .message = "the work order that it is about is not here"});
    return &copy;
  }

  Rows execute() const {
    static Statement statement(
        "SELECT outcome, record_id, detail FROM cmms.apply_record_news($1, $2, $3, $4, $5, $6, $7, $8)",
        {TEXTOID, TEXTOID, JSONBARRAYOID, JSONBARRAYOID, JSONBARRAYOID, BOOLARRAYOID, BOOLARRAYOID, INT8OID});
    std::vector<std::string> fields;
    std::vector<std::string> fields_if_new;
    std::vector<std::string> documents;
    std::vector<std::string> faulty;
    std::vector<std::string> faulty_if_new;
    const auto is_faulty = [](const InboundItem* item) {
      return item->inbound.mapped.problems.empty() ? "f" : "t";
    };
    for (const auto& [item, if_new, position] : candidates_) {
      fields.push_back(json_from_fields(item->inbound.mapped.fields));
      fields_if_new.push_back(if_new == item ? fields.back()
                                             : json_from_fields(if_new->inbound.mapped.fields));
      documents.push_back(item->document.text());
      faulty.emplace_back(is_faulty(item));
      faulty_if_new.emplace_back(is_faulty(if_new));
    }
    Rows rows =
        statement.execute({connection_.provider_id, resource_, Param::array(JSONBARRAYOID, fields),
                           Param::array(JSONBARRAYOID, fields_if_new), Param::array(JSONBARRAYOID, documents),
                           Param::array(BOOLARRAYOID, faulty), Param::array(BOOLARRAYOID, faulty_if_new),
                           webhook_event_id_ == 0 ? Param::null(INT8OID) : Param(webhook_event_id_)});
    if (rows.size() != candidates_.size()) raise(ERRCODE_INTERNAL_ERROR, "a record is missing in the answer");
    return rows;
  }

  const provider::Connection& connection_;
  std::string_view resource_;
  std::string_view cause_;
  std::int64_t webhook_event_id_;
  std::vector<Applied>& applied_;
  std::vector<Candidate> candidates_;
  std::deque<InboundItem> orphans_;
  std::set<std::string_view> source_ids_;
};

}  // namespace

bool has_record_table(std::string_view resource) {
  return std::find(tables.begin(), tables.end(), resource) != tables.end();
}

std::vector<Applied> apply_record_news(const provider::Connection& connection,
                                       const provider::ResourceMaps& maps, std::string_view resource,
                                       std::span<const InboundItem> items, std::string_view cause,
                                       std::int64_t webhook_event_id) {
  std::vector<Applied> applied(items.size());
  std::deque<InboundItem> completed;
  RecordBatch batch(connection, resource, cause, webhook_event_id, applied);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const InboundItem* item = &items[i];
    // A record that is in it twice has its earlier version applied before.
    if (batch.has(item->inbound.source_record_id)) batch.apply();
    const InboundItem* if_new = item;
    if (std::optional<mapping::Mapped> mapped = maps.inbound.complete(item->inbound.mapped)) {
      if_new = &completed.emplace_back(InboundItem{item->document, item->inbound});
      completed.back().inbound.mapped = *std::move(mapped);
    }
    batch.add({item, if_new, i});
  }
  batch.apply();
  return applied;
}

}  // namespace cmms::pg
