# make demo: fuzz two emulated pumps, over TCP, serial and Bluetooth LE.
# make test, make lint, make bench, make bench-guided, make mutants, make firmware, make wheels: for developers.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SALT ?=
TIME ?= 60s
SEED ?= 0
REQUIRE_ALL ?=
WHEELS ?= x86_64-linux-gnu.2.17 aarch64-linux-gnu.2.17 x86_64-linux-musl x86_64-macos.11.0 aarch64-macos.11.0 x86_64-windows-gnu
APT_TOOLS := qemu-system-arm chromium ser2net socat tshark gcc valgrind afl-cc=afl++ /usr/bin/storescp=dcmtk \
	/usr/include/stdio.h=libc6-dev /usr/include/modbus/modbus.h=libmodbus-dev /usr/include/lwip/arch/cc.h=liblwip-dev \
	/usr/sbin/mosquitto=mosquitto /usr/sbin/Orthanc=orthanc node=nodejs npm ip=iproute2
NPM_PACKAGES := simple-hl7@3 modbus-serial@8 @stoprocent/bleno@0.12 @stoprocent/bluetooth-hci-socket@2

.PHONY: demo test lint bench bench-guided mutants firmware wheels clean

$(BIN)/medfuzz: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[ble]'
	@touch $@

$(BIN)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(BIN)/medfuzz

ifeq ($(SALT),)
DEMO_ELF :=
DEMO_NEEDS := $(BIN)/medfuzz
else
DEMO_ELF := --elf build/pump-$(SALT)/pump-vulnerable.elf --insulin-elf build/insulin-$(SALT)/insulin-vulnerable.elf
DEMO_NEEDS := $(BIN)/.dev
endif

demo: $(DEMO_NEEDS)
ifneq ($(SALT),)
	$(BIN)/python -m targets.pump.build --salt '$(SALT)' --out 'build/pump-$(SALT)'
	$(BIN)/python -m targets.insulin.build --salt '$(SALT)' --out 'build/insulin-$(SALT)'
endif
	$(BIN)/medfuzz demo --time $(TIME) --seed $(SEED) $(DEMO_ELF)

lint: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

# Debian's tools (PROGRAM, or PROGRAM=PACKAGE) are for the cross-check, the report's screenshot, programs with a sanitizer, DICOM and libmodbus; they and
# the packages of npm, in node_modules, for the examples. Where they cannot be installed, those tests are skipped and say so, unless REQUIRE_ALL is set.
.PHONY: tools
tools:
	@for tool in $(APT_TOOLS); do command -v $${tool%%=*} >/dev/null || test -e $${tool%%=*} || missing="$$missing $${tool#*=}"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else echo "skipping what needs$$missing: install them as root with apt-get"; fi; \
	fi
	@for package in $(NPM_PACKAGES); do test -e node_modules/$${package%@*} || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  npm install --no-save --no-package-lock --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error $(NPM_PACKAGES) >/dev/null \
	    || echo "skipping what needs$$missing: install them with npm"; \
	fi

test: $(BIN)/.dev tools
	MEDFUZZ_REQUIRE_ALL=$(REQUIRE_ALL) $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

bench: $(BIN)/.dev
	$(BIN)/python -m benchmarks

# Hours: 8,000 cases each of the pump, two minutes each of the devices over Bluetooth LE, ten seeds; what was run is kept in build/guided.
bench-guided: $(BIN)/.dev
	$(BIN)/python -m benchmarks.guided pump --cases 8000 --seeds 10
	$(BIN)/python -m benchmarks.guided pump --only guided --only 'boofuzz network' --only 'boofuzz maintenance' --cases 8000 --seeds 10 --plot boofuzz
	$(BIN)/python -m benchmarks.guided pump_pty --only guided --only enumerate --cases 500 --seeds 10
	$(BIN)/python -m benchmarks.guided insulin --time 120s --seeds 10
	$(BIN)/python -m benchmarks.guided glucometer --time 120s --seeds 10

mutants: $(BIN)/.dev
	rm -rf mutants
	$(BIN)/python -m benchmarks.mutants

firmware: $(BIN)/.dev
	$(BIN)/python -m targets.pump.build --salt '$(SALT)'
	$(BIN)/python -m targets.insulin.build --salt '$(SALT)'
	$(BIN)/python -m targets.glucometer.build --salt '$(SALT)'

wheels: $(BIN)/.dev
	for target in $(WHEELS); do \
		MEDFUZZ_WHEEL_TARGET=$$target $(BIN)/pip wheel --quiet --no-deps --wheel-dir dist . || exit 1; \
	done

clean:
	rm -rf $(VENV) build mutants targets/board/native/board-*
