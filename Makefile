# The commands of this repository. Each sets up what it needs first and is quick when that has been done.
# `make help` lists them.

.PHONY: help setup build demo test lint format bench base base-small asan tsan clean
.DEFAULT_GOAL := help

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1|/p' $(MAKEFILE_LIST) | column -t -s '|'

setup:
	@scripts/setup_system
	@scripts/build_deps >/dev/null
	@scripts/setup_venv

build: setup  ## build the bundle (build/Onelight.ofx.bundle), the bridge and the C++ tests
	@scripts/build_native release

demo: build  ## relight a still and a clip, take wires out of both, through the OpenFX plug-in, into demo/out
	.venv/bin/onelight demo --out demo/out

test: build  ## every test: Python, then C++
	@scripts/setup_tritonclient >/dev/null
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	ctest --preset release

lint: setup  ## ruff, pyright, clang-format, who may import whom
	@scripts/lint

format:	setup  ## rewrite sources in the house style
	.venv/bin/ruff check -q --fix
	.venv/bin/ruff format
	git ls-files -z '*.cpp' '*.h' | xargs -0 .venv/bin/clang-format -i

bench: build  ## what a frame costs on the wire and in each tool
	.venv/bin/onelight bench wire
	.venv/bin/onelight bench tools

base-small: build  ## scenes, training, export and score of Relight's network, small; 9 minutes on two cores
	.venv/bin/onelight train relight --recipe small --out build/base-small

base: build  ## the full recipe of Relight's network: many hours on two cores; goes on where it was stopped
	.venv/bin/onelight train relight --recipe base --out build/base

asan: setup  ## the OpenFX host tests under the address and undefined behaviour sanitizers
	@scripts/build_native asan
	@scripts/test_sanitized asan

tsan: setup  ## the threaded OpenFX host tests under the thread sanitizer
	@scripts/build_native tsan
	@scripts/test_sanitized tsan

clean:  ## remove what was built; .venv and the cached dependencies stay
	rm -rf build
