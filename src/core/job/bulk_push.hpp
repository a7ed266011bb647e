// A bulk push: one request for many records. What its answer leaves open (further writes of the same records,
// the halves of a batch that was refused as a whole) is handed out as groups, each of which is a new push.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/job/bulk_item.hpp"
#include "core/job/job.hpp"
#include "core/job/push.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

// Shared by the pushes that one batch becomes: a provider that refuses everything must not be sent each item
// alone.
struct BulkTrace {
  int refusals_in_a_row = 0;  // requests that were refused since the last that was not
};

struct BulkGroup {
  std::vector<BulkMember> members;
  std::shared_ptr<BulkTrace> trace;
};

// A record that the push is done with.
struct BulkEnd {
  std::size_t position = 0;
  Conclusion conclusion;
  std::string item;  // as it was sent
};

class BulkPush : public Job {
 public:
  virtual std::size_t size() const = 0;             // items in the request
  virtual std::string_view write_name() const = 0;  // create, update, or a write's own name
  // After the conclusion, which speaks of the request as a whole. Every member is in one of the two.
  virtual std::vector<BulkEnd> take_ended() = 0;
  virtual std::vector<BulkGroup> take_groups() = 0;
};

// Sends the first of the writes that its members have items for. Members for which there is no room, and
// those that have only items of later writes, wait in a group of their own.
Result<std::unique_ptr<BulkPush>> make_bulk_push(std::shared_ptr<const provider::Connection> connection,
                                                 std::string_view resource, PushOperation operation,
                                                 BulkGroup group);

}  // namespace cmms::job
