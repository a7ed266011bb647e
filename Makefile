# Builds and installs the extension with PGXS, and runs its regression suite:
#   make && make install && make installcheck
# Another PostgreSQL is chosen with PG_CONFIG=/path/to/pg_config. Developers' targets (unit tests, fuzzers,
# compile_commands.json) are in CMakeLists.txt.

EXTENSION = pg_cmms
EXTENSION_VERSION = 1.1
MODULE_big = pg_cmms
PGFILEDESC = "pg_cmms - work orders in step with maintenance management systems"

sources := $(sort $(shell find src/core src/http src/pg -name '*.cpp'))
OBJS = $(sources:.cpp=.o)

install_script = $(EXTENSION)--$(EXTENSION_VERSION).sql
update_scripts = $(patsubst schema/updates/%,$(EXTENSION)--%,$(wildcard schema/updates/*.sql))
DATA_built = $(install_script) $(update_scripts)

# The suite runs in alphabetical order, but for the tests that make or remove what the others need.
regression_tests := $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
first_tests = $(filter setup install,$(regression_tests))
last_tests = $(filter uninstall,$(regression_tests))
REGRESS = $(first_tests) $(filter-out $(first_tests) $(last_tests),$(regression_tests)) $(last_tests)
REGRESS_OPTS = --encoding=UTF8

EXTRA_CLEAN = $(sources:.cpp=.d) $(sources:.cpp=.bc) $(sources:.cpp=.bc.d)

# Warnings are errors; WERROR= lets a compiler that is newer than this release build it.
WERROR ?= -Werror
PG_CXXFLAGS = -std=c++20 -Wall -Wextra $(WERROR) -fvisibility=hidden -fvisibility-inlines-hidden
PG_CPPFLAGS = -Isrc

ifneq ($(filter-out clean distclean,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell pkg-config --exists jansson libcurl libcrypto && echo found),found)
$(error pg_cmms needs the development files of jansson, libcurl and OpenSSL, and pkg-config to find them)
endif
PG_CPPFLAGS += $(shell pkg-config --cflags jansson libcurl libcrypto)
SHLIB_LINK += $(shell pkg-config --libs jansson libcurl libcrypto) -lstdc++
endif

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
ifeq ($(PGXS),)
$(error $(PG_CONFIG) was not found: install PostgreSQL's server development files, or set PG_CONFIG)
endif
include $(PGXS)

supported_versions = 14 15 16 17 18
ifeq ($(filter $(firstword $(subst ., ,$(MAJORVERSION))),$(supported_versions)),)
$(error pg_cmms supports PostgreSQL $(firstword $(supported_versions)) to $(lastword $(supported_versions)), but $(PG_CONFIG) belongs to PostgreSQL $(VERSION))
endif

# Hidden visibility does not reach the C++ library's templates; the version script does.
ifeq ($(PORTNAME),linux)
SHLIB_LINK += -Wl,--version-script=src/pg/exports.map
$(shlib): src/pg/exports.map
endif

# PGXS compiles bitcode for the JIT without PG_CXXFLAGS, and tracks headers only if the server was built that way.
COMPILE.cxx.bc += $(filter-out -Werror,$(PG_CXXFLAGS))

versioned = src/http/transfer src/pg/module src/pg/catalog/installed_extension
$(versioned:=.o) $(versioned:=.bc): Makefile
$(versioned:=.o) $(versioned:=.bc): override CPPFLAGS += -DCMMS_EXTENSION_VERSION='"$(EXTENSION_VERSION)"'

%.o: %.cpp
	$(COMPILE.cc) -MMD -MP $(OUTPUT_OPTION) $<

%.bc: %.cpp
	$(COMPILE.cxx.bc) -MMD -MP -MF $@.d -o $@ $<

-include $(wildcard $(sources:.cpp=.d) $(sources:.cpp=.bc.d))

# The fragments in load order, then each provider's descriptor as a row of cmms.provider_type. The descriptors' own schema is none.
schema_fragments := $(sort $(wildcard schema/[0-9]*.sql))
provider_descriptors := $(filter-out providers/schema.json,$(sort $(wildcard providers/*.json)))

$(install_script): $(schema_fragments) $(provider_descriptors) scripts/descriptor-sql
	cat $(schema_fragments) > $@.tmp
	scripts/descriptor-sql $(provider_descriptors) >> $@.tmp
	mv $@.tmp $@

# From an older version: what its file changes, then the functions and the descriptors of this one. Others are as they are written.
$(EXTENSION)--%--$(EXTENSION_VERSION).sql: schema/updates/%--$(EXTENSION_VERSION).sql $(schema_fragments) $(provider_descriptors) \
		scripts/update-sql scripts/descriptor-sql
	cat $< > $@.tmp
	scripts/update-sql $(schema_fragments) >> $@.tmp
	scripts/descriptor-sql $(provider_descriptors) >> $@.tmp
	mv $@.tmp $@

$(EXTENSION)--%.sql: schema/updates/%.sql
	cp $< $@

.PHONY: check-includes
check-includes:
	scripts/check-includes
