// Every way an error can cross the boundary, each over live C++ objects that would be leaked by a careless
// one.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "pg/boundary/guard.hpp"

namespace boundary {

// An object with memory of its own that is missed when it is not destroyed.
class Holder {
 public:
  Holder() : text_(1000, 'x') { ++live_; }
  ~Holder() { --live_; }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  static std::int64_t live() { return live_; }

 private:
  static std::int64_t live_;
  std::string text_;
};

struct Failure {
  std::string_view kind;
  void (*run)();
};

std::span<const Failure> failures();
void fail(std::string_view kind);  // runs the failure of that kind

std::int64_t resident_kilobytes();
std::int64_t context_kilobytes();

// Runs one scope that must fail, many times, and compares what is left with what was there.
class LeftBehind {
 public:
  LeftBehind();
  std::string describe() const;  // "nothing" or what is left

 private:
  std::int64_t resident_;
  std::int64_t contexts_;
  sigjmp_buf* exception_stack_;
  ErrorContextCallback* context_stack_;
  MemoryContext current_;
  ResourceOwner owner_;
};

}  // namespace boundary
