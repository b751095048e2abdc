#!/bin/sh
# Every table and figure of the study, made of data/results: tables.sh FOLDER-OF-PROGRAMS OUTPUT. Nothing is trained.
set -eu
programs=$1 output=$2 records=data/results
made() { "$@" >"$output/log" || [ $? = 1 ] || { cat "$output/log"; exit 1; }; }  # 1: something is not as expected
mkdir -p "$output"
for study in linear_study surrogates recovery shapley case_study; do
  [ ! -e $records/$study.json.gz ] || made "$programs/$study" --records $records/$study.json.gz --output "$output/$study"
done
[ ! -e $records/who_can_add.json.gz ] ||
  made "$programs/who_can_add" --records $records/who_can_add.json.gz --layers 1,2,4 --runs 5,5,2 --output "$output/who_can_add"
for corpus in imdb yelp; do
  [ ! -e $records/text_models_$corpus.json.gz ] ||
    made "$programs/text_models" --records $records/text_models_$corpus.json.gz --output "$output/text_models"
done
made "$programs/text_tables" --input data/results/text_study --output "$output/text_study"
made "$programs/reproduce" --input "$output" --output "$output" \
  --prose experiments/reproduce/prose.md --readme experiments/reproduce/readme.md
rm "$output/log"
