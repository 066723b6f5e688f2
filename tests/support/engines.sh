# shellcheck shell=bash
# The engines that the tests run on, for tests/run to read in: PostgreSQL, Redis, a Redis Cluster
# and a key management service, each on free ports of 127.0.0.1 and gone afterwards.
#
# It uses `$work`, `say`, `fail`, `have`, `root` and `debian` of its reader, and `$TEST_PYTHON`.

# The lowest PostgreSQL that Waxseal runs on.
readonly POSTGRES=15
# The lowest redis-server whose cluster bus takes a port of its own.
readonly REDIS=7
# Most attempts to get an answer, 0.1 s apart.
readonly PATIENCE=300

# Where PostgreSQL's files are: the user that it runs as may go there, and not into `$work`.
postgres_place=

# end SIGNALS GROUP...: ends process groups by these signals, and after five seconds by force.
end() {
    local signals=$1 signal group
    shift
    for signal in $signals; do
        for group in "$@"; do
            kill "-$signal" -- "-$group" 2>/dev/null || true
        done
    done
    for _ in {1..50}; do
        for group in "$@"; do
            kill -0 -- "-$group" 2>/dev/null || continue
            sleep 0.1
            continue 2
        done
        # In a trap, `return` alone would repeat the code from before it.
        return 0
    done
    for group in "$@"; do
        kill -KILL -- "-$group" 2>/dev/null || true
    done
}

# Ends every server, and removes what PostgreSQL wrote.
stop_engines() {
    local groups
    # What the shell knows of itself: a server that was started just before a signal is among
    # them. SIGINT is PostgreSQL's fast shutdown, and others may have to ignore it.
    mapfile -t groups < <(jobs -p)
    end 'INT TERM' "${groups[@]}"
    [[ -z $postgres_place ]] || rm -rf "$postgres_place"
}

# launch NAME COMMAND...: in the background, in a process group of its own, for a terminal's Ctrl-C is meant
# for the tests. Its output is in `$work/NAME.log`.
launch() {
    local name=$1
    shift
    set -m
    # From a directory that every user may be in.
    (cd / && exec "$@") </dev/null >"$work/$name.log" 2>&1 &
    launched=$!
    set +m
}

# await NAME COMMAND...: until the command passes; the server that was launched last has to live.
await() {
    local name=$1
    shift
    for ((attempt = 0; attempt < PATIENCE; attempt++)); do
        kill -0 "$launched" 2>/dev/null || break
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    cat "$work/$name.log" >&2
    fail "$name does not answer"
}

# at_least LOWEST COMMAND...: whether what the command prints names at least this major version.
at_least() {
    local lowest=$1 printed
    shift
    printed=$("$@" 2>/dev/null) || return
    [[ $printed =~ ([0-9]+)\.[0-9] ]] && ((BASH_REMATCH[1] >= lowest))
}

# Sets TEST_POSTGRES_BIN to the directory of a PostgreSQL that is new enough.
find_postgres() {
    local bin
    for bin in "$(pg_config --bindir 2>/dev/null)" /usr/lib/postgresql/*/bin; do
        if [[ -x $bin/initdb && -x $bin/pg_dump ]] && at_least "$POSTGRES" "$bin/postgres" --version; then
            TEST_POSTGRES_BIN=$bin
            return
        fi
    done
    return 1
}

# Debian's package makes a cluster and starts it, unless it is told not to while it is installed.
install_postgres() {
    local told=/etc/postgresql-common/createcluster.d/waxseal-tests.conf
    debian postgresql-common
    root mkdir -p "${told%/*}"
    printf 'create_main_cluster = false\n' | root tee "$told" >/dev/null
    debian postgresql
    root rm -f "$told"
}

# Makes an authority in ca.pem, and a certificate of its for 127.0.0.1 in server.pem and server.key.
make_certificates() {
    "$TEST_PYTHON" - "$1" <<'MAKE' || fail "the certificates cannot be made"
import datetime, ipaddress, os, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

now = datetime.datetime.now(datetime.timezone.utc)

def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

def certificate(subject, issuer, key, signer, extension):
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(*extension)
        .sign(signer, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )

authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
is_authority = (x509.BasicConstraints(ca=True, path_length=0), True)
address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
key = server.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
for file, content in [
    ("ca.pem", certificate("tests", "tests", authority, authority, is_authority)),
    ("server.pem", certificate("server", "tests", server, authority, (address, False))),
    ("server.key", key),
]:
    path = os.path.join(sys.argv[1], file)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
        out.write(content)
MAKE
}

start_postgres() {
    local port=$1 as=() user=
    postgres_place=$(mktemp -d "${TMPDIR:-/tmp}/waxseal-postgres.XXXXXX")
    if [[ $(id -u) == 0 ]]; then
        # It refuses to run as root. `setpriv` becomes the command, and leaves no parent.
        user=nobody
        id postgres >/dev/null 2>&1 && user=postgres
        as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
        chown "$user" "$postgres_place"
    fi
    launch initdb "${as[@]}" "$TEST_POSTGRES_BIN/initdb" --pgdata="$postgres_place/data" \
        --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync
    wait "$launched" || {
        cat "$work/initdb.log" >&2
        fail "initdb fails"
    }
    printf 'host all all 127.0.0.1/32 trust\n' >"$postgres_place/data/pg_hba.conf"
    make_certificates "$work"
    install -m 0600 ${user:+-o "$user"} "$work/server.pem" "$work/server.key" "$postgres_place/data/"
    # Its log is looked through for values, so that it has to hold all that it ever could.
    cat >>"$postgres_place/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 300
fsync = on
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
log_statement = all
log_line_prefix = '%m [%p] %d '
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
SETTINGS
    launch PostgreSQL "${as[@]}" "$TEST_POSTGRES_BIN/postgres" -D "$postgres_place/data"
    await PostgreSQL "$TEST_POSTGRES_BIN/psql" --no-psqlrc -h 127.0.0.1 -p "$port" -U postgres -c 'SELECT 1'
    export TEST_POSTGRES=postgres://postgres@127.0.0.1:$port/postgres
    export TEST_POSTGRES_LOG=$work/PostgreSQL.log
    export TEST_POSTGRES_CA=$work/ca.pem
    export TEST_POSTGRES_BIN
}

# start_redis NAME PORT ARGUMENTS...: one that keeps nothing on disk.
start_redis() {
    local name=$1 port=$2
    shift 2
    mkdir "$work/$name"
    launch "$name" "$TEST_REDIS_SERVER" --bind 127.0.0.1 --port "$port" --dir "$work/$name" \
        --save '' --appendonly no "$@"
    await "$name" redis-cli -p "$port" -e ping
}

# start_cluster PORT BUS PORT BUS PORT BUS: three masters, each of a third of the slots.
start_cluster() {
    local nodes=() urls=()
    while (($#)); do
        start_redis "Redis-Cluster-$1" "$1" --cluster-enabled yes --cluster-port "$2"
        nodes+=("127.0.0.1:$1")
        urls+=("redis://127.0.0.1:$1")
        shift 2
    done
    redis-cli --cluster create "${nodes[@]}" --cluster-replicas 0 --cluster-yes \
        >"$work/cluster.log" 2>&1 || {
        cat "$work/cluster.log" >&2
        fail "redis-cli cannot make a cluster"
    }
    local node
    for node in "${nodes[@]}"; do
        await "Redis-Cluster-${node#*:}" settled "${node#*:}"
    done
    TEST_REDIS_CLUSTER=$(IFS=,; printf '%s' "${urls[*]}")
    export TEST_REDIS_CLUSTER
}

# Whether a node of the cluster serves, and knows all three.
settled() {
    local info
    info=$(redis-cli -p "$1" -e cluster info)
    [[ $info == *cluster_state:ok* && $info == *cluster_size:3* ]]
}

start_kms() {
    local port=$1
    launch KMS "${TEST_PYTHON%/*}/moto_server" -H 127.0.0.1 -p "$port"
    await KMS "$TEST_PYTHON" -c \
        'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' \
        "http://127.0.0.1:$port/moto-api/data.json"
    export TEST_KMS=http://127.0.0.1:$port
}

# Installs what is missing, starts all of them, and says by TEST_POSTGRES, TEST_POSTGRES_LOG,
# TEST_POSTGRES_BIN, TEST_REDIS, TEST_REDIS_CLUSTER, TEST_REDIS_SERVER and TEST_KMS where they are.
start_engines() {
    local ports
    find_postgres || install_postgres
    find_postgres || fail "PostgreSQL $POSTGRES or newer is needed, and apt has none"
    have redis-server && have redis-cli || debian redis-server
    at_least "$REDIS" redis-server --version || fail "Redis $REDIS or newer is needed"
    TEST_REDIS_SERVER=$(command -v redis-server)
    export TEST_REDIS_SERVER

    say "starting PostgreSQL, Redis, a Redis Cluster and a key management service"
    # Bound at once, so that no two are the same.
    read -ra ports < <("$TEST_PYTHON" -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(9)]
print(*(each.getsockname()[1] for each in sockets))
')
    start_postgres "${ports[0]}"
    start_redis Redis "${ports[1]}"
    export TEST_REDIS=redis://127.0.0.1:${ports[1]}
    start_cluster "${ports[@]:2:6}"
    start_kms "${ports[8]}"
}
