# weir: build, test, run. `make help` lists the targets. No configure step; one folder build/<mode>/ per mode.

MODE ?= release
B := build/$(MODE)
CXX ?= g++
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-5s %s\n' '$1' '$2';)

FLAGS.release := -O2 -g
FLAGS.asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DWEIR_TEST_HOOKS
FLAGS.tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer -DWEIR_TEST_HOOKS
FLAGS.hooks := -O2 -g -DWEIR_TEST_HOOKS
CXXFLAGS ?= $(FLAGS.$(MODE))
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
ALL_CXXFLAGS = -std=c++20 -Isrc -I. $(WARNINGS) -MMD -MP -pthread $(CXXFLAGS)
LDLIBS = -levent_core -lssl -lcrypto -lz -linih -lfmt -lpcre2-8 -pthread
LINK = $(call say,LINK,$@)$(CXX) $(filter -fsanitize% -pthread,$(ALL_CXXFLAGS)) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)

LIB := $(patsubst %.cc,$B/%.o,$(filter-out src/main.cc,$(shell find src -name '*.cc')))
UNIT := $(patsubst %.cc,$B/%.o,$(shell find test/unit -name '*.cc'))
TOOLS := $(patsubst tools/%.cc,%,$(wildcard tools/weir*.cc))

all: $B/weir $(TOOLS:%=$B/%)             ## build the daemon and its tools into build/<mode>/
unit: $B/unit                           ## unit tests: no sockets, no root
	$(Q)$B/unit

$B/weir: $B/src/main.o $(LIB) ; $(LINK)
$B/unit: $(UNIT) $(LIB) ; $(LINK)
$(TOOLS:%=$B/%): $B/%: $B/tools/%.o $(LIB) ; $(LINK)
$B/%.o: %.cc $B/flags
	$(Q)mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(ALL_CXXFLAGS) -c -o $@ $<
$B/flags: FORCE
	@mkdir -p $B; echo '$(CXX) $(ALL_CXXFLAGS)' | cmp -s - $@ || echo '$(CXX) $(ALL_CXXFLAGS)' > $@
help:                                   ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16
clean: ; rm -rf build                   ## remove all that was built

.PHONY: all unit help clean FORCE
-include $(LIB:.o=.d) $(UNIT:.o=.d) $(wildcard $B/src/main.d $B/tools/*.d)
