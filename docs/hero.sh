#!/bin/sh
# Makes the README's picture again: ten prompts at draft quality with seed 0, in two rows.
set -e
cd "$(dirname "$0")/.."
i=0
for prompt in "a zebra striped man" "a superhero with a red cape" "a golden statue" "a lava golem" "a cowboy in a plaid shirt" \
    "a clown" "an icy queen" "a wizard in a purple robe" "a red person with a blue head" "a leopard spotted woman"; do
    out="build/hero/$i"
    [ -f "$out/result/model.glb" ] || .venv/bin/clipmatrix create "$prompt" --out "$out" --seed 0 --quality draft
    i=$((i + 1))
done
.venv/bin/python docs/hero.py build/hero docs/images/hero.png
