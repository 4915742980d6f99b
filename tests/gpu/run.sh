#!/usr/bin/env bash
# All that needs a real GPU, in one call of less than ten minutes: the GPU tests, then the benches with their peers.
#
#     tests/gpu/run.sh [FOLDER] [RESULTS]
#
# Needs nothing but this checkout, a Python with torch, numpy and pytest (PYTHON, default python3), and what is
# given in FOLDER, if anything: wheels (*.whl) of packages that this Python lacks, and nvdiffrast's source in
# FOLDER/nvdiffrast. Nothing is downloaded. Writes to RESULTS (default: gpu-results): machine.txt, tests.txt,
# bench-SIZE.json, bench-SIZE.html, bench-SIZE.txt, tables.md and summary.txt. Ends with 0 when all of it worked.
set -uo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
given=${1:-}
results=${2:-gpu-results}
python=${PYTHON:-python3}
mkdir -p "$results"
results=$(cd "$results" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

say() { echo "== $(date +%T) $*" | tee -a "$results/summary.txt"; }
step() { # step SECONDS FILE COMMAND...: run it, keep what it prints, say how it ended
  local limit=$1 file=$2 status=0
  shift 2
  timeout --kill-after=10 "$limit" "$@" >"$results/$file" 2>&1 || status=$?
  say "$file: status $status, ${SECONDS} s so far"
  [ $status = 0 ] || { failed=1; tail -n 25 "$results/$file"; }
}

# The packages under their installed name, without installing: this machine may reach no registry.
: >"$results/summary.txt"
mkdir -p "$work/site/dinar" "$work/site/dinar-0.dist-info"
for package in runtime export trainer; do ln -s "$root/$package" "$work/site/dinar/$package"; done
printf 'Metadata-Version: 2.1\nName: dinar\nVersion: %s\n' \
  "$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)" >"$work/site/dinar-0.dist-info/METADATA"
if compgen -G "$given/*.whl" >/dev/null; then
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$work/wheels" "$given"/*.whl ||
    say "some wheels in $given do not fit this Python"
fi
export PYTHONPATH="$work/site:$work/wheels${PYTHONPATH:+:$PYTHONPATH}" DINAR_CACHE="$work/cache" DINAR_REQUIRE_GPU=1
if [ -n "$given" ] && [ -d "$given/nvdiffrast" ]; then
  step 100 nvdiffrast.txt "$python" -m pip install --quiet --no-index --no-deps --no-build-isolation \
    --target "$work/wheels" "$given/nvdiffrast"
fi

step 20 machine.txt bash -c 'nvidia-smi; "$0" -VV; "$0" -m pip list 2>/dev/null; git rev-parse HEAD' "$python"
step 120 tests.txt "$python" -m pytest -q -p no:cacheprovider tests/gpu
step 70 networks.txt "$python" tests/gpu/make_networks.py "$work/networks"
for size in 512 1024; do
  step 125 "bench-$size.txt" "$python" -c 'import sys; from dinar.runtime.cli import main; sys.exit(main())' \
    bench --device cuda --size "$size" --network "$work"/networks/*.onnx --seconds 6 --rate 60 --peers \
    --json "$results/bench-$size.json" --html "$results/bench-$size.html"
done
step 10 tables.md "$python" tests/gpu/tables.py "$results"
say "all of it: status $failed"
cat "$results/tables.md"
exit $failed
