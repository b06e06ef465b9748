#!/bin/bash
# Runs in the proof guest as its first process, from the tmpfs /proof: does each proof that
# /proof/config names, and says on the serial port
#   PROOF-START NAME
#   PROOF NAME ok SECONDS [what was seen]     or     PROOF NAME FAIL SECONDS reason
# and at the end PROOF-END, then powers off.
#
# What is right comes from /proof/expected, which the host computed. config sets:
#   proofs            which, in order
#   limit             s a proof may take
#   stress_seconds    s, and
#   stress_ops        operations at most for each method of a stressor
#   stress_memory     for each of the two memory stressors
#   stress_cpu_methods, stress_vm_methods   which of the methods; empty for all
#   openssl_seconds   s for each algorithm of `openssl speed`
#   smc_scale         amount of self-modifying code, 1 is a fraction of a second natively
# shellcheck disable=SC1091,SC2154 # what /proof/config sets
# shellcheck disable=SC2094 # diff reads a list, after the loop over it has written another
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 TMPDIR=/tmp TERM=dumb

prepare() {
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mkdir -p /dev/pts /dev/shm
    mount -t devpts devpts /dev/pts
    mount -t tmpfs tmpfs /dev/shm
    mount -t tmpfs tmpfs /tmp
    mount -t tmpfs tmpfs /run
    ln -sf /proc/self/fd /dev/fd
    ip link set lo up
    hostname proof
    mkdir -p /tmp/here
    cd /tmp/here || exit 1
}

# A proof is a function proof_NAME: its status says whether it holds, the last line of its output
# what was seen.

# stress KIND WANTED ARGUMENT...: every method of one stressor by itself, so that a failure has a name.
stress() {
    local kind=$1 wanted=$2 methods method failed="" count=0
    shift 2
    methods=${wanted:-$(stress-ng --"$kind"-method which 2>&1 | sed 's/.*: //' | tail -n 1)}
    for method in $methods; do
        [[ $method != all ]] || continue
        if stress-ng --"$kind" 2 --"$kind"-method "$method" --"$kind"-ops "$((2 * stress_ops))" --verify \
            --timeout "${stress_seconds}s" "$@" >/tmp/here/stress.log 2>&1; then
            count=$((count + 1))
        else
            failed+=" $method($(grep -m 1 -E 'fail|error|must be' /tmp/here/stress.log | cut -c 1-120))"
        fi
    done
    echo "$count methods${failed:+, but failed:$failed}"
    [[ $count -gt 0 && -z $failed ]]
}

proof_stress-cpu() { stress cpu "$stress_cpu_methods"; }
proof_stress-vm() { stress vm "$stress_vm_methods" --vm-bytes "$stress_memory"; }

# Lines `ALGORITHM VALUE`, as the host has them too.
proof_openssl-dgst() {
    local algorithm
    while read -r algorithm _; do
        echo "$algorithm $(openssl dgst "-$algorithm" -r /proof/data | cut -d ' ' -f 1)"
    done </proof/expected/dgst >dgst
    diff /proof/expected/dgst dgst >dgst.diff || { head -n 4 dgst.diff | paste -s -d ' '; return 1; }
    echo "$(wc -l <dgst) digests as on the host"
}

proof_openssl-enc() {
    local cipher
    while read -r cipher _; do
        openssl enc "-$cipher" -K "$(cat /proof/key)" -iv "$(cat /proof/iv)" -in /proof/data -out sealed 2>enc.log &&
            openssl enc -d "-$cipher" -K "$(cat /proof/key)" -iv "$(cat /proof/iv)" -in sealed -out opened 2>>enc.log &&
            cmp opened /proof/data && echo "$cipher $(sha256sum <sealed | cut -d ' ' -f 1)"
    done </proof/expected/enc >enc
    diff /proof/expected/enc enc >enc.diff || { head -n 4 enc.diff | paste -s -d ' '; return 1; }
    echo "$(wc -l <enc) ciphers as on the host"
}

proof_openssl-sign() {
    openssl dgst -sha256 -sign /proof/rsa.pem -out signature /proof/data || return 1
    cmp signature /proof/expected/rsa-signature || return 1
    openssl dgst -sha256 -verify /proof/ec.pub -signature /proof/expected/ec-signature /proof/data || return 1
    openssl dgst -sha256 -sign /proof/ec.pem -out own /proof/data || return 1
    openssl dgst -sha256 -verify /proof/ec.pub -signature own /proof/data || return 1
    echo "RSA signature as on the host, EC signatures verify"
}

# It checks its own results (signatures verify, keys agree) and says so in its status.
proof_openssl-speed() {
    local algorithm
    for algorithm in sha256 sha512 aes-128-cbc aes-256-gcm chacha20-poly1305; do
        openssl speed -mr -seconds "$openssl_seconds" -bytes 1024 -evp "$algorithm" >speed.log 2>&1 || {
            echo "$algorithm: $(tail -n 1 speed.log)"
            return 1
        }
        grep -qE '^\+F:.*:[0-9.]*[1-9]' speed.log || { echo "$algorithm: no rate"; return 1; }
    done
    for algorithm in rsa2048 ecdsap256 ecdhp256 ecdhx25519 ed25519; do
        openssl speed -mr -seconds "$openssl_seconds" "$algorithm" >speed.log 2>&1 || {
            echo "$algorithm: $(tail -n 1 speed.log)"
            return 1
        }
        if grep -qiE 'error|failure|bad' speed.log; then echo "$algorithm: $(grep -iE -m 1 'error|failure|bad' speed.log)"; return 1; fi
    done
    echo "5 symmetric and 5 public-key algorithms"
}

# proof_python-NAME runs Python's own test_NAME.
python_test() {
    python3 -m test --timeout "$limit" "test_$1" >python.log 2>&1 && grep -q 'Tests result: SUCCESS' python.log && {
        grep -E '^(Total duration|All [0-9]|1 test OK)' python.log | paste -s -d ' '
        return 0
    }
    grep -E '^(FAIL|ERROR|TypeError|AssertionError|test_.* failed)' python.log | head -n 5 | paste -s -d ';'
    return 1
}
for test in math float decimal struct zlib hashlib threading subprocess mmap; do
    eval "proof_python-$test() { python_test $test; }"
done

proof_gcc() {
    local level
    for level in -O0 -O2 "-O3 -m64 -ftree-vectorize"; do
        # shellcheck disable=SC2086 # several options
        gcc $level -o program /proof/program.c -lm || { echo "gcc $level failed"; return 1; }
        ./program >output || { echo "the program of $level ended with $?"; return 1; }
        cmp output /proof/expected/program || { echo "output of $level differs"; return 1; }
    done
    echo "$(wc -l </proof/program.c) lines, three levels, $(wc -l <output) lines of output as on the host"
}

proof_luajit() {
    luajit /proof/jit.lua >jit 2>&1 || { tail -n 1 jit; return 1; }
    luajit -joff /proof/jit.lua >nojit 2>&1 || { tail -n 1 nojit; return 1; }
    grep -qE '^traces[[:space:]]+[1-9]' jit || { echo "nothing was compiled"; return 1; }
    diff <(grep -v '^traces' jit) /proof/expected/jit >jit.diff || { head -n 4 jit.diff | paste -s -d ' '; return 1; }
    diff <(grep -v '^traces' nojit) /proof/expected/jit >jit.diff || { echo "uncompiled: $(head -n 1 jit.diff)"; return 1; }
    grep '^traces' jit
}

proof_gdb-watch() {
    gcc -g -O0 -pthread -o watched /proof/watched.c || return 1
    gdb -nx -batch -x /proof/watched.gdb ./watched >gdb.log 2>&1
    local wanted
    while IFS= read -r wanted; do
        grep -qF -- "$wanted" gdb.log || { echo "gdb did not say '$wanted': $(tail -n 3 gdb.log | paste -s -d ' ')"; return 1; }
    done </proof/expected/gdb
    if grep -q 'Could not insert' gdb.log; then grep -m 1 'Could not insert' gdb.log; return 1; fi
    echo "$(grep -c '^Hardware .*watchpoint' gdb.log) lines about hardware watchpoints"
}

# bench_group BINARY GROUP: every workload checks itself.
bench_group() {
    "/proof/$1" "$2" --scale "$smc_scale" --disk /dev/vdb >bench.log 2>&1
    if grep -m 3 '^fail' bench.log | paste -s -d ' ' | grep .; then return 1; fi
    grep -q '^bench' bench.log || { tail -n 1 bench.log; return 1; }
    echo "$(grep -c '^bench' bench.log) programs, skipped $(grep -c '^skip' bench.log)"
}
proof_smc() { bench_group bench-amd64 smc,translation; }
proof_smc-32() { bench_group bench-i386 smc,translation; }

# Results for which the host is the judge: checksums of the same amounts of work.
bench_checksums() {
    "/proof/$1" --plan /proof/plan >bench.log 2>&1
    if grep -m 3 '^fail' bench.log | paste -s -d ' ' | grep .; then return 1; fi
    awk '$1 == "bench" { print $2, $3, $5 }' bench.log >sums
    diff "/proof/expected/$1" sums >sums.diff || { head -n 4 sums.diff | paste -s -d ' '; return 1; }
    echo "$(wc -l <sums) programs compute what they compute on the host"
}
proof_programs() { bench_checksums bench-amd64; }
proof_programs-32() { bench_checksums bench-i386; }

# In a process of its own, so that its time can be bounded and what it started be ended.
if [[ ${1-} = one ]]; then
    source /proof/config
    "proof_$2"
    exit
fi

prepare
source /proof/config
echo "PROOF-BEGIN $(uname -r) $(nproc) processors"
for proof in $proofs; do
    echo "PROOF-START $proof"
    start=$SECONDS
    timeout -k 10 "$limit" bash "$0" one "$proof" >/tmp/out 2>&1
    status=$?
    seen=$(tail -n 1 /tmp/out | tr -c '[:print:]' ' ' | cut -c 1-400)
    [[ $status != 124 && $status != 137 ]] || seen="not done after $limit s; $seen"
    verdict=FAIL
    [[ $status != 0 ]] || verdict=ok
    [[ $verdict = ok ]] || tail -n 30 /tmp/out /tmp/here/*.log 2>/dev/null | cut -c 1-200
    echo "PROOF $proof $verdict $((SECONDS - start)) $seen"
    rm -rf /tmp/here/*
done
dmesg | grep -iE 'BUG:|Oops|general protection|segfault|stall|soft lockup|unknown NMI' | head -n 20 | sed 's/^/KERNEL /'
echo "PROOF-END"
sync
/proof/busybox poweroff -f
