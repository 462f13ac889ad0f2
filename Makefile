# weir: build, test, run. `make help` lists the targets. No configure step; one folder build/<mode>/ per mode.
# Nothing is probed while this file is read: targets that need more than git and make let tools/deps install
# it first and then enter make again.

MODE ?= release
B := build/$(MODE)
ifeq ($(origin CXX),default)
CXX := $(if $(filter fuzz,$(MODE)),clang++,g++)
endif
V ?= 0
comma := ,
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' '$1' '$2';)

# -g1: lines and functions, which is what a stack of a crash needs; full -g costs a third of the build
FLAGS.release := -O2 -g1
# `make trained`: train counts what is often done, trained is laid out by it. (-w: what that warns of is the counts.)
FLAGS.train := $(FLAGS.release) -fprofile-generate=$(CURDIR)/build/train/profile
FLAGS.trained := $(FLAGS.release) -fprofile-use=$(CURDIR)/build/trained/profile -w
FLAGS.hooks := $(FLAGS.release) -DWEIR_TEST_HOOKS
FLAGS.asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DWEIR_TEST_HOOKS
FLAGS.tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer -DWEIR_TEST_HOOKS
FLAGS.fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DWEIR_TEST_HOOKS -DWEIR_FUZZ
ifeq ($(FLAGS.$(MODE)),)
$(error MODE=$(MODE) is not one of release trained hooks asan tsan fuzz)
endif
CXXFLAGS ?= $(FLAGS.$(MODE))
# Tests are many, and run once: compiled for speed of compiling.
TEST_CXXFLAGS := $(patsubst -O2,-O0,$(CXXFLAGS)) -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS
$B/test/%.o: private CXXFLAGS := $(TEST_CXXFLAGS)
$B/test/bench/%.o: private CXXFLAGS := $(FLAGS.$(MODE))
$B/test/fault/support/%.o: private CXXFLAGS := $(CXXFLAGS)
# These go through millions of choices.
$(patsubst %,$B/test/unit/upstream/%.o,least_time_test least_load_test least_test balancers_test): private CXXFLAGS := $(CXXFLAGS)
$B/test/unit/http/accept_encoding_test.o: private CXXFLAGS := $(CXXFLAGS)
# What fuzzing should look for lies in src.
$B/test/fuzz/proxy/%.o: private CXXFLAGS := $(subst fuzzer-no-link$(comma),,$(TEST_CXXFLAGS))
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
ALL_CXXFLAGS = -std=c++20 -Isrc -I. $(WARNINGS) -MMD -MP -pthread $(CXXFLAGS)
# Most of the time of a small file goes into the standard library's headers: g++ reads these once, and is
# told of the result by -include. The sources name what they use all the same: lint compiles what changed without it.
PREFIX_HEADERS := algorithm array bit cassert cerrno charconv chrono cstddef cstdint cstdio cstdlib cstring fmt/format.h functional \
  map memory optional span string string_view unordered_map utility vector
PREFIX := $(if $(findstring clang,$(CXX)),,$B/prefix.h)
PRECOMPILED := $(if $(PREFIX),$B/prefix.h.gch/src.gch $B/prefix.h.gch/test.gch)
# Made for some architectures only; without it the level fast is zlib's.
ISAL = $(if $(wildcard $(addsuffix /isa-l/igzip_lib.h,/usr/include /usr/local/include)),-lisal)
LDLIBS = -Wl,--as-needed -levent_core -lssl -lcrypto -lz $(ISAL) -lbrotlienc -lbrotlidec -lzstd -linih -lcares -lxxhash -lfmt -lpcre2-8 -lncursesw -ltinfo -pthread
LINK = $(call say,LINK,$@)$(CXX) -rdynamic $(filter -fsanitize% -fprofile-generate% -pthread,$(ALL_CXXFLAGS)) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

objects = $(patsubst %.cc,$B/%.o,$(shell find $1 -name '*.cc' 2>/dev/null | LC_ALL=C sort))
LIB := $(filter-out $B/src/main.o,$(call objects,src))
UNIT := $(call objects,test/unit)
TOOL_PARTS := $(call objects,$(patsubst %/,%,$(wildcard tools/*/)))
SUPPORT := $(call objects,test/unit/support)
# support/fault_load.cc is a program: the clients of the fault scenarios
FAULT_LOAD := $B/test/fault/support/fault_load.o
FAULT := $(filter-out $(FAULT_LOAD),$(call objects,test/fault))
FUZZERS := $(patsubst test/fuzz/%.cc,$B/fuzz/%,$(wildcard test/fuzz/*.cc))
# The fuzz targets are in the unit tests too, which run them over their corpora.
FUZZ := $(call objects,test/fuzz)
FUZZ_WORLD := $(call objects,test/fuzz/proxy)
# What test/fuzz/proxy/wrapped.cc stands in front of.
WRAPPED := socket connect accept4 recv send sendmsg sendfile shutdown setsockopt getsockopt getsockname close getrandom \
  event_add event_del event_base_loop _ZNSt6chrono3_V212steady_clock3nowEv _ZN4weir5clock4wallEv _ZN4weir5clock7wall_msEv
WRAPS := $(addprefix -Wl$(comma)--wrap=,$(WRAPPED))
# tools/weir-NAME.cc is a program; what it needs besides lies in tools/NAME/
TOOLS := $(patsubst tools/%.cc,%,$(wildcard tools/weir*.cc))

# Targets that call make again must not run beside others: two makes would write the same objects.
REENTERING := run load trained test integration faults bench asan tsan lint lint-all fuzz man install deps
ifneq ($(filter $(REENTERING),$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
AGAIN = +$(Q)$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc))

all: $B/weir $(TOOLS:%=$B/%)            ## build the daemon and its tools into build/<mode>/ (MODE=release trained hooks asan tsan)

trained:                                ## the same, laid out by what a run of it counted: takes three times as long, costs less CPU; use it by MODE=trained
	@tools/deps build test
	$(AGAIN) MODE=train $(addprefix build/train/,weir weir-load bench-origin)
	@test/bench/train
	$(AGAIN) MODE=trained all

run:                                    ## install what lacks, build, start four sample origins and weir in the foreground
	@tools/deps build run
	$(AGAIN) all
	@tools/run $B

load:                                   ## load on what `make run` started: 10 requests/s for 60 s; ARGS="--rps 100 --duration 10"
	@tools/deps build
	$(AGAIN) all
	@$B/weir-load $(ARGS)

test:                                   ## install what lacks, build, run unit, integration and fault tests; last line: the sum
	@tools/deps build test
	$(AGAIN) MODE=release all build-unit
	$(AGAIN) MODE=hooks build-faults
	@tools/test unit integration faults

unit: $B/unit                           ## unit tests: no sockets, no root
	$(Q)$B/unit

integration:                            ## integration tests alone, with the cases of test/cases; ARGS="-k PATTERN" chooses
	@tools/deps build test
	$(AGAIN) all
	@test/integration/run --mode $(MODE) $(ARGS)

faults:                                 ## all fault and torture tests, at full length (17 minutes on 2 cores; test runs a bounded core); ends with a table of figures
	@tools/deps build test
	$(AGAIN) MODE=release all
	$(AGAIN) MODE=hooks build-faults
	@tools/test --long faults

asan:                                   ## unit and integration tests under address and UB sanitizers
	@tools/deps build test
	$(AGAIN) MODE=asan all build-unit
	@tools/test --mode asan unit integration

tsan:                                   ## unit tests and shared-memory fault programs under the thread sanitizer
	@tools/deps build test
	$(AGAIN) MODE=tsan build-unit build-fault-program
	@tools/test --mode tsan unit fault-program

lint:                                   ## layers, headers, both compilers, format, clang-tidy on what changed, stale files
	@tools/deps build lint
	$(AGAIN) MODE=release build/release/weir
	@tools/lint/run

lint-all:                               ## the same with clang-tidy on every file
	@tools/deps build lint
	$(AGAIN) MODE=release build/release/weir
	@tools/lint/run --all

bench:                                  ## measure beside nginx and HAProxy; SCENARIO=small,1m chooses, SCENARIO=balancers: ns per pick, SCENARIO=cache: ns per hit and fill, JUDGE=1 takes the rounds that a bar needs
	@tools/deps build bench
	$(AGAIN) MODE=$(MODE) $(if $(filter balancers cache,$(SCENARIO)),$B/bench-$(SCENARIO),all $B/bench-origin $B/bench-floor)
	@$(if $(filter balancers cache,$(SCENARIO)),exec $B/bench-$(SCENARIO) ;) test/bench/run --build $B $(if $(SCENARIO),--scenario '$(SCENARIO)') $(if $(PEERS),--peers '$(PEERS)') \
	  --rounds $(or $(ROUNDS),$(if $(JUDGE),7,3)) --seconds $(or $(SECONDS),$(if $(JUDGE),8,4)) $(if $(JUDGE),--judge) $(ARGS)

fuzz:                                   ## each fuzz target for FUZZ_SECONDS (default 30)
	@tools/deps build fuzz
	$(AGAIN) MODE=fuzz build-fuzz
	@tools/fuzz build/fuzz $(or $(FUZZ_SECONDS),30)

man:                                    ## write the generated manual pages, samples and completion anew
	@tools/deps build
	$(AGAIN) MODE=release build/release/weir
	@tools/man

install:                                ## install below DESTDIR and PREFIX (/usr/local); configuration goes to /etc/weir
	@tools/deps --check build
	$(AGAIN) MODE=$(MODE) all
	@DESTDIR='$(DESTDIR)' PREFIX='$(or $(PREFIX),/usr/local)' SYSCONFDIR='$(or $(SYSCONFDIR),/etc)' tools/install $B

deps:                                   ## install all that build, tests, lint and fuzzing need (root or sudo)
	@tools/deps build run test lint fuzz

help:                                   ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

clean: ; rm -rf build                   ## remove all that was built

build-unit: $B/unit
build-faults: all $B/faults $B/fault-load
build-fault-program: $(if $(FAULT),$B/faults)
build-fuzz: $(FUZZERS)

$B/weir: $B/src/main.o $(LIB) ; $(LINK)
ifeq ($(MODE),train)
$B/weir: $B/test/bench/counted_exit.o
$B/weir: private LDFLAGS += -Wl,--wrap=_exit
endif
ifeq ($(MODE),trained)
$(LIB): $B/profile/made
$B/profile/made: ; @echo '`make trained` comes before MODE=trained' >&2; exit 1
endif
$B/unit: $(UNIT) $(TOOL_PARTS) $(FUZZ) $(LIB) ; $(LINK)
$B/unit: private LDFLAGS += $(WRAPS)
$B/faults: $B/test/unit/main.o $(FAULT) $(SUPPORT) $(LIB) ; $(LINK)
$B/bench-origin: $B/test/bench/origin.o ; $(LINK)
$B/bench-floor: $B/test/bench/floor.o ; $(LINK)
$B/bench-balancers: $B/test/bench/balancers.o $(LIB) ; $(LINK)
$B/bench-cache: $B/test/bench/cache_store.o $(LIB) ; $(LINK)
$B/bench-coders: $B/test/bench/coders.o $(LIB) ; $(LINK)
$B/fault-load: $(FAULT_LOAD) ; $(LINK)
$B/libweir.a: $(LIB)
	$(call say,AR,$@)rm -f $@ && ar rcsT $@ $^
.SECONDEXPANSION:
$(TOOLS:%=$B/%): $B/%: $B/tools/%.o $$(call objects,tools/$$(subst weir-,,$$*)) $B/libweir.a ; $(LINK)
$B/fuzz/whole_proxy: $(FUZZ_WORLD)
$B/fuzz/whole_proxy: private LDFLAGS += $(WRAPS)
$(FUZZERS): $B/fuzz/%: $B/test/fuzz/%.o $B/libweir.a
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) -fsanitize=fuzzer,address,undefined $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)
ifeq ($(MODE),hooks)
# Where no line of a source or what it includes asks for the hooks, the object is the release build's.
compile = $(Q)tools/same-object build/release/$*.o $@ || { $(if $Q,printf '  %-5s %s\n' CXX '$<';)$(CXX) $(PREFIX:%=-include %) $(ALL_CXXFLAGS) -c -o $@ $<; }
else
compile = $(call say,CXX,$<)$(CXX) $(PREFIX:%=-include %) $(ALL_CXXFLAGS) -c -o $@ $<
endif
# g++ takes the one in the folder that was made with the flags at hand: -O0 for tests.
$B/prefix.h: $B/flags
	$(Q)printf '#include <%s>\n' $(PREFIX_HEADERS) > $@
$(PRECOMPILED): $(PREFIX)
	$(Q)mkdir -p $(@D)
	$(call say,PCH,$@)$(CXX) $(ALL_CXXFLAGS) -x c++-header -o $@ $<
$B/prefix.h.gch/test.gch: private CXXFLAGS := $(TEST_CXXFLAGS)
$B/%.o: %.cc $B/flags | $(PRECOMPILED)
	$(Q)mkdir -p $(@D)
	$(compile)
# Compiled anew when compiler or flags change; also where a machine without compiler hears what it lacks.
$B/flags: FORCE
	@tools/deps --check build
	@mkdir -p $B; echo '$(CXX) $(ALL_CXXFLAGS)' | cmp -s - $@ || echo '$(CXX) $(ALL_CXXFLAGS)' > $@

.PHONY: all trained run load test unit integration faults bench asan tsan lint lint-all fuzz man install deps help clean FORCE
.PHONY: build-unit build-faults build-fault-program build-fuzz
.DELETE_ON_ERROR:
-include $(patsubst %.o,%.d,$(LIB) $(UNIT) $(FUZZ) $(FAULT) $(TOOL_PARTS) $(FAULT_LOAD)) $(wildcard $B/src/main.d $B/tools/*.d $B/test/bench/*.d)
