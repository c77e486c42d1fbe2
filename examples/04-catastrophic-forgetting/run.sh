#!/usr/bin/env bash
# Trains both recipes on the same pictures and draws their validation accuracy.
#   run.sh BIN WEIGHTS.h5 PICTURES OUT     BIN holds tlc and tlrun; OUT is made
set -euo pipefail
bin=$(cd "$1" && pwd)
weights=$(realpath "$2")
pictures=$(realpath "$3")
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$4"
cd "$4"

set -x
for recipe in careful reckless; do
  "$bin/tlc" "$here/$recipe.tl" --weights "$weights" -o $recipe.bin
  "$bin/tlrun" $recipe.bin --train "$pictures" -o $recipe.trained.bin --log $recipe.jsonl
done
"$here/plot.py" forgetting.svg "head first, then gently"=careful.jsonl "everything at once"=reckless.jsonl
