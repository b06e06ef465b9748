# Ringbox: everything a developer does, one target each. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

# The tool chain may be installed without being on PATH.
ifeq ($(shell command -v swift 2>/dev/null),)
  export PATH := /opt/swift/usr/bin:$(PATH)
endif

# One build configuration for build, run, test and check: nothing is compiled twice.
SWIFT_FLAGS := -c release -Xswiftc -enable-testing
BIN := .build/release
ASSETS := .build/guest-assets
PREFIX ?= /usr/local
T ?= 60
MEMORY ?= 512M
CPUS ?= 2
APPEND ?= console=ttyS0

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install the Debian packages that all targets need; quiet when nothing is to do
	@Tools/setup.sh all

.PHONY: build
build: ## build the command line, the VM process and the tools (release)
	@Tools/setup.sh build
	swift build $(SWIFT_FLAGS)

.PHONY: run
run: ## boot a Linux guest to a shell on this terminal (MEMORY=512M CPUS=2 APPEND=...)
	@Tools/setup.sh run
	swift build $(SWIFT_FLAGS)
	@Tools/guest-assets/demo.sh $(ASSETS)
	@exec $(BIN)/ringbox run --memory $(MEMORY) --cpus $(CPUS) --kernel $(ASSETS)/demo/linux \
	  --initrd $(ASSETS)/demo/initrd.gz --append "$(APPEND)" --serial stdio

.PHONY: test
test: ## build and run all tests; FILTER=regex for some of them
	@Tools/setup.sh test
	@Tools/test.sh $(if $(FILTER),--filter '$(FILTER)')

.PHONY: check
check: ## everything but the tests: format, imports, unsafe fence, hot-path purity, generated code, documents
	@Tools/setup.sh build
	swift build $(SWIFT_FLAGS)
	@Tools/checks/run.py

.PHONY: format
format: ## rewrite the Swift files as the format check wants them
	@find Package.swift Sources Tests -name '*.swift' -not -path '*/Generated/*' -not -path '*/Fixtures/*' -print0 \
	  | xargs -0 -r swift format --in-place --parallel --configuration .swift-format

.PHONY: generate
generate: ## rewrite Generated/ from the instruction table
	swift build $(SWIFT_FLAGS) --product isa-gen
	$(BIN)/isa-gen

.PHONY: goldens
goldens: ## rewrite Tests/Goldens: what the recompiler makes of each guest instruction; review the diff
	swift build $(SWIFT_FLAGS) --build-tests
	RINGBOX_GOLDENS=write swift test --skip-build $(SWIFT_FLAGS) --filter GoldenCode
	@git --no-pager diff --stat -- Tests/Goldens

.PHONY: code-map
code-map: ## rewrite the code map of ARCHITECTURE.md
	@Tools/code-map.py

.PHONY: ratchet
ratchet: ## lower the numbers in Tools/checks/ratchets.txt to what the tree has reached
	@Tools/checks/run.py --lower-ratchets

.PHONY: bench
bench: ## compare with the host, QEMU and Bochs; prints ratios, writes JSON (ARGS='--quick --groups integer')
	@Tools/setup.sh bench
	swift build $(SWIFT_FLAGS)
	Benchmarks/run.py $(ARGS)

.PHONY: proof
proof: ## real programs in a Debian guest prove the processor (ARGS='--short --engine interpreter')
	@Tools/setup.sh test
	swift build $(SWIFT_FLAGS)
	Tools/guest-proof.py $(ARGS)

.PHONY: bench-network
bench-network: ## TCP throughput and ping latency beside QEMU; ARGS as for Benchmarks/network.py
	@Tools/setup.sh bench
	swift build $(SWIFT_FLAGS)
	@Tools/guest-assets/ssh-disk.sh $(ASSETS)
	Benchmarks/network.py --ringbox $(BIN)/ringbox --assets $(ASSETS) $(ARGS)

.PHONY: bench-display
bench-display: ## how long pixels take to viewers, and what video costs; ARGS as for Benchmarks/display.py
	@Tools/setup.sh test
	swift build $(SWIFT_FLAGS)
	Benchmarks/display.py --build $(BIN) $(ARGS)

.PHONY: field
field: ## Vagrant and Packer, unchanged, with ringbox in VBoxManage's place
	@Tools/setup.sh field
	swift build $(SWIFT_FLAGS)
	@Tools/guest-assets/grub-disk.sh $(ASSETS)
	@Tools/guest-assets/ssh-disk.sh $(ASSETS)
	@Tools/guest-assets/debian-root.sh $(ASSETS)
	Tools/field.sh $(BIN) $(ASSETS)
	Tools/field-ssh.sh $(BIN) $(ASSETS)
	Tools/field-debian.sh $(BIN) $(ASSETS)

.PHONY: fuzz
fuzz: ## run the fuzzers for T seconds each (T=60)
	@Tools/setup.sh test
	@RINGBOX_FUZZ_SECONDS=$(T) Tools/test.sh --filter Fuzz

.PHONY: install
install: ## install to PREFIX (/usr/local), self-contained; DESTDIR for packagers; LINKS=1: as VBoxManage too
	@Tools/setup.sh build
	swift build -c release --static-swift-stdlib --scratch-path .build/install --product ringbox
	swift build -c release --static-swift-stdlib --scratch-path .build/install --product ringbox-vm
	swift build -c release --static-swift-stdlib --scratch-path .build/install --product ringbox-net
	swift build -c release --static-swift-stdlib --scratch-path .build/install --product ringboxd
	swift build -c release --static-swift-stdlib --scratch-path .build/install --product ringbox-sdl
	install -D -m 755 -s .build/install/release/ringbox '$(DESTDIR)$(PREFIX)/bin/ringbox'
	install -D -m 755 -s .build/install/release/ringbox-vm '$(DESTDIR)$(PREFIX)/bin/ringbox-vm'
	install -D -m 755 -s .build/install/release/ringbox-net '$(DESTDIR)$(PREFIX)/bin/ringbox-net'
	install -D -m 755 -s .build/install/release/ringboxd '$(DESTDIR)$(PREFIX)/bin/ringboxd'
	install -D -m 755 -s .build/install/release/ringbox-sdl '$(DESTDIR)$(PREFIX)/bin/ringbox-sdl'
	install -d '$(DESTDIR)$(PREFIX)/share/ringbox/web'
	install -m 644 Sources/ringboxd/Web/* '$(DESTDIR)$(PREFIX)/share/ringbox/web'

	mkdir -p .build/install/text
	for shell in bash zsh fish; do .build/install/release/ringbox completions $$shell > .build/install/text/$$shell; done
	install -D -m 644 .build/install/text/bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ringbox'
	for name in VBoxManage vboxmanage; do ln -sf ringbox "$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name"; done
	install -D -m 644 .build/install/text/zsh '$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_ringbox'
	install -D -m 644 .build/install/text/fish '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/ringbox.fish'
	rm -rf .build/install/text/man
	.build/install/release/ringbox man --folder .build/install/text/man
	install -d '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -m 644 .build/install/text/man/* '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -d '$(DESTDIR)$(PREFIX)/lib/systemd/user'
	sed 's|@PREFIX@|$(PREFIX)|' Tools/install/ringbox-autostart.service > '$(DESTDIR)$(PREFIX)/lib/systemd/user/ringbox-autostart.service'
	if [ -n '$(LINKS)' ]; then for name in VBoxManage vboxmanage VBoxHeadless VBoxAutostart; do \
	  ln -sf ringbox '$(DESTDIR)$(PREFIX)/bin/'$$name; done; \
	  for name in VBoxSDL vboxsdl; do ln -sf ringbox-sdl '$(DESTDIR)$(PREFIX)/bin/'$$name; done; fi

.PHONY: man
man: ## write the manual pages to .build/man
	@Tools/setup.sh build
	swift build $(SWIFT_FLAGS) --product ringbox
	$(BIN)/ringbox man --folder .build/man

.PHONY: clean
clean: ## remove everything that was built, guest assets included
	rm -rf .build
