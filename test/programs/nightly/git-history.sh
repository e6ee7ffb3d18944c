# git with a history of 5,000 commits: fast-import, gc, fsck, clone over a path and over file://, log, blame, bisect, a bare server with push, worktrees.
# Needs: git
# Timeout: 1800
export LC_ALL=C TZ=UTC GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$PWD GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_DATE='2001-02-03T04:05:06Z' GIT_COMMITTER_DATE='2001-02-03T04:05:06Z'
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@d
awk 'BEGIN {
  for (i = 1; i <= 5000; i++) {
    printf "commit refs/heads/main\nmark :%d\ncommitter c <c@d> %d +0000\ndata <<END\nchange %d\nEND\n", i, 1000000000 + i * 60, i
    if (i > 1) printf "from :%d\n", i - 1
    text = "line " i "\n" (i % 7) "\n"
    for (j = 0; j < 3; j++) printf "M 100644 inline dir%d/sub%d/file%d\ndata %d\n%s\n", (i * 7 + j) % 20, (i + j) % 13, (i * 3 + j) % 50, length(text), text
    if (i % 500 == 0) printf "M 100755 inline run%d.sh\ndata 10\n#!/bin/sh\n\n", i
  }
  for (i = 1000; i <= 5000; i += 1000) printf "reset refs/tags/v%d\nfrom :%d\n\n", i / 1000, i
}' > stream
git init -q -b main --bare big.git && git -C big.git fast-import --quiet < stream; echo "import $?"
git -C big.git rev-parse main; git -C big.git rev-list --count main
git -C big.git gc -q 2>&1; echo "gc $?"; git -C big.git count-objects -v | grep -E 'count|in-pack|packs'
git -C big.git fsck --full --strict > fsck.log 2>&1; echo "fsck $?"; grep -v '^dangling' fsck.log
git clone -q big.git work; echo "clone $?"; git clone -q --depth 10 "file://$PWD/big.git" shallow; echo "shallow $?"; git -C shallow rev-list --count HEAD
git clone -q --no-local -b v3 big.git tagged 2> /dev/null; git -C tagged log -1 --format=%s
cd work; git status --short | wc -l; git ls-files | wc -l; git log --oneline v1..v2 -- dir3 | wc -l; git log -1 --stat --format=%h | tail -1
git blame run5000.sh | cut -c1-60; git describe --tags; git shortlog -sn HEAD | cat; git diff --shortstat v1 v5; git grep -c 'line 49' | wc -l
git bisect start main v1 > /dev/null; git bisect run sh -c '[ ! -e run4000.sh ]' 2>&1 | grep -c 'first bad commit'; git bisect reset > /dev/null 2>&1
git checkout -q -b topic v4; for i in 1 2 3 4 5; do echo $i > t$i; git add t$i; git commit -q -m "topic $i"; done
git rebase -q main; git log --format=%s -6; git checkout -q main; git merge -q --no-ff -m merged topic; git log --oneline --graph -8 --format=%s
git push -q origin main topic; echo "push $?"; git -C ../big.git log -1 --format=%s
git stash list; echo dirty >> t1; git stash -q; git stash pop -q; git status --short; git checkout -q t1
git worktree add -q ../second v2; git -C ../second log -1 --format=%s; git worktree list | wc -l; git worktree remove ../second
git archive v5 | tar t | wc -l; git bundle create -q ../b.bundle main; git bundle verify -q ../b.bundle; echo "bundle $?"
git clean -qfdx; git reset -q --hard v1; git ls-files | wc -l; git repack -q -a -d -f --threads=2; git verify-pack .git/objects/pack/*.pack; echo "pack $?"
git -C ../shallow fetch -q --unshallow; git -C ../shallow rev-list --count HEAD
git -C ../shallow pull -q; git -C ../shallow log -1 --format=%s
