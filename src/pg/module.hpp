// What the areas of the glue hook into PostgreSQL when the library is loaded; module.cpp calls each of these
// once.
#pragma once

namespace cmms::pg {

void register_workers();  // launcher and shared memory; only acts while shared_preload_libraries is processed
void register_cache_callbacks();  // forgets connections when servers, user mappings or maps change

}  // namespace cmms::pg
