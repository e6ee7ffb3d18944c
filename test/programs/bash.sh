# What shell scripts do: pipelines, loops, here-documents, traps, background jobs, substitutions. Run by bash.
export LC_ALL=C
echo "pipeline: $(printf 'c\nb\na\n' | sort | tr '\n' ' ' | sed 's/ $//')"
for i in 1 2 3; do printf '%s ' "$i"; done; echo
i=0; while [ $i -lt 5 ]; do i=$((i + 1)); [ $i -eq 3 ] && continue; printf '%s ' $i; done; echo
until false; do echo once; break; done
cat <<END
here: $((6 * 7)) $(echo nested)
END
cat <<'END'
quoted: $((6 * 7))
END
cat <<< "here string"
big=$(seq 1 20000); echo "${#big}"
cat <<END | wc -c
$big
END
trap 'echo got USR1' USR1
kill -USR1 $$
trap 'echo interrupted' INT
kill -INT $$
trap '' TERM
kill -TERM $$; echo "survived TERM"
trap - TERM
(trap 'echo child exit' EXIT; exit 3); echo "subshell $?"
sleep 0.1 & pid=$!; wait $pid; echo "waited $?"
sleep 10 & kill $!; wait $!; echo "killed $?"
(sleep 0.05; exit 7) & wait $!; echo "background $?"
for n in 1 2 3 4 5; do (exit $n) & pids[$n]=$!; done
for n in 5 4 3 2 1; do wait "${pids[$n]}"; printf '%s ' $?; done; echo
false | true; echo "pipestatus ${PIPESTATUS[*]}"
set -o pipefail; false | true; echo "pipefail $?"; set +o pipefail
yes | head -n 2; echo "sigpipe ${PIPESTATUS[*]}"
exec 5> fd5; echo to five >&5; exec 5>&-; cat fd5
exec 6< fd5; read -r line <&6; echo "read: $line"; exec 6<&-
{ echo out; echo err >&2; } 2>&1 | sort
echo appended >> fd5; wc -l < fd5
diff <(printf 'a\nb\n') <(printf 'a\nc\n'); echo "diff $?"
coproc REPLY_SERVER { while read -r l; do echo "reply $l"; done; }
echo ping >&"${REPLY_SERVER[1]}"; read -r answer <&"${REPLY_SERVER[0]}"; echo "$answer"
eval "exec ${REPLY_SERVER[1]}>&-"; wait
declare -A map=([one]=1 [two]=2); echo "${map[one]} ${map[two]} ${#map[@]}"
arr=(a b c); echo "${arr[@]:1}" "${#arr[@]}"
f() { local x=$1; [ "$x" -le 1 ] && echo 1 || echo $((x * $(f $((x - 1))))); }; f 6
case abc in a*) echo starts with a ;; esac
[[ abc =~ b(.) ]] && echo "match ${BASH_REMATCH[1]}"
mkdir -p globs/x && touch globs/{a,b,c}.txt globs/x/d.txt && (cd globs && echo *.txt */*)
shopt -s globstar; echo globs/**/*.txt
umask 027; touch masked; stat -c %a masked
(ulimit -n 50; ulimit -n)
command -v nothing_of_that_name; echo "missing $?"
nothing_of_that_name 2>/dev/null; echo "127: $?"
touch notexec; ./notexec 2>/dev/null; echo "126: $?"
{ bash -c 'kill -9 $$'; } 2> /dev/null; echo "128+9: $?"
{ bash -c 'kill -SEGV $$'; } 2> /dev/null; echo "128+11: $?"
printf 'exit 9\n' > script; chmod +x script; ./script; echo "no interpreter line $?"
printf '#!/bin/sh -e\necho "$0 $*"; false; echo not reached\n' > sh; chmod +x sh; ./sh a b; echo "script $?"
time_output=$( { TIMEFORMAT=%R; time true; } 2>&1 ); [[ $time_output =~ ^[0-9.]+$ ]] && echo "time works"
read -t 0.1 -r nothing < <(sleep 1); echo "read timed out: $(($? > 128))"
read -r -n 3 three <<< "abcdef"; echo "$three"
printf '%s\n' {1..5} | while read -r n; do echo -n "$n,"; done; echo
seq 1 300 | xargs -P 4 -n 50 sh -c 'echo $#' _ | sort | uniq -c | sed 's/^ *//'
find globs -name '*.txt' -exec basename {} \; | sort | tr '\n' ' '; echo
printf 'x=1\n' | sed 's/x/y/' | awk -F= '{print $1, $2 + 1}'
grep -c . /proc/self/status > /dev/null && echo "proc is there"
cd /; cd - > /dev/null; [ "$PWD" = "$(pwd -P)" ] && echo "same place"
echo "$$" | grep -q '^[0-9]*$' && echo "has a pid"
exit 42
