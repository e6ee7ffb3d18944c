# Every program of coreutils on a sample call. Prints each command, what it printed and its exit code; run in an empty
# directory, on Linux and in the sandbox, the outputs must be equal. Nothing here may depend on time, pids or names of the host.
export LC_ALL=C TZ=UTC
umask 022
t() {
  echo "== $*"
  "$@" 2>&1
  echo "-- $?"
}
s() {
  echo "== $1"
  sh -c "$1" 2>&1
  echo "-- $?"
}
printf 'one\ntwo\nthree\nfour\nfive\n' > lines
printf 'b 2\na 1\nc 3\n' > pairs
printf 'a x\nb y\nd z\n' > other
printf '\tindented\ttext with tabs\n' > tabs
head -c 100000 /dev/zero > zeros
mkdir tree tree/sub
cp lines tree/file
ln -s file tree/link

t arch
t b2sum lines
t base32 lines
t base64 lines
t basename /a/b/c.txt .txt
t basenc --base16 lines
t cat lines tabs
s 'cat < lines | cat -A'
t chgrp 0 lines
t chmod -v 640 lines
t chmod -R u+x,g-w tree
t stat -c '%a %n' lines tree tree/file
t chown 0:0 lines
s 'chroot / /bin/echo in chroot'
t cksum lines zeros
s 'sort pairs > p; sort other > o; comm p o'
t cp -a tree copy
t cp --sparse=always zeros holes
s 'cmp zeros holes && ls copy/sub copy'
t cp -r tree nowhere/there
t csplit -s lines 3
t cat xx00 xx01
t cut -d ' ' -f 2 pairs
t date -u -d @86400 +%F_%T
t dd if=lines of=part bs=4 count=2 status=none
t cat part
s 'dd if=/dev/zero bs=1k count=3 2>&1 >/dev/null | head -2'
s 'df . | wc -l'
t dir tree
t dircolors -b /dev/null
t dirname /a/b/c
s 'du -a --apparent-size tree | wc -l'
t echo -e 'a\tb'
t env -i A=1 B=2
t expand tabs
t expr 6 \* 7
t factor 1234567890
t false
t fmt -w 10 lines
t fold -w 3 lines
t groups root
t head -n 2 lines
s 'hostid | wc -c'
t id -u
t id -Gn
t install -m 750 lines installed
t stat -c '%a %s' installed
t join p o
t link lines hard
t stat -c %h lines
t ln -s lines soft
t ln lines nowhere/x
s 'logname >/dev/null 2>&1; true'
t ls -1 tree
t ls -F tree
s 'ls -lR tree | sed "s/ [A-Z][a-z][a-z] .*:.. / /" | grep -v ^total'
t md5sum lines
t mkdir -p deep/er/est
t mkdir -m 700 private
t mkdir lines
t mkfifo pipe
s 'cat pipe & echo through > pipe; wait'
t mknod node p
t stat -c %F node pipe soft tree
s 'mktemp -p . -u XXXXXX | wc -c'
s 'd=$(mktemp -d -p .) && rmdir $d'
t mv hard moved
t mv -n lines moved
t mv tree/file tree/renamed
t mv missing x
t nice -n 5 nice
t nl lines
s 'nohup echo unhung < /dev/null'
t nproc
t numfmt --to=iec 123456789
t od -c pairs
t od -A x -t x1z -v part
t paste lines pairs
t pathchk -p 'bad name*'
s 'pinky -s >/dev/null; echo $?'
s 'pr -t -2 lines'
t printenv LC_ALL
t printf '%s %d %x\n' text 42 255
t ptx pairs
s 'pwd | sed "s/.*/same/"'
t readlink soft
s 'readlink -f soft | sed "s/.*\///"'
s 'realpath --relative-to=. tree/../soft'
t rm -r copy
t rm missing
t rm -f missing
t rmdir private
t rmdir tree
t seq 3 2 11
t sha1sum lines
t sha224sum lines
t sha256sum zeros
t sha384sum lines
t sha512sum lines
t shred -u part
t ls part
s 'shuf -i 1-10 | sort -n | tail -1'
t sleep 0.01
t sort -r lines
t sort -k 2n pairs
s 'seq 100000 | sort -R | sort -n | tail -1'
t split -l 2 lines piece-
t ls piece-aa piece-ab piece-ac
t stat -c '%s %f %h %u %g' lines zeros
t stat -f -c %T /proc
t stdbuf -oL echo unbuffered
s 'stty < /dev/null'
t sum lines
t sync
t tac lines
t tail -n 2 lines
s 'tail -c +5 lines | head -c 3'
s 'echo teed | tee t1 t2 | cat - t1 t2'
t test -d tree
t test lines -ot missing
t timeout 5 echo in time
t timeout 0.1 sleep 5
s '(timeout -s KILL 0.1 sleep 5; echo $?) 2>/dev/null'
t touch -d 2001-02-03T04:05:06 touched
t stat -c '%Y %X' touched
t touch -r touched touched2
t stat -c %Y touched2
s 'tr a-z A-Z < lines'
t true
t truncate -s 12345 sized
t stat -c '%s %b' sized
s 'printf "a b\nb c\n" | tsort'
s 'tty < /dev/null'
t uname -s
t uname -m
t unexpand -a tabs
s 'sort lines lines | uniq -c'
t unlink moved
s 'users >/dev/null'
t vdir -d --time-style=+ /nonexistent
t wc lines zeros
s 'who > /dev/null'
t whoami
s 'yes | head -3'
t [ 1 -lt 2 ]
t [ a = b ]
