# Programs that draw on a terminal, in panes of a tmux: shells with job control, vim, less, top, htop, a tmux within, resizing, script.
# Needs: tmux vim less top htop script python3
# Timeout: 900
export LC_ALL=C.UTF-8 HOME=$PWD SHELL=/bin/sh
unset TMUX
t="tmux -L outer-$$ -f /dev/null"
seq 1000 > numbers
# Waits until the pane shows a pattern, for a minute at most, and prints it.
shows() {
  for _ in $(seq 600); do
    $t capture-pane -p > screen; grep -qE -- "$1" screen && break
    sleep 0.1
  done
  echo "---- $1"; sed 's/ *$//' screen | cat -s
}
# Waits for a pattern and for the shell to be back at its prompt.
shell() {
  for _ in $(seq 600); do
    $t capture-pane -p > screen; grep -qE -- "$1" screen && [ "$(grep -v '^$' screen | tail -1)" = '>' ] && break
    sleep 0.1
  done
  echo "---- $1"; sed 's/ *$//' screen | cat -s
}
# The same without printing what differs from run to run.
reaches() { shows "$1" > /dev/null; grep -cE -- "$1" screen; }
keys() { $t send-keys "$@"; }
# A command for the shell, typed when it is back at its prompt: programs that end throw away what is typed ahead.
fresh() {
  for _ in $(seq 600); do
    [ "$($t capture-pane -p | grep -v '^$' | tail -1)" = '>' ] && break
    sleep 0.1
  done
  keys C-l; keys "$1" Enter
}
$t new-session -d -x 80 -y 24 "env PS1='> ' bash --norc --noprofile" \; set -g status off \; set -g default-terminal screen
shows '^>'
fresh 'tput cols; tput lines; stty size; stty -a | grep -c icanon; test -t 0 && tty | cut -c1-9'; shell '^/dev/pts/'
fresh 'vim -u NONE -i NONE numbers'; shows '^23$'; keys G; shows '^1000$'; keys o 'from vim' Escape yy 2p; shows 'from vim'
keys ':w' Enter; shows 'written'; keys ':!tail -1 numbers; echo $((6 * 7))' Enter; shows '^42$'; keys Enter
keys ':%s/from/by/g' Enter; shows 'by vim'; keys u; reaches 'from vim'; keys C-z; shows Stopped; keys 'fg' Enter; shows 'from vim'; keys ':q!' Enter
fresh 'tail -2 numbers; wc -l numbers'; shell '^1003 numbers'
fresh 'less numbers'; shows '^23$'; keys Space; shows '^46$'; keys /500 Enter; shows '^522$'; keys G; shows END; keys q
fresh 'seq 100 | less'; shows '^23$'; keys G; shows '^100$'; keys q
fresh 'less -F numbers | head -2; echo through'; shell '^through$'
fresh 'sh -c "echo ready >&2; exec sleep 100" | cat'; shows '^ready$'; keys C-c; fresh 'echo "code $?"'; shell '^code 130$'
fresh 'sh -c "echo ready; exec sleep 100"'; shows '^ready$'; keys C-z; shows Stopped; fresh 'jobs; bg; kill %1; wait %1 2> /dev/null; echo "code $?"'; shell '^code 143$' > /dev/null; grep -c sleep screen
fresh 'echo ready; cat -n'; shows '^ready$'; keys 'typed' Enter; shows '1.*typed$'; keys 'gone' C-u 'kept' Enter; keys C-d; fresh 'echo done'; shell '^done$'
fresh 'read -r -s -p "secret: " x; echo; echo "got $x"'; shows 'secret'; keys hidden Enter; shell '^got hidden$'
fresh 'top'; reaches 'PID USER'; reaches '^(MiB|GiB) Mem'; keys q; fresh 'echo left top'; reaches '^left top$'
fresh 'htop -d 1'; reaches 'F10'; reaches 'Load average'; keys q; fresh 'echo left htop'; reaches '^left htop$'
$t resize-window -x 100 -y 30; fresh 'stty size; echo $COLUMNS $LINES'; shell '^100 30$'
fresh "python3 -q -c 'import os, signal
signal.signal(signal.SIGWINCH, lambda *a: print(tuple(os.get_terminal_size()), flush=True))
print(\"waiting\")
for i in range(2): signal.pause()'"; shows '^waiting$'; $t resize-window -x 90 -y 28; shows '^\(90, 28\)$' > /dev/null; $t resize-window -x 80 -y 24; reaches '^\(80, 24\)$'
fresh "tmux -L inner-$$ -f /dev/null new 'env PS1=in: sh' \\; set -g status off"; shows '^in:'
keys 'stty size' Enter; shows '^24 80$'; keys C-b %; shows '│[#$]'; keys 'PS1=right:' Enter 'stty size' Enter; shows '24 39'
keys C-b d; fresh "tmux -L inner-$$ list-panes -F '#{pane_width} #{pane_height}'; tmux -L inner-$$ attach"; shows '24 39'; tmux -L inner-$$ kill-server; reaches 'exited'
fresh 'script -q -c "tty | cut -c1-9; echo scripted" log; wc -l < log'; shell '^[0-9]+$'
fresh 'python3 -q'; shows '^>>>'; keys '1 + 1' Enter; shows '^2$'; keys C-d
fresh 'exit 3'
for _ in $(seq 600); do $t ls > /dev/null 2>&1 || break; sleep 0.1; done
$t ls 2>&1 | sed 's/outer-[0-9]*/outer/; s/ on .*//; s/error connecting to .*/no server running/'
