// What the maps cost in the core: nanoseconds to parse a work order of about 600 bytes with jansson, to map
// it inbound, and to map an order of ours outbound for a create. bench_mapping DESCRIPTOR.json [rounds]
#include <jansson.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/jansson.hpp"
#include "core/provider/connection.hpp"
#include "core/provider/inbound.hpp"

namespace {

using namespace cmms;
using Clock = std::chrono::steady_clock;

constexpr int calls_per_round = 2000;

constexpr std::string_view their_order =
    R"({"id":48213,"title":"Walk-in freezer 3: water on the floor in front of the left door","type":"reactive",)"
    R"("description":"Night shift reports about two litres an hour. Drain line was cleared in January; the heating )"
    R"(cable may have failed again. Access through the loading dock, ask for the key at the desk.",)"
    R"("status":{"id":7,"name":"In Progress","color":"#0a7"},"priority":"high","due_date":"2026-03-31T17:00:00Z",)"
    R"("completed_at":null,"location":{"id":118,"name":"Store 12, back of house"},"asset":{"id":4511,"name":"FRZ-03"},)"
    R"("total_costs":"183.05","created_at":"2026-03-28T06:14:09Z","updated_at":"2026-03-28T11:52:40.118Z"})";

constexpr std::string_view our_order =
    R"({"common_work_order_id":"0b0f5a52-6f2f-4d3e-9f0a-0123456789ab","provider_id":"plant_a","tenant_id":"default",)"
    R"("title":"Walk-in freezer 3: water on the floor in front of the left door","work_type":"reactive",)"
    R"("description":"Night shift reports about two litres an hour. Drain line was cleared in January.",)"
    R"("common_status":"in_progress","priority":"high","sla_due_at":"2026-03-31T17:00:00+00:00","completed_at":null,)"
    R"("location_ref":"118","asset_ref":"4511","total_cost":183.0500,"metadata":{},"created_at":"2026-03-28T06:14:09+00:00"})";

std::string read_file(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<const provider::Connection> connect(const char* descriptor_path) {
  Result<provider::Descriptor> descriptor = provider::parse_descriptor(read_file(descriptor_path));
  if (!descriptor) return nullptr;
  provider::ConnectionInput input;
  input.provider_id = "bench";
  input.tenant_id = "default";
  input.descriptor = std::make_shared<const provider::Descriptor>(std::move(descriptor).value());
  input.options = {{"type", "clickmaint"}, {"base_url", "https://cmms.example.com"}, {"entity_id", "12"}};
  input.credentials = {{"api_key", "key"}};
  input.learnt_values = {{"status", "7", "In Progress"}};
  auto connection = provider::make_connection(std::move(input));
  return connection ? std::move(connection).value() : nullptr;
}

// The median of the rounds, in nanoseconds a call. `work` answers false when it did not do what it should.
template <class Work>
double nanoseconds(int rounds, Work&& work) {
  std::vector<double> found;
  for (int round = 0; round < rounds; ++round) {
    const Clock::time_point started = Clock::now();
    for (int call = 0; call < calls_per_round; ++call) {
      if (!work()) std::exit(1);
    }
    found.push_back(std::chrono::duration<double, std::nano>(Clock::now() - started).count() /
                    calls_per_round);
  }
  std::sort(found.begin(), found.end());
  return found[found.size() / 2];
}

bool parses() {
  json_t* root = json_loadb(their_order.data(), their_order.size(), 0, nullptr);
  const bool is_object = json_is_object(root);
  json_decref(root);
  return is_object;
}

}  // namespace

int main(int argc, char** argv) {
  const auto connection = argc > 1 ? connect(argv[1]) : nullptr;
  if (connection == nullptr) {
    std::fprintf(stderr, "usage: bench_mapping providers/clickmaint.json [rounds]\n");
    return 2;
  }
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 51;
  const auto theirs = json::Document::parse(their_order);
  const auto ours = json::Document::parse(our_order);
  const provider::ResourceMaps* maps = connection->maps("work_order");
  if (!theirs || !ours || maps == nullptr) return 1;

  const double parsing = nanoseconds(rounds, parses);
  const double inbound = nanoseconds(rounds, [&] {
    const auto record = provider::to_inbound(*connection, "work_order", theirs.value().root());
    return record.mapped.problems.empty() && record.mapped.fields.size() >= 12;
  });
  const double outbound = nanoseconds(rounds, [&] {
    const auto mapped = maps->outbound.apply(ours.value().root(), maps->outbound_values,
                                             mapping::Direction::outbound, mapping::Operation::create);
    return mapped.problems.empty() && mapped.fields.size() >= 7;
  });
  std::printf("%zu %.0f %.0f %.0f\n", their_order.size(), parsing, inbound, outbound);
  return 0;
}
