# The experiments' programs, and what they are run for. Finished parts of a study are kept in out/.
SIZE ?= default
RUNS ?= 1
# SHARD=i/n or auto: only that share of a study's parts, and no report (experiments/cluster).
STUDY_OPTIONS = --size $(SIZE) $(if $(SHARD),--shard $(SHARD))

# A program a folder; what they share is in experiments/support.
EXPERIMENTS := $(filter-out support one_file,$(sort $(notdir $(patsubst %/,%,$(dir $(wildcard experiments/*/*.cpp))))))
PROGRAMS := $(EXPERIMENTS:%=$(BUILD)/%)

define experiment_rule
$(BUILD)/$(1): $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard experiments/$(1)/*.cpp experiments/support/*.cpp)) $(LIBRARY)
	@echo "  $$@"
	$$(Q)$$(CXX) $$(CXXFLAGS) $$(LDFLAGS) $$^ $$(LDLIBS) -o $$@
endef
$(foreach e,$(EXPERIMENTS),$(eval $(call experiment_rule,$(e))))

# Compiles with all cores, once the packages that compiling needs are there.
PARALLEL := @$(MAKE) --no-print-directory -j$$(nproc)

.PHONY: bench tour study who-can-add surrogates recovery shapley data case-study reproduce
bench: deps ## step times, rates and efficiency: a table, and out/bench.json; PEERS=1: PyTorch and ONNX Runtime, too
	$(PARALLEL) $(BUILD)/bench
	$(BUILD)/bench --output out/bench.json $(if $(PEERS),--peers $(or $(ONNX),build/distilbert_6.onnx))

tour: deps ## one training step of a one-layer model, printed with shapes
	$(PARALLEL) $(BUILD)/tour
	$(BUILD)/tour

LINEAR_STUDY = $(BUILD)/linear_study $(STUDY_OPTIONS) --output out/linear_study
study: deps ## linear study (Figure 3): SIZE=tiny|default|paper RUNS=n, results in out/linear_study
	$(PARALLEL) $(BUILD)/linear_study
	$(LINEAR_STUDY) --runs $(RUNS)

DEPTHS := 1
who-can-add: deps ## which part of a transformer takes addition away: SIZE, RUNS=n seeds, DEPTHS=1,2,4, results in out/who_can_add
	$(PARALLEL) $(BUILD)/who_can_add
	$(BUILD)/who_can_add $(STUDY_OPTIONS) --layers $(DEPTHS) --runs $(RUNS) --output out/who_can_add

surrogates: RUNS := 3
surrogates: deps ## simple models of the study's transformers (Figure 4a, b): SIZE, RUNS=3, results in out/surrogates
	$(PARALLEL) $(BUILD)/linear_study $(BUILD)/surrogates
	$(LINEAR_STUDY) --layers 1,2 --runs $(RUNS)
	$(BUILD)/surrogates $(STUDY_OPTIONS) --models out/linear_study/models --output out/surrogates

recovery: deps ## is the SLALOM found that made the data (Figure 4c, d): SIZE, results in out/recovery
	$(PARALLEL) $(BUILD)/recovery
	$(BUILD)/recovery $(STUDY_OPTIONS) --output out/recovery

shapley: deps ## Shapley values of repeated words (appendix A): SIZE, results in out/shapley
	$(PARALLEL) $(BUILD)/linear_study $(BUILD)/shapley
	$(LINEAR_STUDY) --layers 1
	$(BUILD)/shapley $(STUDY_OPTIONS) --models out/linear_study/models --output out/shapley

data: deps ## checks and converts review files for the text studies: DATA=DIR, results in out/data (data/README.md)
	$(PARALLEL) $(BUILD)/corpora
	$(BUILD)/corpora --data "$(DATA)" --output out/data

case-study: deps ## words that a sentiment classifier goes by (appendix F.8): SIZE, DATA=DIR, results in out/case_study
	$(PARALLEL) $(BUILD)/case_study
	$(BUILD)/case_study $(STUDY_OPTIONS) $(if $(DATA),--data $(DATA)) --output out/case_study

# Section 6: classifiers are trained, their texts explained, the explanations shown.
CLASSIFIERS := distilbert
LAYERS := 2
TEXT_OPTIONS = $(STUDY_OPTIONS) $(if $(DATA),--data $(DATA)) --arch $(CLASSIFIERS) --layers $(LAYERS)
TEXT_MODELS = $(BUILD)/text_models $(TEXT_OPTIONS) $(if $(WIDTH),--width $(WIDTH)) --output out/text_models --corpus
TEXT_STUDY = $(BUILD)/text_study $(TEXT_OPTIONS) --models out/text_models --output out/text_study --part
# A shard leaves its records, and the tables to the run that finds all of them.
TEXT_TABLES = $(if $(SHARD),@true,$(BUILD)/text_tables) --size $(SIZE) --input out/text_study --item

.PHONY: text-models text-study text-tables imdb yelp imdb-bow explained-imdb explained-human explained-runtime explained-shares explained-drawn explained-references
text-models: deps
	$(PARALLEL) $(BUILD)/text_models
text-study: deps
	$(PARALLEL) $(BUILD)/text_models $(BUILD)/text_study
text-tables: deps
	$(PARALLEL) $(BUILD)/text_tables

imdb yelp: CLASSIFIERS := bert,distilbert,gpt2
imdb: text-models ## classifiers trained from scratch: SIZE, DATA=DIR, CLASSIFIERS=a,b LAYERS=2,6 WIDTH=n
	$(TEXT_MODELS) imdb
yelp: text-models ## the same
	$(TEXT_MODELS) yelp
imdb-bow: text-models ## the same, of texts drawn from IMDB's unigrams
	$(TEXT_MODELS) imdb_bow

explained-imdb: text-study
	$(TEXT_MODELS) imdb
	$(TEXT_STUDY) imdb
explained-human: text-study
	$(TEXT_MODELS) yelp
	$(TEXT_STUDY) human
explained-runtime: text-study
	$(TEXT_MODELS) imdb
	$(TEXT_STUDY) runtime
explained-shares: text-study
	$(TEXT_MODELS) imdb
	$(TEXT_STUDY) shares
explained-drawn: text-study
	$(TEXT_MODELS) imdb_bow
	$(TEXT_STUDY) drawn
explained-references: text-study
	$(TEXT_MODELS) imdb
	$(TEXT_STUDY) references

TEXT_ITEMS := table-nb table-human table-faithfulness fig-removal fig-shares table-runtime fig-planes table-truth table-references
.PHONY: $(TEXT_ITEMS)
$(TEXT_ITEMS): text-tables
table-nb: explained-imdb ## naive-Bayes scores (section 6): explained texts are kept, SIZE, DATA=DIR, CLASSIFIERS=a,b LAYERS=2,6
	$(TEXT_TABLES) nb
table-human: explained-human ## human attention, Yelp-HAT
	$(TEXT_TABLES) human
table-faithfulness: explained-imdb ## insertion and deletion
	$(TEXT_TABLES) faithfulness
fig-removal: explained-imdb ## multi-removal error
	$(TEXT_TABLES) removal
fig-shares: explained-shares ## error of surrogates from one removed token to nearly all
	$(TEXT_TABLES) shares
table-runtime: explained-runtime ## seconds, queries, token-forwards
	$(TEXT_TABLES) runtime
fig-planes: explained-imdb ## value-importance planes and highlighted texts
	$(TEXT_TABLES) planes
table-truth: explained-drawn ## texts whose log-odds is known
	$(TEXT_TABLES) truth
table-references: explained-references ## models that are no transformers
	$(TEXT_TABLES) nb

TABLES := out/study
reproduce: deps ## all studies, and one table of the paper's claims: SIZE, DATA=DIR; finished parts are kept
	$(PARALLEL) $(BUILD)/reproduce
	@for study in study surrogates recovery shapley imdb yelp imdb-bow $(TEXT_ITEMS) case-study; do \
	  $(MAKE) --no-print-directory $$study || echo "$$study: failed, or found something unexpected (above)" >&2; done
	$(if $(SHARD),,experiments/reproduce/tables.sh $(BUILD) $(TABLES))
	$(if $(SHARD),,$(BUILD)/reproduce --input out --output out/reproduce --committed $(TABLES))

.PHONY: tables records
tables: deps ## every table and figure of the results from data/results, in a minute: nothing is trained
	$(PARALLEL) $(addprefix $(BUILD)/,linear_study surrogates recovery shapley case_study who_can_add text_models text_tables reproduce)
	experiments/reproduce/tables.sh $(BUILD) $(TABLES)
	rm -rf experiments/results && cp -r $(TABLES)/results experiments/results
	cp $(TABLES)/results*.md experiments/
	awk 'FNR == NR { made = made $$0 "\n"; next } /^## Limits/ { old = 0 } /^## Results/ { printf "%s\n", made; old = 1 } !old' \
	  $(TABLES)/readme.md README.md > $(TABLES)/README.md && cp $(TABLES)/README.md README.md

records: ## results of the studies in out/ become data/results, of which `make tables` makes everything
	@mkdir -p data/results/text_study
	@for study in linear_study surrogates recovery shapley case_study who_can_add text_models/imdb text_models/yelp; do \
	  [ ! -e out/$$study/results.json ] || gzip -9nc out/$$study/results.json > data/results/$$(echo $$study | tr / _).json.gz; done
	@for file in out/text_study/records/*.jsonl; do gzip -9nc $$file > data/results/text_study/$$(basename $$file).gz; done
	@cp out/text_study/records/about.json data/results/text_study/
	@du -sh data/results

include experiments/playground/playground.mk

ANSWERS := experiments/lessons/start
LESSON_3 = $(CXX) $(CPPFLAGS) $(CXXFLAGS) -include $(ANSWERS)/3.hpp experiments/lessons/softmax/check.cpp -o build/lesson_3
.PHONY: lesson
lesson: deps ## checks your answer to an exercise (experiments/lessons): N=1 to 8, ANSWERS=FOLDER, JSON=--json
	@$(if $(N),,echo "error: which lesson? make lesson N=1, to 8" >&2; exit 2)
	@$(MAKE) --no-print-directory -s -j$$(nproc) $(BUILD)/lessons >&2
	@$(if $(filter 3,$(N)),$(LESSON_3) && build/lesson_3 $(JSON),$(BUILD)/lessons --lesson $(N) --answer $(ANSWERS)/$(N).txt $(JSON))
