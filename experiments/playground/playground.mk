# The page in one file, and what proves that it computes what the library computes. Both targets, WebAssembly and a
# native program, are compiled from the same sources; platform/ stands for what WebAssembly lacks.
PLAYGROUND := experiments/playground
PLAYGROUND_SOURCES := $(addprefix src/,base/error.cpp base/random.cpp $(patsubst %,kernels/%.cpp,attention dropout rowwise small_gemm) \
  $(patsubst %,autograd/%.cpp,arena parameter_store tape) text/special_tokens.cpp text/vocabulary.cpp \
  data/batch.cpp data/synthetic.cpp $(patsubst %,train/%.cpp,loss trainer training_data) \
  $(patsubst %,surrogate/%.cpp,identification identification_background position_effects sample slalom)) \
  $(wildcard src/ops/*.cpp src/nn/*.cpp src/optim/*.cpp) \
  $(PLAYGROUND)/playground.cpp $(filter-out %/exceptions.cpp,$(wildcard $(PLAYGROUND)/platform/*.cpp))
# No contraction and sums in the order of the source: both targets have the same bits.
PLAYGROUND_FLAGS := -std=c++20 -O3 -ffp-contract=off -fno-math-errno -ffunction-sections -fdata-sections -Iinclude \
  -Wno-unknown-pragmas -Wno-psabi -MMD -MP
, := ,
PLAYGROUND_EXPORTS := $(patsubst %,-Wl$(,)--export=%,$(shell grep -o "playground_[a-z_]*" $(PLAYGROUND)/playground.hpp))
WASM := clang++-19 --target=wasm32-wasi -msimd128 -fexceptions
PAGE_PARTS := $(wildcard $(PLAYGROUND)/page/*)

WASM_PACKAGES := clang-19 lld-19 libc++-19-dev-wasm32 libc++abi-19-dev-wasm32 wasi-libc libclang-rt-19-dev-wasm32

.PHONY: playground playground-check deps-playground
deps-playground: ## install what the two below need: clang for WebAssembly, Node, Chromium
	@.ci/install-missing $(WASM_PACKAGES) nodejs chromium

playground: ## a page that trains attention beside a sum, in one file: out/playground/index.html
	@.ci/install-missing $(WASM_PACKAGES)
	$(PARALLEL) out/playground/index.html

playground-check: deps-playground deps ## the page has the native program's bits, in Node and in Chromium
	$(PARALLEL) out/playground/index.html build/playground/plain $(BUILD)/playground
	node --no-warnings $(PLAYGROUND)/check.mjs out/playground/index.html build/playground/plain $(BUILD)/playground

out/playground/index.html: build/playground/playground.wasm $(PAGE_PARTS) $(PLAYGROUND)/build-page
	@mkdir -p $(@D)
	$(PLAYGROUND)/build-page $< > $@

build/playground/playground.wasm: $(PLAYGROUND_SOURCES:%.cpp=build/playground/wasm/%.o) build/playground/wasm/$(PLAYGROUND)/platform/exceptions.o
	@echo "  $@"
	$(Q)$(WASM) -mexec-model=reactor -fuse-ld=lld -Wl,--strip-all,--gc-sections $(PLAYGROUND_EXPORTS) $^ -lc++ -lc++abi -o $@

build/playground/plain: $(patsubst %.cpp,build/playground/native/%.o,$(PLAYGROUND_SOURCES) $(PLAYGROUND)/main.cpp)
	@echo "  $@"
	$(Q)$(CXX) -Wl,--gc-sections $^ -o $@

build/playground/wasm/%.o: %.cpp
	@mkdir -p $(@D)
	@echo "  $< (wasm)"
	$(Q)$(WASM) $(PLAYGROUND_FLAGS) -c $< -o $@

build/playground/native/%.o: %.cpp
	@mkdir -p $(@D)
	@echo "  $< (plain)"
	$(Q)$(CXX) -march=$(ARCH) $(PLAYGROUND_FLAGS) -c $< -o $@

-include $(patsubst %.cpp,build/playground/wasm/%.d,$(PLAYGROUND_SOURCES)) $(patsubst %.cpp,build/playground/native/%.d,$(PLAYGROUND_SOURCES))
