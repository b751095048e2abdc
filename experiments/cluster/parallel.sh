#!/bin/bash
# Explains a corpus with GNU parallel, in N shards: parallel.sh N MODEL INPUT FOLDER [options of explain]
# JOBS of them run at a time (default: 2); THREADS is what each of them has. The same command again does what is not done.
set -eu
[ $# -ge 4 ] || { echo "usage: parallel.sh N MODEL INPUT FOLDER [options of explain]" >&2; exit 2; }
[[ $1 =~ ^[1-9][0-9]*$ ]] || { echo "error: N: found \"$1\", wanted a number from 1" >&2; exit 2; }
n=$1 model=$2 input=$3 folder=$4 run="$*"
shift 4
mkdir -p "$folder"
# What is done is not looked at again.
[ -e "$folder/run" ] || echo "$run" > "$folder/run"
[ "$(cat "$folder/run")" = "$run" ] || { echo "error: $folder/run: found \"$(cat "$folder/run")\", wanted \"$run\"; another run wants another FOLDER" >&2; exit 3; }
command=("${SLALOM:-slalom}" explain --model "$model" --input "$input" --threads "${THREADS:-1}" --resume -q "$@")
# Status 4, rows failed, is a shard that is done. What --joblog has as failed is begun again.
status=0
seq "$n" | parallel --jobs "${JOBS:-2}" --joblog "$folder/joblog" --resume-failed --termseq USR1,60000,KILL,1000 \
  "${command[*]@Q} --shard {}/$n --output ${folder@Q}/{}.jsonl || test \$? = 4" &
trap 'kill $!' INT TERM USR1  # parallel passes it on; the first wait then ends before parallel does
wait $! || wait $! || status=$?
trap - INT TERM USR1
[ $status = 0 ] || { echo "not all shards are done: the same command goes on, once what stands above is mended" >&2; exit 130; }
"${SLALOM:-slalom}" merge "$folder"/*.jsonl --output "$folder/all"
