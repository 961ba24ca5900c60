#!/usr/bin/env bash
# Compiles the CUDA kernels with nvcc from PyPI and compares them with the committed ones. Needs Python 3 and g++; no card.
#
#   .ci/cuda.sh FOLDER          installs nvcc into FOLDER (a virtual environment, kept between runs), compiles, checks
#   .ci/cuda.sh FOLDER --write  also replaces the committed kernels
#
# What is checked stands in cuda_machine_code.py: no spills, registers a kernel, wide multiplies a Montgomery product.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
folder=$1

[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .ci/cuda-requirements.txt
tools=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/nvidia/cu13

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
flags=(-std=c++17 -O3 -Werror all-warnings)
"$tools/bin/nvcc" "${flags[@]}" -arch=compute_80 -ptx -o "$made/kernels.compute_80.ptx" gpu/cuda/kernels.cu
"$tools/bin/nvcc" "${flags[@]}" -arch=sm_90 -cubin -Xptxas -v -o "$made/kernels.sm_90.cubin" gpu/cuda/kernels.cu \
  2>"$made/resources" || { cat "$made/resources"; exit 1; }
"$tools/bin/nvdisasm" -c "$made/kernels.sm_90.cubin" >"$made/assembly"
python3 .ci/cuda_machine_code.py "$made/resources" "$made/assembly"

for file in kernels.compute_80.ptx kernels.sm_90.cubin; do
  if [ "${2:-}" = --write ]; then
    cp "$made/$file" "gpu/cuda/$file"
  elif ! cmp -s "$made/$file" "gpu/cuda/$file"; then
    echo "gpu/cuda/$file is not what the sources give: run .ci/cuda.sh FOLDER --write" >&2
    exit 1
  fi
done
echo "kernels: committed cubin and PTX are those of the sources"
