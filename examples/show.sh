#!/usr/bin/env bash
# The life of a show on the example clips: create, ingest, look, train, evaluate, approve, publish, render, verify,
# train again on a later clip, withdraw that clip, roll back.
#
# Usage: examples/show.sh [FOLDER]. Everything goes into FOLDER (demo/show); `make build` comes first. BUDGET (15m) is
# the time for training both tools, AGAIN (4m) for the second training of one.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-demo/show}")
[ ! -e "$out" ] || { echo "show.sh: $out is there already: remove it, or name another folder" >&2; exit 1; }
mkdir -p "$out/frames"
export PATH="$PWD/.venv/bin:$PATH"
export ONELIGHT_SHOWS="$out/shows" ONELIGHT_SHOW=apollo
plates=examples/plates
say() { printf '\n=== %s\n' "$*"; }

say "A show, and what was shot for it, with the rights to learn from it"
onelight show create apollo
onelight dailies ingest $plates/flower.mp4 $plates/video/{car-detection,nasa_13013,h264_10bits}.mp4 $plates/dailies \
    --rights examples/rights.toml --edl $plates/interchange/cut.edl
onelight dailies list

say "Its look in numbers: $out/shows/apollo/look/show.png"
onelight look measure
onelight look show

say "Both tools learn from it; whole set-ups are held out"
onelight train show --tools relight,cleanup --budget "${BUDGET:-15m}" ${TRAIN_OPTIONS:-}
onelight version list
onelight evaluate cleanup --model apollo/cleanup@v001 --json >"$out/cleanup.json"
onelight evaluate relight --model apollo/relight@v001 --json >"$out/relight.json"

say "A lead looks at them beside the base, and decides"
onelight version compare v001 --tool relight --shot flower:60 --out "$out/relight.png"
onelight version compare v001 --tool cleanup --shot car-detection:60 --out "$out/cleanup.png"
onelight version approve relight@v001 --why "Looked at beside the base: nothing lost"
onelight version approve cleanup@v001 --why "Looked at beside the base: nothing lost"

say "A gizmo for the compositors, pinned to that version, and what it renders in a host"
onelight gizmo publish --tool cleanup --version 1 --into "$out/gizmos"
python examples/render_gizmo.py "$out/gizmos/apollo_cleanup_v001.gizmo" "$out/frames"
onelight render cleanup --in "$out/frames/plate.####.exr" --out "$out/frames/cleaned.####.exr" \
    --show apollo --version v001 --colourspace acescg --adopt --sidecar --operator "$(id -un)" --purpose clean-up
onelight verify "$out/frames/cleaned.####.exr"

say "A later clip comes in, and Cleanup learns from it as well"
onelight dailies ingest $plates/video/friday.mp4 --rights examples/rights.toml
onelight train show --tools cleanup --budget "${AGAIN:-4m}" --hold-out "setup 007" ${TRAIN_OPTIONS:-}
onelight version approve cleanup@v002 --why "Has seen the later clip"

say "Its owner takes the clip back: what learnt from it is retired. The version before is approved again"
onelight dailies withdraw friday --why "The rights ran out"
onelight version rollback cleanup --why "v002 learnt from a clip that was withdrawn"
onelight version list
onelight verify "$out/frames/cleaned.####.exr"
onelight report
onelight show log
