#!/bin/sh
# Makes the README's picture again: five prompts at draft quality with seed 0, side by side.
set -e
cd "$(dirname "$0")/.."
i=0
for prompt in "a zebra striped man" "a red person with a blue head" "a golden statue" "a lava golem" "a mossy stone giant"; do
    out="build/hero/$i"
    [ -f "$out/result/model.glb" ] || .venv/bin/clipmatrix create "$prompt" --out "$out" --seed 0 --quality draft
    i=$((i + 1))
done
.venv/bin/python docs/hero.py build/hero docs/images/hero.png
