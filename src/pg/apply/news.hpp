// What of a mapped record is news to the order that is stored of it, decided field by field.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/json/value.hpp"
#include "core/mapping/mapping.hpp"
#include "core/merge/merge.hpp"
#include "core/provider/connection.hpp"

namespace cmms::pg {

struct IncomingRecord;
struct StoredOrder;
struct LocalSide;

// A field of the record. Points into the record and into what is stored of it.
struct FieldNews {
  const mapping::MappedField* said = nullptr;
  merge::FieldView view;
  merge::Decision decision = merge::Decision::unchanged;
  bool provider_is_newer = false;
};

// Whether our side of the order has to be read to decide: it has changes of its own, or an owner asks for it.
bool needs_local_side(const StoredOrder& stored, const provider::ResourceMaps& maps);

// One entry for each field of the record, in its order. Null `local`: our side has no say.
std::vector<FieldNews> decide_news(const IncomingRecord& record, const StoredOrder& stored,
                                   const LocalSide* local, const provider::Connection& connection);

// Whether an order of ours that was found again has not been walked to its status yet.
bool status_follows(const IncomingRecord& record, const StoredOrder& stored, const LocalSide* local,
                    const provider::Connection& connection);

std::vector<mapping::MappedField> taken_fields(std::span<const FieldNews> news);
std::vector<std::string> withdrawn_fields(std::span<const FieldNews> news);  // need not be sent any more
std::string conflicts_json(std::span<const FieldNews> news);  // for cmms.add_conflicts; empty: there are none

}  // namespace cmms::pg
