// Memory contexts as scopes, and C++ objects that live exactly as long as a memory context.
#pragma once

#include "pg/prelude.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include "pg/boundary/guard.hpp"

namespace cmms::pg {

// Switches to another context and back.
class ContextScope {
 public:
  explicit ContextScope(MemoryContext context) : previous_(MemoryContextSwitchTo(context)) {}
  ~ContextScope() { MemoryContextSwitchTo(previous_); }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  MemoryContext previous_;
};

// A new context, current until the end of the scope and then deleted with all that was allocated in it. After
// an error of the backend it goes with its parent instead.
class ScratchContext {
 public:
  explicit ScratchContext(MemoryContext parent = CurrentMemoryContext);
  ~ScratchContext();
  ScratchContext(const ScratchContext&) = delete;
  ScratchContext& operator=(const ScratchContext&) = delete;

  MemoryContext get() const { return context_; }
  void reset();

 private:
  MemoryContext previous_;
  int pending_errors_;
  MemoryContext context_;
};

// Moves an object into a memory context, which deletes it when it is reset or deleted itself.
template <class Object>
Object* keep_in(MemoryContext context, Object object) {
  auto owned = std::make_unique<Object>(std::move(object));
  auto* callback = pg_call([&] {
    return static_cast<MemoryContextCallback*>(
        MemoryContextAllocZero(context, sizeof(MemoryContextCallback)));
  });
  callback->arg = owned.get();
  callback->func = [](void* kept) { delete static_cast<Object*>(kept); };
  MemoryContextRegisterResetCallback(context, callback);
  return owned.release();
}

}  // namespace cmms::pg
