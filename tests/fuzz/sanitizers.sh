#!/usr/bin/env bash
# The kernels under AddressSanitizer and UndefinedBehaviorSanitizer: the tests of the kernels, and random calls.
# Wants gcc, and a Python that has the extra "dev". From the checkout: bash tests/fuzz/sanitizers.sh [number of calls]
set -euo pipefail
cd "$(dirname "$0")/../.."
calls=${1:-1000}
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy"

sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
# In the name of the compiler: what looks for OpenMP at build time compiles and links a program with that name alone.
NMFCORE_LEVELS='' CC="gcc $sanitizers" CFLAGS="-O1 -g" python setup.py --quiet build_ext --inplace

export PYTHONPATH=$copy NMFCORE_LEVEL=baseline PYTHONMALLOC=malloc
# Python itself leaks at its end. The runtime has to be the first library of the process, which is not built with it.
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
export LD_PRELOAD
python -m pytest -q -p no:cacheprovider tests/test_kernels.py tests/test_weighted_kernels.py tests/test_projection.py \
    tests/test_online.py tests/test_newton.py tests/test_many_kernels.py tests/test_many_sparse_kernels.py tests/test_many_split_kernels.py
python tests/fuzz/fuzz.py --calls "$calls"
