# Compilers, version control, Perl, busybox, archives: ordinary development tools at work.
export LC_ALL=C TZ=UTC GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_DATE='2001-02-03T04:05:06Z' GIT_COMMITTER_DATE='2001-02-03T04:05:06Z'
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@d
cat > hello.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
static void *run(void *n) { return (void *)((long)n * 2); }
int main(int argc, char **argv) {
  pthread_t t[4];
  long sum = 0;
  for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, run, (void *)i);
  for (int i = 0; i < 4; i++) { void *r; pthread_join(t[i], &r); sum += (long)r; }
  printf("hello %s %ld %.3f\n", argc > 1 ? argv[1] : "world", sum, sqrt(2));
  return 3;
}
END
gcc -O2 -Wall -o hello hello.c -lm -pthread && ./hello; echo "dynamic $?"
gcc -O2 -static -o hello-static hello.c -lm -pthread && ./hello-static arg; echo "static $?"
gcc -static-pie -o hello-pie hello.c -lm -pthread && ./hello-pie; echo "static-pie $?"
gcc -no-pie -o hello-nopie hello.c -lm -pthread && ./hello-nopie; echo "no-pie $?"
gcc -c nothing.c 2>&1 | head -1; echo 'int main(' > bad.c; gcc bad.c > /dev/null 2>&1; echo "syntax error $?"
printf 'int f(void){return 5;}' > lib.c; printf 'int f(void); int main(){return f();}' > main.c
gcc -shared -fPIC -o libf.so lib.c && gcc -o uses main.c -L. -lf && LD_LIBRARY_PATH=. ./uses; echo "shared library $?"
printf 'all: out\nout: hello.c\n\tcp $< $@\n\techo made\n' > Makefile; make -s 2>&1; make -s; make -j4 -B 2>&1 | sort
ar rcs libf.a 2>&1; gcc -c lib.c && ar rcs libf.a lib.o && gcc -o uses2 main.c libf.a && ./uses2; echo "archive $?"
git init -q -b main repo && cd repo && echo one > f && git add f && git commit -q -m first && echo two >> f && git commit -q -a -m second
git log --format='%h %s %an' && git status --short && git diff HEAD~1 --stat && git checkout -q -b side HEAD~1 && echo x > g && git add g
git commit -q -m third && git merge -q main -m merged && git log --oneline --graph | cat && git gc -q && git fsck 2>&1 | head -3
git tag v1 && git describe --tags && git clone -q . ../clone && git -C ../clone log --oneline | wc -l
git grep -c two; git stash list; cd ..
git -C clone remote -v | wc -l
perl -e 'print join(",", map { $_ * 2 } 1..5), "\n"; open(my $f, "<", "hello.c"); my @l = <$f>; print scalar(@l), "\n"; system("exit 3"); print $? >> 8, "\n";'
perl -e 'my $pid = fork; if (!$pid) { exit 4 } waitpid $pid, 0; print $? >> 8, "\n"; local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select undef, undef, undef, 3;'
perl -e 'use threads; 1' 2>/dev/null && perl -e 'use threads; print threads->create(sub { 42 })->join, "\n"'
tar cf t.tar repo/f hello.c && tar tf t.tar && mkdir x && tar xf t.tar -C x && cmp x/hello.c hello.c && echo tar works
gzip -k hello.c && gunzip -c hello.c.gz | cmp - hello.c && echo gzip works
echo 'for i in 1 2 3; do echo bb $i; done | tac | head -2; uname -s; expr 3 + 4' > bb.sh; busybox sh bb.sh
busybox ls -1 x | busybox sort -r; echo abc | busybox sha256sum; busybox sh -c 'sleep 0.1 & wait; echo waited'
awk 'BEGIN { "echo piped" | getline x; print x; print length("four") }'; sed -n '2{p;q}' hello.c; bc <<< '2^64' 2>/dev/null || echo no bc
find /usr/share/doc -maxdepth 1 -name 'ba*' | sort | head -3; diff -r repo clone > /dev/null; echo "diff $?"
dd if=/dev/urandom bs=64k count=4 2>/dev/null | sha256sum | wc -c; xargs -a Makefile echo | head -1
sort --parallel=2 -S 1M /usr/share/dict/words 2>/dev/null | wc -l; od -An -tx1 -N4 hello-static
gdb --version > /dev/null 2>&1; file=$(mktemp -p .); [ -f "$file" ] && echo mktemp; rm "$file"
env | grep -c GIT; id -u; nproc | grep -c .; cat /proc/sys/kernel/ostype; test -c /dev/null && echo null
ldd hello | sed 's/ (.*//; s/.*=> //' | sort | tail -2
