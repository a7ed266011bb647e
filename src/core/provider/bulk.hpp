// Bulk writes of a resource as a connection uses them: each is one request with an array of items.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/mapping/mapping.hpp"
#include "core/path/path.hpp"
#include "core/provider/descriptor.hpp"
#include "core/result.hpp"

namespace cmms::provider {

struct Connection;
struct ConnectionInput;
struct ResourceMaps;

struct BulkWrite {
  const OperationSpec* operation = nullptr;  // lives as long as the descriptor
  std::string name;                          // create, update, or the write's own
  std::vector<std::string> fields;           // the columns that it carries; empty: those that its rules read
  std::optional<mapping::FieldMap> own;      // nullopt: the resource's outbound rules
  mapping::FieldMap key;
  std::vector<std::string> whole;
  std::size_t max_items = 1;
  std::size_t max_bytes = 0;
  std::vector<path::Path> id_sent;
  std::vector<path::Path> results;
  std::vector<path::Path> status;
  std::vector<path::Path> message;
  std::vector<path::Path> errors;
  std::vector<path::Path> id;
  std::vector<path::Path> error_index;

  const mapping::FieldMap& rules(const ResourceMaps& maps) const;
};

struct BulkWrites {
  std::optional<BulkWrite> create;
  // In the order in which they are sent. The update itself is the last: it may change the id by which the
  // others name the record.
  std::vector<BulkWrite> updates;

  bool empty() const { return !create && updates.empty(); }
  std::size_t max_items() const;  // that any of them takes; 0: there are none
};

Status compile_bulk(const Connection& connection, const ResourceSpec& spec, const ConnectionInput& input,
                    BulkWrites& bulk);

// What a provider can be told of a resource: an operation, and the columns that it reads.
struct WriteSupport {
  std::string operation;  // create, update, delete
  std::vector<std::string> fields;
};
std::vector<WriteSupport> write_support(const Connection& connection, std::string_view resource);

}  // namespace cmms::provider
