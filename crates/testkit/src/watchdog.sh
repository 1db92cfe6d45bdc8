# Runs one PostgreSQL server for as long as somebody holds the other end of standard input.
#
# That end is held by one process and inherited by nobody, so it closes however that process ends, SIGKILL included.
# (PR_SET_PDEATHSIG would not do: it is tied to the thread that forked.) Then the server is stopped and the run
# directory removed. The watchdog leads a process group of its own, so a Ctrl-C in the terminal doesn't reach the
# server before its owner has decided.
#
# arguments: how to prepare (nothing | copy | backup), its source, the data directory, the run directory, the signal
# that stops the server, the seconds after which it gets SIGQUIT; then the server's command line.
prepare=$1 source=$2 data=$3 run=$4 signal=$5 patience=$6
shift 6

leave() {
    cd / && rm -rf -- "$run"
    exit "$1"
}

# Built aside and renamed: a data directory under its own name is complete.
case $prepare in
copy)
    rm -rf -- "$data.new"
    if [ "$(uname)" = Linux ]; then flags='-a --reflink=auto'; else flags='-Rp'; fi
    cp $flags -- "$source" "$data.new" && mv -- "$data.new" "$data" || leave 1
    ;;
backup)
    # The connection comes by PG… variables, so that no password is on a command line.
    # --write-recovery-conf is of no use: a newer pg_basebackup writes options that an older server refuses.
    "$source" --pgdata="$data" --no-password --no-sync --checkpoint=fast --wal-method=stream || leave 1
    : >"$data/standby.signal"
    unset PGHOST PGPORT PGUSER PGPASSWORD
    ;;
esac

"$@" </dev/null &
server=$!
echo "tenantry-server-pid $server" >&2
# From here on, standard error ends when the server does.
exec >/dev/null 2>&1
trap '' HUP INT QUIT

directory=remove
# `|| [ -n "$word" ]` is missing on purpose: a cut-off word is no order.
while read -r word; do
    [ "$word" = keep ] && directory=keep
done

kill -"$signal" "$server"
(
    nap=
    trap '[ -n "$nap" ] && kill "$nap" && wait "$nap"; exit' TERM
    sleep "$patience" & nap=$!
    wait "$nap"
    kill -QUIT "$server"
    sleep "$patience" & nap=$!
    wait "$nap"
    kill -KILL "$server"
) &
timer=$!
wait "$server"
kill "$timer"
wait "$timer"
[ "$directory" = keep ] || leave 0
