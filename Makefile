# The face for people and packagers. `make` alone builds what `make install` installs.

PREFIX      ?= /usr
DESTDIR     ?=
SBINDIR     ?= $(PREFIX)/sbin
BINDIR      ?= $(PREFIX)/bin
LIBEXECDIR  ?= $(PREFIX)/libexec/vipd
MANDIR      ?= $(PREFIX)/share/man
DOCDIR      ?= $(PREFIX)/share/doc/vipd
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d

CARGO    ?= cargo
INSTALL  ?= install
ROUNDS   ?= 20
DAEMON   ?= vipd
PROGRAMS  = vipd vipd-vrrpe vipd-checker vipd-starter vipctl
CHILDREN  = vipd-vrrpe vipd-checker vipd-starter
RELEASE   = $(CARGO_TARGET_DIR)/release
DEBUG     = $(CARGO_TARGET_DIR)/debug

# make fuzz: what, and how long each.
TARGET   ?= packet step ipc conf control
SECONDS  ?= 60
FUZZ      = $(CARGO_TARGET_DIR)/fuzz
HOST      = $(shell rustc --print host-tuple)
FUZZERS   = $(FUZZ)/$(HOST)/fuzz
# What libFuzzer needs to see which branches an input takes; cargo-fuzz does the same.
COVERAGE  = --cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
	-Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares

# Where an installed vipd looks for its siblings, and vipctl for vipd; a build tree needs none of it.
export VIPD_LIBEXECDIR = $(LIBEXECDIR)
export VIPD_SBINDIR = $(SBINDIR)
export CARGO_TARGET_DIR ?= target

# One package at a time, so that the features of one program's crates do not leak into another.
all:
	@for program in vipd vrrpe checker vipd-starter vipctl; do \
		echo "$(CARGO) build --release -p $$program" && \
		$(CARGO) build --release --locked -p $$program || exit 1; \
	done

# The three scenarios on this machine, on screen. DAEMON=keepalived plays them with keepalived.
demo: root packages
	$(CARGO) build --locked --workspace
	$(DEBUG)/demo --daemon $(DAEMON)

# vipd and keepalived side by side, in turn, ROUNDS times.
bench: root packages all
	$(CARGO) build --release --locked -p vipd-lab
	$(RELEASE)/bench --bin-dir $(RELEASE) --rounds $(ROUNDS)
	$(RELEASE)/bench --bin-dir $(RELEASE) --rounds $(ROUNDS) --timers
	$(RELEASE)/bench --bin-dir $(RELEASE) --flood

# Everything that must hold. Installs missing Debian packages. What the build has still to write
# would make the tests' own programs start late, so it is written first.
test: root packages check
	$(CARGO) build --locked --workspace --all-targets
	sync
	$(CARGO) test --locked --workspace --no-fail-fast

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet
	@for page in man/*.[1-9]; do \
		test ! -e "$$page" || mandoc -T lint -W warning "$$page" || exit 1; \
	done

# Whether the simulator of the protocol notices a core that is wrong in one place.
mutants:
	vrrpe/core/tests/mutants.sh

# Looks for input that breaks a promise. What it finds is kept in $(FUZZ) and made use of the next
# time; fuzz-keep adds what reaches new code to the corpus that the tests replay.
fuzz: fuzz-build
	@for target in $(TARGET); do \
		mkdir -p $(FUZZ)/corpus/$$target $(FUZZ)/crashes && \
		echo "fuzzing $$target for $(SECONDS) s" && \
		$(FUZZERS)/$$target -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 \
			-print_final_stats=1 -artifact_prefix=$(FUZZ)/crashes/$$target- \
			-dict=$(FUZZ)/words $(FUZZ)/corpus/$$target vrrpe/fuzz/corpus/$$target \
			$$(test $$target != conf || echo parent/conf/tests/cases) || exit 1; \
	done

fuzz-keep: fuzz-build
	@for target in $(TARGET); do \
		rm -rf $(FUZZ)/kept && cp -r vrrpe/fuzz/corpus/$$target $(FUZZ)/kept && \
		{ test $$target != conf || cp parent/conf/tests/cases/*.conf $(FUZZ)/kept; } && \
		$(FUZZERS)/$$target -set_cover_merge=1 -use_counters=0 \
			$(FUZZ)/kept $(FUZZ)/corpus/$$target && \
		find $(FUZZ)/kept -regextype posix-extended -regex '.*/[0-9a-f]{40}' \
			-exec cp -t vrrpe/fuzz/corpus/$$target {} + || exit 1; \
	done

# The words are those of the language, as the cases of its tests have them.
fuzz-build:
	@command -v c++ >/dev/null || { \
		echo "make fuzz needs a C++ compiler, to build libFuzzer: apt-get install g++" >&2; \
		exit 1; \
	}
	RUSTFLAGS="$(COVERAGE)" CARGO_TARGET_DIR=$(FUZZ) $(CARGO) build --locked --profile fuzz \
		--target $(HOST) -p vipd-fuzz --features libfuzzer --bins
	@cat parent/conf/tests/cases/*.conf | grep -aoE '[a-z_]{3,}' | sort -u | sed 's/.*/"&"/' > $(FUZZ)/words

root:
	@test "$$(id -u)" = 0 || { \
		echo "This needs root: it makes network namespaces, interfaces and addresses" \
			"(none of them the host's own). Try: sudo make $(MAKECMDGOALS)" >&2; \
		exit 1; \
	}

packages:
	@.ci/packages

install:
	@for program in $(PROGRAMS); do \
		test -x $(RELEASE)/$$program || { echo "Run make first: no $(RELEASE)/$$program" >&2; exit 1; }; \
	done
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR) \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man8 \
		$(DESTDIR)$(DOCDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(TMPFILESDIR)
	$(INSTALL) -m 755 $(RELEASE)/vipd $(DESTDIR)$(SBINDIR)/vipd
	$(INSTALL) -m 755 $(RELEASE)/vipctl $(DESTDIR)$(BINDIR)/vipctl
	for program in $(CHILDREN); do \
		$(INSTALL) -m 755 $(RELEASE)/$$program $(DESTDIR)$(LIBEXECDIR)/$$program || exit 1; \
	done
	for page in man/*.[578]; do \
		section="$${page##*.}"; \
		$(INSTALL) -m 644 "$$page" "$(DESTDIR)$(MANDIR)/man$$section/" || exit 1; \
	done
	sed -e 's|@SBINDIR@|$(SBINDIR)|' parent/pkg/vipd.service > $(DESTDIR)$(UNITDIR)/vipd.service
	chmod 644 $(DESTDIR)$(UNITDIR)/vipd.service
	$(INSTALL) -m 644 parent/pkg/sysusers.conf $(DESTDIR)$(SYSUSERSDIR)/vipd.conf
	$(INSTALL) -m 644 parent/pkg/tmpfiles.conf $(DESTDIR)$(TMPFILESDIR)/vipd.conf
	$(INSTALL) -m 644 parent/pkg/vipd.conf.example $(DESTDIR)$(DOCDIR)/vipd.conf.example
	$(INSTALL) -d $(DESTDIR)$(COMPLETIONS)
	$(INSTALL) -m 644 parent/pkg/completions/vipctl.bash $(DESTDIR)$(COMPLETIONS)/vipctl
	$(INSTALL) -m 644 LICENSE README.md $(DESTDIR)$(DOCDIR)/

# vipd under the name keepalived (AS KEEPALIVED in vipd(8)): programs that start keepalived, or send
# it signals, start vipd. The package keepalived must not be there: its own program would be replaced.
install-keepalived: install
	@test ! -e $(DESTDIR)$(SBINDIR)/keepalived -o -L $(DESTDIR)$(SBINDIR)/keepalived || { \
		echo "$(DESTDIR)$(SBINDIR)/keepalived is there: remove the package keepalived first" >&2; \
		exit 1; \
	}
	ln -sfn vipd $(DESTDIR)$(SBINDIR)/keepalived
	$(INSTALL) -d $(DESTDIR)/etc/keepalived

uninstall:
	test ! -L $(DESTDIR)$(SBINDIR)/keepalived || rm -f $(DESTDIR)$(SBINDIR)/keepalived
	rm -f $(DESTDIR)$(SBINDIR)/vipd $(DESTDIR)$(BINDIR)/vipctl
	for program in $(CHILDREN); do rm -f $(DESTDIR)$(LIBEXECDIR)/$$program; done
	for page in man/*.[578]; do rm -f "$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}"; done
	rm -f $(DESTDIR)$(UNITDIR)/vipd.service $(DESTDIR)$(SYSUSERSDIR)/vipd.conf \
		$(DESTDIR)$(COMPLETIONS)/vipctl \
		$(DESTDIR)$(TMPFILESDIR)/vipd.conf $(DESTDIR)$(DOCDIR)/vipd.conf.example \
		$(DESTDIR)$(DOCDIR)/LICENSE $(DESTDIR)$(DOCDIR)/README.md
	-rmdir $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(DOCDIR)

clean:
	$(CARGO) clean

.PHONY: all demo bench test check mutants fuzz fuzz-keep fuzz-build root packages install \
	install-keepalived uninstall clean
