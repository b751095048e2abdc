#!/bin/bash
# Explains a corpus on the ranks of Open MPI, a shard a rank: mpirun.sh N MODEL INPUT FOLDER [options of explain]
# MPIRUN has more options of mpirun, such as --hostfile FILE. The same command again does what is not done.
set -eu
[ $# -ge 4 ] || { echo "usage: mpirun.sh N MODEL INPUT FOLDER [options of explain]" >&2; exit 2; }
[[ $1 =~ ^[1-9][0-9]*$ ]] || { echo "error: N: found \"$1\", wanted a number from 1" >&2; exit 2; }
n=$1 model=$2 input=$3 folder=$4
shift 4
mkdir -p "$folder"
# One rank that ends early does not end the others. Status 4, rows failed, is a shard that is done.
# shellcheck disable=SC2086
SLALOM=${SLALOM:-slalom} mpirun -n "$n" --mca orte_abort_on_non_zero_status 0 ${MPIRUN:-} bash -c '
  folder=$0
  "$SLALOM" explain --output "$folder/$((OMPI_COMM_WORLD_RANK + 1)).jsonl" --shard auto --resume -q "$@" || test $? = 4
' "$folder" --model "$model" --input "$input" "$@" || true # some versions return 0 whatever the ranks did
[ "$(find "$folder" -name '*.jsonl' | wc -l)" = "$n" ] || { echo "not all shards are done: the same command goes on, once what stands above is mended" >&2; exit 130; }
"${SLALOM:-slalom}" merge "$folder"/*.jsonl --output "$folder/all"
