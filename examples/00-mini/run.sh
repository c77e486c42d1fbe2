#!/usr/bin/env bash
# The whole job on pictures that are drawn on the spot; a test runs this too.
#   examples/00-mini/run.sh BIN OUT     BIN holds tlc and tlrun; OUT is made
set -euo pipefail
bin=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
cd "$2"

set -x
"$here/../draw_pictures.py" pictures
"$bin/tlc" "$here/model.tl" -o model.bin
"$bin/tlrun" model.bin --train pictures -o trained.bin
"$bin/tlrun" trained.bin --evaluate pictures
"$bin/tlrun" trained.bin --predict pictures/val/leaves/000.png pictures/val/shells/001.png
