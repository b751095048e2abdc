# slalom.cpp: `make help` lists the targets.
config ?= release
CXX ?= g++
ARCH ?= native
PREFIX ?= /usr/local
VERSION := 0.1.0
Q := $(if $(V),,@)

ifeq ($(filter $(config),debug release sanitize),)
$(error config=$(config): wanted debug, release or sanitize)
endif

BUILD := build/$(config)
ROOMS := base kernels autograd ops nn optim text data model_io train bow surrogate explain metrics inspect report cli

CPPFLAGS += -Iinclude -DSLALOM_VERSION='"$(VERSION)"' -DCXXOPTS_NO_REGEX -DJSON_HAS_FILESYSTEM=0 -DJSON_HAS_EXPERIMENTAL_FILESYSTEM=0 -MMD -MP
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-unknown-pragmas -Wno-missing-field-initializers
# False positives: of g++ 12 for string concatenation, of g++ 13 and later for a temporary string among the arguments.
WARNINGS += -Wno-restrict -Wno-dangling-reference
CXXFLAGS += -std=c++20 -fopenmp -march=$(ARCH) -fno-math-errno $(WARNINGS)
LDLIBS += -lopenblas -llinear -lnettle -lutf8proc -lz
ifeq ($(config),release)
  CXXFLAGS += -O3 -mprefer-vector-width=512
else ifeq ($(config),debug)
  CXXFLAGS += -O0 -g -D_GLIBCXX_ASSERTIONS
else
  # Instrumented code misleads g++ 12's -Wmaybe-uninitialized in the standard library's regular expressions.
  # Bad pointers are left to the address sanitizer: a second check of each is half of the time that compiling takes.
  CXXFLAGS += -O0 -g1 -fsanitize=address,undefined -fno-sanitize=null,alignment,object-size,vptr
  CXXFLAGS += -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS -Wno-maybe-uninitialized
  LDFLAGS += -fsanitize=address,undefined
endif
ifdef WERROR
  CXXFLAGS += -Werror
endif

# Proofs compute with rounding errors.
$(BUILD)/src/inspect/balls.o $(BUILD)/src/inspect/attention_balls.o: CXXFLAGS += -ffp-contract=off

# Where little is computed, compiling is what takes the time.
ifeq ($(config),sanitize)
COMPUTES := $(addprefix src/,kernels autograd ops nn surrogate inspect)
$(COMPUTES:%=$(BUILD)/%/%.o): CXXFLAGS += -O1
else ifeq ($(config),release)
READS_AND_WRITES := base text data model_io report cli openai
$(BUILD)/tests/%.o $(BUILD)/experiments/%.o $(READS_AND_WRITES:%=$(BUILD)/src/%/%.o): CXXFLAGS += -O1
$(BUILD)/tests/cli/%.o $(BUILD)/tests/report/%.o $(BUILD)/tests/openai/%.o $(BUILD)/tests/experiments/%.o: CXXFLAGS += -O0
endif

LIBRARY := $(BUILD)/libslalom.a
LIBRARY_OBJECTS := $(patsubst %.cpp,$(BUILD)/%.o,$(filter-out src/cli/main.cpp,$(wildcard $(ROOMS:%=src/%/*.cpp))))
# What is sanitized is what is tested: the tests are those of the release build, and come last, so that what both have is
# the library's.
TESTS_OF := $(config:sanitize=release)
TEST_OBJECTS := $(patsubst %.cpp,build/$(TESTS_OF)/%.o,$(filter-out tests/fuzz/%,$(wildcard tests/*.cpp tests/*/*.cpp)))

# A program of its own, so that the others have no network code.
OPENAI_OBJECTS := $(patsubst %.cpp,$(BUILD)/%.o,$(filter-out src/openai/main.cpp,$(wildcard src/openai/*.cpp)))

.PHONY: all help deps deps-check test test-experiments test-library check check-format check-layers check-tidy check-sanitize check-programs check-all \
        format fuzz reference install clean distclean
all: build/slalom ## build build/slalom (config=debug|release|sanitize puts objects in build/CONFIG)

help: ## list the targets
	@grep -hE '^[a-z -]+:.*##' Makefile experiments/experiments.mk experiments/*/*.mk | sed -E 's/:.*## /\t/' | expand -t 20
	@echo "variables: config=$(config) V=1 (show commands) ARCH=$(ARCH) CXX=$(CXX) PREFIX=$(PREFIX) SIZE=$(SIZE) RUNS=$(RUNS)"

openai: build/slalom-openai ## build/slalom-openai: a language model behind HTTP as a classifier to explain

.PHONY: FORCE openai
build/slalom: $(BUILD)/slalom FORCE  # the link must follow config, whatever is newer
	@ln -sfn $(config)/slalom $@

$(BUILD)/slalom: $(BUILD)/src/cli/main.o $(LIBRARY)
	@echo "  $@"
	$(Q)$(CXX) $(CXXFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(LIBRARY): $(LIBRARY_OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/slalom-openai: $(BUILD)/src/openai/main.o $(OPENAI_OBJECTS) $(LIBRARY)
	@echo "  $@"
	$(Q)$(CXX) $(CXXFLAGS) $(LDFLAGS) $^ -lcurl $(LDLIBS) -o $@

build/slalom-openai: $(BUILD)/slalom-openai FORCE
	@ln -sfn $(config)/slalom-openai $@

$(BUILD)/tests/run: $(LIBRARY_OBJECTS) $(OPENAI_OBJECTS) $(BUILD)/experiments/text_study/removed_shares.o $(BUILD)/experiments/text_study/boosted_trees.o $(TEST_OBJECTS)
	@mkdir -p $(@D)
	@echo "  $@"
	$(Q)$(CXX) $(CXXFLAGS) $(LDFLAGS) $^ -lcurl -lmpfr $(LDLIBS) -o $@

$(BUILD)/%.o: %.cpp
	@mkdir -p $(@D)
	@echo "  $<"
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c $< -o $@

PACKAGES := g++ make git libopenblas-dev nettle-dev libutf8proc-dev liblinear-dev libcurl4-openssl-dev zlib1g-dev libmpfr-dev doctest-dev pkg-config libcxxopts-dev nlohmann-json3-dev
CHECK_PACKAGES := clang clang-format clang-tidy libclang-rt-14-dev

deps: ## install what is missing to build and test (apt, as root or with sudo)
	@.ci/install-missing $(PACKAGES)

deps-check: ## the same for `make check` and `make fuzz`
	@.ci/install-missing $(PACKAGES) $(CHECK_PACKAGES)

test: deps ## build and run the test suite
	@$(MAKE) --no-print-directory -j$$(nproc) $(BUILD)/tests/run $(BUILD)/slalom $(BUILD)/slalom-openai $(PROGRAMS)
	@$(MAKE) --no-print-directory -k -j2 -Otarget test-experiments test-library

test-experiments test-library:  # side by side; most of the experiments' tests wait for one thread
	$(BUILD)/tests/run --source-file$(if $(filter test-library,$@),-exclude)='*/experiments/*'

check: check-format check-layers check-sanitize ## format, rooms, warnings and sanitizers, none may complain

check-all: check check-programs check-tidy ## and all that takes longer

check-format: ## clang-format, no difference
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror
	@echo "format: ok"

format: ## rewrite the sources as check-format wants them
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

check-layers: ## a room includes only the rooms before it
	@.ci/check-layers $(ROOMS) openai

check-tidy: ## clang-tidy on library and programs (five minutes more)
	@git ls-files 'src/*.cpp' 'experiments/*.cpp' | xargs -P $$(nproc) -n 3 sh -c \
	  'clang-tidy --quiet "$$@" -- -std=c++20 -Iinclude -fopenmp -DSLALOM_VERSION=\"\" -DCXXOPTS_NO_REGEX 2>/dev/null || exit 1' tidy
	@echo "tidy: ok"

LEFT_OUT := '*plain loops<float>*,*to 200 bits*,*spread of repeated fits*,*option that takes a number*,*killed run*,*shards: merged*,*shards: one that was killed*,*small address space*,*unpack without end*'
PARALLEL_MAKE := $(MAKE) --no-print-directory -j$$(nproc) WERROR=1
SANITIZED := $(PARALLEL_MAKE) config=release test-objects && $(PARALLEL_MAKE) config=sanitize
.PHONY: test-objects
test-objects: $(TEST_OBJECTS)
check-sanitize: ## library and command line compile without a warning, and the tests pass on them under the address and undefined-behaviour sanitizers
	@$(SANITIZED) build/sanitize/tests/run build/sanitize/slalom build/sanitize/slalom-openai
	@# A folder at a time, side by side. What takes longest and touches no memory that another test does not is left out,
	@# and what limits the address space, of which the address sanitizer takes terabytes.
	printf '%s\n' $(filter-out experiments,$(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/*/test_*.cpp)))))) | \
	  xargs -P $$(nproc) -I{} build/sanitize/tests/run --minimal=true --test-case-exclude=$(LEFT_OUT) --source-file='*tests/{}/*'

check-programs: ## the same for the experiments (three minutes more)
	@$(SANITIZED) build/sanitize/tests/run build/sanitize/slalom $(EXPERIMENTS:%=build/sanitize/%)
	build/sanitize/tests/run --source-file='*/experiments/*'

include experiments/experiments.mk

FUZZ_TARGETS := $(patsubst tests/fuzz/%.cpp,build/fuzz/%,$(wildcard tests/fuzz/*.cpp))
FUZZED := $(filter-out %/main.cpp %/client.cpp,$(wildcard $(ROOMS:%=src/%/*.cpp) src/openai/*.cpp \
  experiments/support/*.cpp experiments/text_tables/*.cpp))
# clang has no code for libgomp: one thread, as a fuzzer wants it.
FUZZ_FLAGS := -std=c++20 -g -O1 -fopenmp=libgomp -Wno-source-uses-openmp -fsanitize=address,undefined -fno-sanitize-recover=all
fuzz: $(FUZZ_TARGETS) ## one fuzz program a parser (needs clang); run build/fuzz/NAME tests/corpus/NAME
build/fuzz/objects/%.o: %.cpp
	@mkdir -p $(@D)
	@echo "  $< (fuzz)"
	$(Q)clang++ $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@
build/fuzz/libslalom.a: $(FUZZED:%.cpp=build/fuzz/objects/%.o)
	@rm -f $@
	@ar rcs $@ $^
.PRECIOUS: build/fuzz/objects/%.o
build/fuzz/%: build/fuzz/objects/tests/fuzz/%.o build/fuzz/libslalom.a
	@echo "  $@"
	$(Q)clang++ $(FUZZ_FLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

reference: $(BUILD)/slalom ## rewrite the end of src/cli/README.md from the tables of options
	sed -i '/^## Options of each command/,$$d' src/cli/README.md
	$< help markdown >> src/cli/README.md

build/slalom.1: $(BUILD)/slalom
	$< help man > $@

INSTALLED := $(DESTDIR)$(PREFIX)
install: all build/slalom.1 ## binary, library, headers, man page, completion, pkg-config file: PREFIX=DIR DESTDIR=DIR
	install -D build/$(config)/slalom $(INSTALLED)/bin/slalom
	install -D -m 644 $(LIBRARY) $(INSTALLED)/lib/libslalom.a
	cd include && find slalom -name '*.hpp' -exec install -D -m 644 {} $(abspath $(INSTALLED))/include/{} \;
	install -D -m 644 build/slalom.1 $(INSTALLED)/share/man/man1/slalom.1
	install -D -m 644 src/cli/completion.bash $(INSTALLED)/share/bash-completion/completions/slalom
	install -D -m 644 src/cli/completion.zsh $(INSTALLED)/share/zsh/site-functions/_slalom
	@mkdir -p $(INSTALLED)/lib/pkgconfig
	printf '%s\n' 'Name: slalom' 'Description: attention classifiers, SLALOM surrogates, explanations' \
	  'Version: $(VERSION)' 'Cflags: -I$(PREFIX)/include -std=c++20 -fopenmp' \
	  'Libs: -L$(PREFIX)/lib -lslalom $(LDLIBS) -fopenmp' > $(INSTALLED)/lib/pkgconfig/slalom.pc

clean: ## remove what was built
	rm -rf build

distclean: clean ## and the results of studies
	rm -rf out

-include $(wildcard $(LIBRARY_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(BUILD)/src/cli/main.d $(BUILD)/src/openai/*.d $(BUILD)/experiments/*/*.d build/fuzz/objects/*/*/*.d)
